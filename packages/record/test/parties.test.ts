import { readFileSync, writeFileSync } from "node:fs";
import { fromHex, type Result, toHex, unwrap } from "@meterseal/core";
import { testBytes } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import {
    COHORT_BYTES,
    createNotice,
    createParty,
    createTariff,
    decodeCbor,
    encodeCbor,
    NOTICE_KIND,
    type NoticePayload,
    PARTY_ROLE,
    type PartyPayload,
    parseNotice,
    parseParty,
    parseTariff,
    RECIPIENT_SUITE,
    type Sign1,
    type TariffPayload,
    topicOf,
    verifySign1,
} from "../src/index.ts";
import { codeOf, rawSign1 } from "./raw.ts";
import { plain, signerOf } from "./vectors-messages.ts";

const FILE = new URL("../../../vectors/record/parties.json", import.meta.url);

const PARSERS = { party: parseParty, notice: parseNotice, tariff: parseTariff } as const;
type Kind = keyof typeof PARSERS;
type PartyVectors = {
    about: string[];
    messages: {
        name: string;
        kind: Kind;
        signer: string;
        hex: string;
        hash: string;
        fields: unknown;
    }[];
    refused: { name: string; kind: Kind; hex: string; code: string }[];
};

const network = testBytes("vector network", 32);
const operator = signerOf("operator");
const signer = signerOf("meter");
const streams = [testBytes("vector stream", 16)];
const x25519 = { suite: RECIPIENT_SUITE.x25519, bytes: testBytes("vector recipient", 32) };
const hybrid = { suite: RECIPIENT_SUITE.hybrid, bytes: new Uint8Array(1216).fill(0x4b) };
const household: PartyPayload = {
    network,
    role: PARTY_ROLE.household,
    id: testBytes("vector household", 16),
    key: signer.publicKey,
    timeUnix: 1_356_998_400,
    keyEpoch: 0,
    streams,
    recipients: [x25519],
    name: "MAC000515",
};
const PARTIES: Record<string, PartyPayload> = {
    "a household": household,
    "a household without a name and a recipient key, under a later key": {
        ...household,
        keyEpoch: 7,
        recipients: [],
        name: "",
    },
    "a provider with a key of each suite": {
        ...household,
        role: PARTY_ROLE.provider,
        id: testBytes("vector provider", 16),
        key: signerOf("collector").publicKey,
        streams: [],
        recipients: [x25519, hybrid],
        name: "Zähler & Söhne",
    },
};
const said = { network, party: household.id, timeUnix: 1_357_000_200 };
const hash = testBytes("vector grant", 32);
const NOTICES: Record<string, NoticePayload> = {
    "a grant": { ...said, kind: NOTICE_KIND.grant, hash },
    "a revocation": { ...said, kind: NOTICE_KIND.revocation, hash },
    "a policy": { ...said, kind: NOTICE_KIND.policy, hash: testBytes("vector policy", 32) },
    "an override": {
        ...said,
        kind: NOTICE_KIND.override,
        hash,
        findings: testBytes("vector findings", 32),
    },
    "a cohort": { ...said, kind: NOTICE_KIND.cohort, cohort: encodeCbor(["a cohort", 1]) },
};
const tariff: TariffPayload = { ...said, body: encodeCbor(["a tariff", 1]) };

async function makeVectors(): Promise<PartyVectors> {
    const messages: PartyVectors["messages"] = [];
    const add = (name: string, kind: Kind, by: string, bytes: Uint8Array): void => {
        const { fields, message } = fieldsOf(kind, bytes);
        messages.push({
            name,
            kind,
            signer: by,
            hex: toHex(bytes),
            hash: toHex(message.hash),
            fields,
        });
    };
    for (const [name, payload] of Object.entries(PARTIES))
        add(name, "party", "operator", await createParty(operator, payload));
    for (const [name, payload] of Object.entries(NOTICES))
        add(`notice of ${name}`, "notice", "meter", await createNotice(signer, payload));
    add("a tariff", "tariff", "meter", await createTariff(signer, tariff));
    return {
        about: [
            "Parties, notices and tariffs of Meterseal (docs/reference/formats.cddl).",
            "Keys of the signers: messages.json. hash: SHA-256 of the Sig_structure. fields: bytes in hex.",
            "refused: what a strict parser answers; the signatures hold.",
        ],
        messages,
        refused: await makeRefused(messages),
    };
}

function fieldsOf(kind: Kind, bytes: Uint8Array): { fields: unknown; message: Sign1 } {
    const parsed = unwrap(PARSERS[kind](bytes) as Result<{ message: Sign1 }>);
    const { message, ...fields } = parsed;
    return { fields: plain(fields), message };
}

async function makeRefused(messages: PartyVectors["messages"]): Promise<PartyVectors["refused"]> {
    const refused: PartyVectors["refused"] = [];
    const bytesOf = (name: string): Uint8Array =>
        fromHex(messages.find((message) => message.name === name)?.hex ?? "");
    /** A valid message with fields set anew; undefined leaves one out. */
    const change = async (
        why: string,
        [name, kind]: readonly [string, Kind],
        changes: readonly (readonly [number, unknown])[],
    ): Promise<void> => {
        const { message } = fieldsOf(kind, bytesOf(name));
        const map = decodeCbor(message.payload) as Map<number, unknown>;
        for (const [key, value] of changes) {
            if (value === undefined) map.delete(key);
            else map.set(key, value);
        }
        const by = kind === "party" ? operator : signer;
        const raw = await rawSign1({ signer: by, type: message.type, payload: encodeCbor(map) });
        refused.push({ name: `${kind}: ${why}`, kind, hex: toHex(raw), code: "MS_MALFORMED" });
    };
    const home = ["a household", "party"] as const;
    const provider = ["a provider with a key of each suite", "party"] as const;
    const recipient = [x25519.suite, x25519.bytes];
    await change("network of 31 bytes", home, [[0, network.slice(1)]]);
    await change("role 0", home, [[1, 0]]);
    await change("role 4", home, [[1, 4]]);
    await change("id of 15 bytes", home, [[2, household.id.slice(1)]]);
    await change("no key", home, [[3, Uint8Array.of(0xa0)]]);
    await change("no time", home, [[4, undefined]]);
    await change("key epoch 2^32", home, [[5, 2 ** 32]]);
    await change("a stream of 15 bytes", home, [[6, [household.id.slice(1)]]]);
    await change("a stream twice", home, [[6, [...streams, ...streams]]]);
    await change("17 streams", home, [
        [6, Array.from({ length: 17 }, (_, i) => new Uint8Array(16).fill(i))],
    ]);
    await change("a stream of a provider", provider, [[6, streams]]);
    await change("an empty list of recipient keys", home, [[7, []]]);
    await change("an unknown suite", home, [[7, [[3, x25519.bytes]]]]);
    await change("an X25519 key of 31 bytes", home, [[7, [[1, x25519.bytes.slice(1)]]]]);
    await change("a hybrid key of 32 bytes", home, [[7, [[2, x25519.bytes]]]]);
    await change("a recipient key with more", home, [[7, [[...recipient, 0]]]]);
    await change("two keys of one suite", home, [[7, [recipient, recipient]]]);
    await change("suites out of order", provider, [[7, [[2, hybrid.bytes], recipient]]]);
    await change("an empty name", home, [[8, ""]]);
    await change("a name of 65 bytes", home, [[8, "x".repeat(65)]]);
    await change("a name of 64 characters and 65 bytes", home, [[8, `é${"x".repeat(63)}`]]);
    await change("a name with a line break", home, [[8, "two\nlines"]]);
    await change("a name that turns its direction", home, [[8, "abc\u202edef"]]);
    await change("a name with a space before it", home, [[8, " home"]]);
    await change("an unknown field", home, [[9, 0]]);
    const grant = ["notice of a grant", "notice"] as const;
    const cohort = ["notice of a cohort", "notice"] as const;
    await change("party of 15 bytes", grant, [[1, household.id.slice(1)]]);
    await change("time below 0", grant, [[2, -1]]);
    await change("kind 0", grant, [[3, 0]]);
    await change("kind 6", grant, [[3, 6]]);
    await change("a hash of 31 bytes", grant, [[4, hash.slice(1)]]);
    await change("an override with one hash", ["notice of an override", "notice"], [[4, [hash]]]);
    await change("a pair of hashes for a grant", grant, [[4, [hash, hash]]]);
    await change("a cohort that is no CBOR", cohort, [[4, Uint8Array.of(0x81)]]);
    await change("a cohort over its limit", cohort, [[4, new Uint8Array(COHORT_BYTES + 1)]]);
    await change("an unknown field", grant, [[5, 0]]);
    const price = ["a tariff", "tariff"] as const;
    await change("an empty body", price, [[3, new Uint8Array(0)]]);
    await change("a body that is not deterministic", price, [[3, Uint8Array.of(0x18, 1)]]);
    await change("an unknown field", price, [[4, 0]]);
    for (const [kind, name] of [
        ["party", grant[0]],
        ["notice", home[0]],
        ["tariff", grant[0]],
    ] as const)
        refused.push({
            name: `${kind}: another type`,
            kind,
            hex: toHex(bytesOf(name)),
            code: "MS_VERSION",
        });
    return refused;
}

if (process.env.METERSEAL_WRITE_VECTORS !== undefined) {
    writeFileSync(FILE, `${JSON.stringify(await makeVectors(), null, 1)}\n`);
}
const vectors: PartyVectors = JSON.parse(readFileSync(FILE, "utf8"));

describe("vectors/record/parties.json", () => {
    it.each(vectors.messages)("has $name", (vector) => {
        const { fields, message } = fieldsOf(vector.kind, fromHex(vector.hex));
        expect(fields).toEqual(vector.fields);
        expect(toHex(message.hash)).toBe(vector.hash);
        expect(verifySign1(message, signerOf(vector.signer).publicKey)).toBe(true);
    });

    it.each(vectors.refused)("refuses $name", ({ kind, hex, code }) => {
        expect(codeOf(PARSERS[kind](fromHex(hex)))).toBe(code);
    });

    it("is what this program makes", async () => {
        expect(await makeVectors()).toEqual(vectors);
    });
});

describe("a notice", () => {
    it("is about the message that it names, or about its cohort", async () => {
        for (const [name, payload] of Object.entries(NOTICES)) {
            const notice = unwrap(parseNotice(await createNotice(signer, payload)));
            expect([name, toHex(topicOf(notice))]).toEqual([name, toHex(topicOf(payload))]);
        }
        const topics = Object.values(NOTICES).map((payload) => toHex(topicOf(payload)));
        expect(topics[0]).toBe(toHex(hash));
        expect(new Set(topics).size).toBe(3);
    });

    it("fits its message with the largest cohort", async () => {
        const cohort = encodeCbor(new Uint8Array(COHORT_BYTES - 3));
        expect(cohort.length).toBe(COHORT_BYTES);
        const bytes = await createNotice(signer, { ...said, kind: NOTICE_KIND.cohort, cohort });
        expect(codeOf(parseNotice(bytes))).toBe("ok");
    });
});
