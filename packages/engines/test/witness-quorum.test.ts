import { error, MetersealError, unwrap } from "@meterseal/core";
import { rawSignerFromPem } from "@meterseal/core/node";
import {
    COSIGNATURE,
    type Cosigner,
    cosign,
    formatCosignerKey,
    formatSignatureLine,
    type NoteSignature,
    parseNote,
    parsePolicy,
    signCheckpoint,
    verifyCheckpoint,
} from "@meterseal/ledger";
import { testBytes, testKeyPem, testSigner } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import { WitnessQuorum } from "../src/witness/index.ts";

const ORIGIN = "log.example";
const logSigner = testSigner("45771", "edDsa");
/** Its key has the key id of the log's under the log's name: two of 2^16 keys each that met. */
const CLASH = "1186";
const TIME_UNIX = 1_700_000_000;
const note = await signCheckpoint(logSigner, ORIGIN, 7, testBytes("root", 32));

function cosigner(name: string, seed = name): Cosigner {
    const { publicKey, sign } = rawSignerFromPem(testKeyPem(seed, "edDsa"));
    return { name, type: COSIGNATURE.ed25519, publicKey, sign };
}

/** What a witness answers: its status is 200, or it is not reached. */
type Answer = (own: string) => string | Promise<string>;

const honest: Answer = (own) => own;
const away: Answer = () => {
    throw error("MS_LINK", { got: "not reached" });
};
const junk = (name: string, keyId: number): string =>
    formatSignatureLine({ name, keyId, signature: testBytes("junk", 32) });

/** Witnesses w0, w1 and so on, each with what it answers; asks them for enough cosignatures. */
function gather(
    cosigners: readonly Cosigner[],
    answers: readonly Answer[],
    rules: readonly string[],
    from = note,
): Promise<string> {
    const lines = cosigners.map(
        (each, i) => `witness w${i} ${formatCosignerKey(each)} http://w${i}`,
    );
    const policy = unwrap(parsePolicy([...lines, ...rules].join("\n")));
    const quorum = new WitnessQuorum(policy, async (url) => {
        const index = Number(/w(\d+)/.exec(url)?.[1]);
        const own = await cosign(cosigners[index] as Cosigner, note, TIME_UNIX);
        return { status: 200, body: (await answers[index]?.(formatSignatureLine(own))) ?? "" };
    });
    return quorum.cosign(from, 7, () => []);
}

const linesOf = (cosigned: string): readonly NoteSignature[] =>
    unwrap(parseNote(cosigned)).signatures;
const namesOf = (cosigned: string): string[] => linesOf(cosigned).map(({ name }) => name);
const isSigned = (cosigned: string): boolean =>
    verifyCheckpoint(cosigned, { origin: ORIGIN, publicKey: logSigner.publicKey }).ok;

describe("a quorum in which one witness lies", () => {
    const two = [cosigner("a.example"), cosigner("b.example")];
    const bothOf = ["group g all w0 w1", "quorum g"];

    it.each([
        ["first", 0],
        ["last", 1],
    ])("takes one line of it, whatever else it answers, %s", async (_when, liar) => {
        const { name } = two[liar] as Cosigner;
        const answers = [honest, honest];
        answers[liar] = (own) => own + [1, 2, 3, 4, 5].map((id) => junk(name, id)).join("");
        expect(namesOf(await gather(two, answers, bothOf)).sort()).toEqual(
            ["a.example", "b.example", ORIGIN].sort(),
        );
    });
    it("settles where it answers more lines than a note may have, or none that is its own", async () => {
        const many: Answer = (own) => own + junk("a.example", 1).repeat(20);
        for (const answer of [many, () => "", () => "\n\n", () => junk("a.example", 1)]) {
            const failure: unknown = await gather(two, [answer, honest], bothOf).catch(
                (cause) => cause,
            );
            expect(failure instanceof MetersealError && failure.code).toBe("MS_WITNESS");
            expect(namesOf(await gather(two, [answer, honest], ["quorum w1"]))).toHaveLength(2);
        }
    });
    it("takes no line of it in the name of another key", async () => {
        const [, other] = two;
        const { keyId } = await cosign(other as Cosigner, note, TIME_UNIX);
        const cosigners = [cosigner("b.example", "liar"), other as Cosigner];
        const spoiling: Answer = (own) => own + junk("b.example", keyId);
        const cosigned = await gather(cosigners, [spoiling, honest], bothOf);
        expect(namesOf(cosigned)).toEqual([ORIGIN, "b.example", "b.example"]);
        const [log] = linesOf(note);
        const asLog = [cosigner(ORIGIN, "liar"), other as Cosigner];
        const forging: Answer = (own) => own + junk(ORIGIN, log?.keyId ?? 0);
        expect(isSigned(await gather(asLog, [forging, honest], bothOf))).toBe(true);
    });
    it("takes no line that readers would take for the log's", async () => {
        const clashing = [cosigner(ORIGIN, CLASH), two[1] as Cosigner];
        const own = await cosign(clashing[0] as Cosigner, note, TIME_UNIX);
        expect(own.keyId).toBe(linesOf(note)[0]?.keyId);
        const failure: unknown = await gather(clashing, [honest, honest], bothOf).catch(
            (cause) => cause,
        );
        expect(String(failure)).toMatch(/MS_WITNESS: .*w0: /);
        const cosigned = await gather(clashing, [honest, honest], ["quorum w1"]);
        expect([namesOf(cosigned), isSigned(cosigned)]).toEqual([[ORIGIN, "b.example"], true]);
    });
});

describe("a quorum of many witnesses", () => {
    const many = Array.from({ length: 40 }, (_, i) => cosigner(`w${i}.example`));
    const some = (first: number, end: number): string =>
        many
            .slice(first, end)
            .map((_, i) => `w${first + i}`)
            .join(" ");

    it("is met by as many as a note has room for", async () => {
        const rules = [`group g all ${some(0, 15)}`, "quorum g"];
        const cosigned = await gather(many.slice(0, 15), Array(15).fill(honest), rules);
        expect(linesOf(cosigned)).toHaveLength(16);
    });
    it("keeps the lines that it needs, also where many more came before", async () => {
        let early = 0;
        const { promise: opened, resolve: open } = Promise.withResolvers<void>();
        const answers = many.map((_, i): Answer => {
            if (i === 39) return (own) => opened.then(() => own);
            return (own) => {
                if (++early === 39) setTimeout(open, 10);
                return own;
            };
        });
        const rules = [
            `group one any ${some(0, 20)}`,
            `group three 3 ${some(20, 39)}`,
            "group both all one three w39",
            "quorum both",
        ];
        expect(linesOf(await gather(many, answers, rules))).toHaveLength(1 + 1 + 3 + 1);
    });
    it("counts what the checkpoint carries already, and leaves out what the policy does not name", async () => {
        const first = await gather(
            many.slice(0, 2),
            [honest, honest],
            ["group g all w0 w1", "quorum g"],
        );
        const again = await gather(
            many.slice(1, 3),
            [away, honest],
            ["group g all w0 w1", "quorum g"],
            first,
        );
        expect(namesOf(again).sort()).toEqual([ORIGIN, "w1.example", "w2.example"].sort());
    });
});
