import { fromHex, type Result, sha256, u32be, unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, rawSignerFromPem, signerFromPem } from "@meterseal/core/node";
import { describe, expect, it } from "vitest";
import { signCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { type Cosigner, cosign, formatCosignerKey } from "../src/checkpoint/cosignature.ts";
import { formatNote, parseNote } from "../src/checkpoint/note.ts";
import { formatVerifierKey } from "../src/checkpoint/note-key.ts";
import {
    judgeQuorum,
    POLICY_LIMITS,
    parsePolicy,
    smallestQuorum,
} from "../src/checkpoint/policy.ts";

const ORIGIN = "example.com/log";
const log = signerFromPem(generatePrivateKeyPem("edDsa"));
const logKey = formatVerifierKey({ name: ORIGIN, publicKey: log.publicKey });
const cosigners = ["X1", "X2", "X3", "Y1", "Y2", "Y3"].map((name, index): Cosigner => {
    const kind = index % 2 === 0 ? "edDsa" : "mlDsa44";
    const { publicKey, sign } = rawSignerFromPem(generatePrivateKeyPem(kind));
    return { name: `${name}.example`, type: kind === "edDsa" ? 4 : 6, publicKey, sign };
});
const witnessLine = (index: number, name: string): string =>
    `witness ${name} ${formatCosignerKey(cosigners[index] as Cosigner)}`;

/** The example of the standard, section "Example policy", with keys. */
const EXAMPLE = [
    `log ${logKey}`,
    "",
    witnessLine(0, "X1"),
    `${witnessLine(1, "X2")} https://x2.example/`,
    `\t ${witnessLine(2, "X3")}\t`,
    "group X-witnesses 2 X1 X2 X3",
    "# the other organisation",
    witnessLine(3, "Y1"),
    witnessLine(4, "Y2"),
    witnessLine(5, "Y3"),
    "group Y-witnesses any Y1 Y2 Y3",
    "  # both",
    "group X-and-Y all X-witnesses Y-witnesses",
    "quorum X-and-Y",
    "",
].join("\n");

async function noteOf(...indices: number[]): Promise<string> {
    const signed = await signCheckpoint(log, ORIGIN, 3, fromHex("bb".repeat(32)));
    const note = unwrap(parseNote(signed));
    const signatures = [...note.signatures];
    for (const index of indices) {
        signatures.push(await cosign(cosigners[index] as Cosigner, signed, 1_700_000_000));
    }
    return formatNote({ ...note, signatures });
}

const refusal = (text: string): string => {
    const parsed: Result<unknown> = parsePolicy(text);
    return parsed.ok ? "ok" : `${parsed.error.code} ${parsed.error.details.where}`;
};

describe("policy files", () => {
    it("are read: the example of the standard", () => {
        const policy = unwrap(parsePolicy(EXAMPLE));
        expect(policy.logs.map(({ key }) => key.name)).toEqual([ORIGIN]);
        expect(policy.witnesses.map(({ name }) => name)).toEqual([
            "X1",
            "X2",
            "X3",
            "Y1",
            "Y2",
            "Y3",
        ]);
        expect(policy.witnesses[1]?.url).toBe("https://x2.example/");
        expect(policy.groups.map(({ name, threshold }) => [name, threshold])).toEqual([
            ["X-witnesses", 2],
            ["Y-witnesses", 1],
            ["X-and-Y", 2],
        ]);
        expect(policy.quorum).toBe("X-and-Y");
    });
    it("may ask for nobody, or for one witness", () => {
        expect(unwrap(parsePolicy("quorum none\n")).quorum).toBeNull();
        expect(unwrap(parsePolicy(`${witnessLine(0, "w")}\nquorum w`)).quorum).toBe("w");
    });
    it.each([
        ["no quorum", `log ${logKey}`, "file"],
        ["two quorums", "quorum none\nquorum none", "line 2"],
        ["an unknown word", "logs x\nquorum none", "line 1"],
        ["a quorum not defined before", `quorum w\n${witnessLine(0, "w")}`, "line 1"],
        [
            "a group before its members",
            `group g any w\n${witnessLine(0, "w")}\nquorum none`,
            "line 1",
        ],
        ["a log twice", `log ${logKey}\nlog ${logKey}\nquorum none`, "line 2"],
        [
            "a witness twice under two names",
            `${witnessLine(0, "a")}\n${witnessLine(0, "b")}\nquorum none`,
            "line 2",
        ],
        ["a name twice", `${witnessLine(0, "a")}\n${witnessLine(1, "a")}\nquorum none`, "line 2"],
        ["the name none", `${witnessLine(0, "none")}\nquorum none`, "line 1"],
        ["a log's key for a witness", `witness w ${logKey}\nquorum none`, "line 1"],
        [
            "a witness's key for a log",
            `log ${formatCosignerKey(cosigners[0] as Cosigner)}\nquorum none`,
            "line 1",
        ],
        ["a group of nobody", "group g any\nquorum none", "line 1"],
        ["a threshold of 0", `${witnessLine(0, "w")}\ngroup g 0 w\nquorum none`, "line 2"],
        ["a threshold above n", `${witnessLine(0, "w")}\ngroup g 2 w\nquorum none`, "line 2"],
        ["a threshold with zeros", `${witnessLine(0, "w")}\ngroup g 01 w\nquorum none`, "line 2"],
        [
            "a member twice in a group",
            `${witnessLine(0, "w")}\ngroup g 1 w w\nquorum none`,
            "line 2",
        ],
        [
            "a member in two groups",
            `${witnessLine(0, "w")}\ngroup g 1 w\ngroup h 1 w\nquorum none`,
            "line 3",
        ],
        ["words after the quorum", "quorum none none", "line 1"],
        ["a carriage return", "quorum none\r\n", "file"],
    ])("are refused with %s", (_why, text, where) => {
        expect(refusal(text)).toBe(`MS_WITNESS_POLICY ${where}`);
    });
    it("have bounds", () => {
        expect(refusal(`#${" ".repeat(POLICY_LIMITS.characters)}`)).toBe("MS_WITNESS_POLICY file");
        const groups = Array.from({ length: POLICY_LIMITS.entries + 1 }, (_, index) =>
            index === 0 ? "group g0 any w" : `group g${index} any g${index - 1}`,
        );
        const text = (count: number): string =>
            [witnessLine(0, "w"), ...groups.slice(0, count), "quorum w"].join("\n");
        expect(refusal(text(POLICY_LIMITS.entries))).toBe("ok");
        expect(refusal(text(POLICY_LIMITS.entries + 1))).toBe(
            `MS_WITNESS_POLICY line ${POLICY_LIMITS.entries + 2}`,
        );
    });
});

describe("the most cosignatures that a quorum may need", () => {
    const most = POLICY_LIMITS.cosignatures;
    const keyOf = (i: number): string =>
        formatCosignerKey({ name: `${i}.example`, type: 4, publicKey: sha256(u32be(i)) });
    const witnesses = Array.from({ length: 64 }, (_, i) => `witness w${i} ${keyOf(i)}`);
    const some = (first: number, count: number): string =>
        Array.from({ length: count }, (_, i) => `w${first + i}`).join(" ");
    it.each([
        ["of a group", most, (count: number) => [`group q all ${some(0, count)}`]],
        ["of 64 witnesses", most, (count: number) => [`group q ${count} ${some(0, 64)}`]],
        [
            "where the nearest way is not open",
            most,
            (count: number) => [`group g ${count} ${some(0, 40)}`, "group q any g w50"],
        ],
        [
            "over groups in groups, the dearest of them",
            most,
            (count: number) => [
                `group a 7 ${some(0, 20)}`,
                `group b ${count - 7} ${some(20, 20)}`,
                `group c any ${some(40, 20)}`,
                "group q 2 a b c",
            ],
        ],
    ])("is bounded %s", (_where, count, groups) => {
        const textOf = (needed: number): string =>
            [...witnesses, ...groups(needed), "quorum q"].join("\n");
        expect(refusal(textOf(count))).toBe("ok");
        const last = textOf(count + 1);
        expect(refusal(last)).toBe(`MS_WITNESS_POLICY line ${last.split("\n").length}`);
        expect(refusal(last.replace("quorum q", "quorum w0"))).toBe("ok");
    });
    it("fits a note, of the longest names and signatures too", async () => {
        const signed = await signCheckpoint(log, ORIGIN, 2 ** 47, fromHex("bb".repeat(32)));
        const { signatures, text } = unwrap(parseNote(signed));
        const name = "n".repeat(255);
        const line = { name, keyId: 1, signature: new Uint8Array(8 + 2420) };
        const full = formatNote({ text, signatures: [...signatures, ...Array(most).fill(line)] });
        expect(unwrap(parseNote(full)).signatures).toHaveLength(1 + most);
    });
});

describe("keys whose signature lines spoil each other", () => {
    it("are refused: two witnesses of one name and key id", () => {
        const [one, other] = [12_466, 20_083].map((i) =>
            formatCosignerKey({ name: "w.example", type: 4, publicKey: sha256(u32be(i)) }),
        ) as [string, string];
        expect(one.split("+")[1]).toBe(other.split("+")[1]);
        const text = `witness a ${one}\nwitness b ${other}\nquorum none`;
        expect(refusal(text)).toBe("MS_WITNESS_POLICY line 2");
        const third = formatCosignerKey({
            name: "w.example",
            type: 4,
            publicKey: sha256(u32be(1)),
        });
        expect(refusal(text.replace(other, third))).toBe("ok");
    });
});

describe("a quorum", () => {
    it("is met by as few of those who cosigned as may be", () => {
        const policy = unwrap(parsePolicy(EXAMPLE));
        const fewest = (...names: string[]): unknown => smallestQuorum(policy, new Set(names));
        expect(fewest("Y3", "X1", "X2", "X3", "Y1", "Y2")).toEqual(["Y1", "X1", "X2"]);
        expect(fewest("X3", "X2", "Y2")).toEqual(["Y2", "X2", "X3"]);
        expect(fewest("X1", "Y1", "Y2", "Y3")).toBeNull();
        expect(smallestQuorum({ ...policy, quorum: null }, new Set())).toEqual([]);
        const nested = { name: "any", threshold: 1, members: ["X-and-Y"] };
        const either = { ...policy, groups: [...policy.groups, nested], quorum: "any" };
        expect(smallestQuorum(either, new Set(["X1", "X2", "Y1"]))).toHaveLength(3);
    });
    const policy = unwrap(parsePolicy(EXAMPLE));
    it.each([
        [[0, 1, 3], true],
        [[0, 2, 5], true],
        [[0, 1, 2, 3, 4, 5], true],
        [[0, 3, 4, 5], false],
        [[0, 1, 2], false],
        [[], false],
    ])("of witnesses %j is met: %j", async (indices, met) => {
        const verdict = judgeQuorum(policy, await noteOf(...indices));
        expect(verdict.met).toBe(met);
        expect(verdict.cosigned).toHaveLength(indices.length);
    });
    it("is met by nobody where none is asked for", async () => {
        const none = unwrap(parsePolicy("quorum none"));
        expect(judgeQuorum(none, await noteOf())).toEqual({ met: true, cosigned: [] });
    });
    it("does not count a cosignature over another tree", async () => {
        const note = (await noteOf(0, 1, 3)).replace("\n3\n", "\n4\n");
        expect(judgeQuorum(policy, note)).toEqual({ met: false, cosigned: [] });
    });
});
