import { readFileSync, writeFileSync } from "node:fs";
import { fromHex, sha256, toHex, unwrap } from "@meterseal/core";
import { testBytes } from "@meterseal/testkit/keys";
import { usageBody } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import {
    createPruning,
    createRecord,
    createUsageRecord,
    decodeCbor,
    encodeCbor,
    isSummarized,
    isSummary,
    type MeterRecord,
    type PruningPayload,
    parsePruning,
    parseRecord,
    parseSummary,
    RECORD_CLASS,
    summarizeRecord,
    type UsageBody,
    usageOf,
    verifySign1,
} from "../src/index.ts";
import { codeOf, rawSign1 } from "./raw.ts";
import { plain, signerOf } from "./vectors-messages.ts";

const FILE = new URL("../../../vectors/record/pruning.json", import.meta.url);

type Vectors = {
    about: string[];
    pruning: { signer: string; hex: string; fields: unknown };
    summaries: { name: string; record: string; leaf: string; summary: string }[];
    refused: { name: string; kind: "pruning" | "summary"; hex: string; code: string }[];
};

const operator = signerOf("operator");
const meter = signerOf("meter");
const pruning: PruningPayload = {
    network: testBytes("vector network", 32),
    timeUnix: 1_420_070_400,
    beforeUnix: 1_388_534_400,
    size: 1_000,
    count: 4_711,
    digest: testBytes("vector digest", 32),
};
const place = {
    ...{ seq: 7, timeUnix: 1_357_000_000, chainEpoch: 2, prev: testBytes("vector prev", 32) },
    subject: testBytes("vector subject", 16),
};
const USAGES: Record<string, UsageBody> = {
    "a sealed stream": usageBody(),
    "an open stream of two groups": usageBody({
        ...{ groups: [0, 1], count: 2 },
        values: { mode: "open", registers: [1n, 2n, 3n, (1n << 63n) - 1n] },
    }),
    "commitments, flags, addresses, scale and medium": usageBody({
        ...{ count: 4, groups: [0, 1], scale: -3, medium: 2 },
        commitments: [new Uint8Array(4 * 32).fill(1)],
        exceptions: [{ offset: 1, level: 2, index: 4749 }],
        flags: [{ offset: 0, length: 2, flag: 1 }],
    }),
};

const leafOf = (bytes: Uint8Array): Uint8Array => sha256(Uint8Array.of(0, ...bytes));
const summaryOf = (record: MeterRecord): Uint8Array =>
    unwrap(summarizeRecord(record, leafOf(record.message.bytes)));

async function makeVectors(): Promise<Vectors> {
    const item = await createPruning(operator, pruning);
    const { message: _, ...fields } = unwrap(parsePruning(item));
    const summaries: Vectors["summaries"] = [];
    for (const [name, usage] of Object.entries(USAGES)) {
        const bytes = await createUsageRecord(meter, place, usage);
        const summary = toHex(summaryOf(unwrap(parseRecord(bytes))));
        summaries.push({ name, record: toHex(bytes), leaf: toHex(leafOf(bytes)), summary });
    }
    return {
        about: [
            "Prunings, and summaries of records (docs/reference/formats.cddl). Keys of the signers: messages.json.",
            "leaf: leaf hash of the record in its vertex. refused: what a strict parser answers.",
        ],
        pruning: { signer: "operator", hex: toHex(item), fields: plain(fields) },
        summaries,
        refused: await makeRefused(item, fromHex(summaries[1]?.summary ?? "")),
    };
}

async function makeRefused(item: Uint8Array, summary: Uint8Array): Promise<Vectors["refused"]> {
    const refused: Vectors["refused"] = [];
    const { message } = unwrap(parsePruning(item));
    const changes: [string, number, unknown][] = [
        ["network of 31 bytes", 0, pruning.network.slice(1)],
        ["time below 0", 1, -1],
        ["an instant after the year 2399", 2, 13_569_465_600],
        ["no size", 3, undefined],
        ["count below 0", 4, -1],
        ["digest of 33 bytes", 5, new Uint8Array(33)],
        ["an unknown field", 6, 0],
    ];
    for (const [name, key, value] of changes) {
        const map = decodeCbor(message.payload) as Map<number, unknown>;
        if (value === undefined) map.delete(key);
        else map.set(key, value);
        const raw = { signer: operator, type: message.type, payload: encodeCbor(map) };
        const hex = toHex(await rawSign1(raw));
        refused.push({ name: `pruning: ${name}`, kind: "pruning", hex, code: "MS_MALFORMED" });
    }
    const fields = decodeCbor(summary) as unknown[];
    const wrong: [string, number, unknown][] = [
        ["an unknown algorithm", 0, 3],
        ["a key id of 7 bytes", 1, new Uint8Array(7)],
        ["a leaf hash of 31 bytes", 2, new Uint8Array(31)],
        ["a hash of 33 bytes", 3, new Uint8Array(33)],
        ["no length", 4, 0],
        ["sequence number 0", 5, 0],
        ["epoch 2^32", 7, 2 ** 32],
        ["a predecessor of 31 bytes", 8, new Uint8Array(31)],
        ["a subject of 15 bytes", 9, new Uint8Array(15)],
        ["no usage", 10, 1],
    ];
    const add = (name: string, value: unknown): void => {
        const hex = toHex(encodeCbor(value));
        refused.push({ name: `summary: ${name}`, kind: "summary", hex, code: "MS_MALFORMED" });
    };
    for (const [name, at, value] of wrong) add(name, fields.with(at, value));
    add("twelve fields", [...fields, 0]);
    const usage = fields[10] as Map<number, unknown>;
    add("registers of two boundaries", fields.with(10, new Map([...usage, [12, [1, 2, 3, 4]]])));
    add("sealed registers", fields.with(10, new Map([...usage, [6, new Uint8Array(8)]])));
    add("commitments of more groups", fields.with(10, new Map([...usage, [9, 3]])));
    return refused;
}

if (process.env.METERSEAL_WRITE_VECTORS !== undefined) {
    writeFileSync(FILE, `${JSON.stringify(await makeVectors(), null, 1)}\n`);
}
const vectors: Vectors = JSON.parse(readFileSync(FILE, "utf8"));

describe("vectors/record/pruning.json", () => {
    it("has a pruning, signed", () => {
        const { message, ...fields } = unwrap(parsePruning(fromHex(vectors.pruning.hex)));
        expect(plain(fields)).toEqual(vectors.pruning.fields);
        expect(verifySign1(message, operator.publicKey)).toBe(true);
    });

    it.each(vectors.summaries)(
        "has what is left of a record with $name",
        ({ leaf, record, summary }) => {
            const whole = unwrap(parseRecord(fromHex(record)));
            expect(toHex(summaryOf(whole))).toBe(summary);
            const left = unwrap(parseSummary(fromHex(summary)));
            expect([toHex(left.summary.leafHash), left.summary.byteLength]).toEqual([
                leaf,
                record.length / 2,
            ]);
        },
    );

    it.each(vectors.refused)("refuses $name", ({ code, hex, kind }) => {
        const parse = kind === "pruning" ? parsePruning : parseSummary;
        expect(codeOf(parse(fromHex(hex)))).toBe(code);
    });

    it("has summaries that this program makes", async () => {
        const { refused, summaries } = await makeVectors();
        expect(refused.map(({ name }) => name)).toEqual(vectors.refused.map(({ name }) => name));
        expect(summaries.length).toBe(vectors.summaries.length);
    });
});

describe("a summary", () => {
    it.each(Object.entries(USAGES))(
        "says what the rules ask of a record with %s",
        async (_name, usage) => {
            const whole = unwrap(parseRecord(await createUsageRecord(meter, place, usage)));
            const left = unwrap(parseSummary(summaryOf(whole)));
            expect([isSummarized(whole), isSummarized(left)]).toEqual([false, true]);
            const { body: _body, message, ...content } = whole;
            expect(left).toMatchObject(content);
            expect(left.message).toMatchObject({ hash: message.hash, kid: message.kid });
            const { commitments, values, ...rest } = unwrap(usageOf(left));
            expect(unwrap(usageOf(whole))).toMatchObject(rest);
            expect(commitments?.length).toBe(usage.commitments?.length);
            expect(values).toEqual(
                usage.values.mode === "open"
                    ? { mode: "open", registers: usage.values.registers.slice(-2) }
                    : { mode: "sealed", bytes: new Uint8Array(0) },
            );
            expect(unwrap(summarizeRecord(left, new Uint8Array(32)))).toBe(left.summary.bytes);
        },
    );

    it("is no record, and no record is one", async () => {
        const bytes = await createUsageRecord(meter, place, usageBody());
        const summary = summaryOf(unwrap(parseRecord(bytes)));
        expect([isSummary(bytes), isSummary(summary)]).toEqual([false, true]);
        expect([codeOf(parseRecord(summary)), codeOf(parseSummary(bytes))]).toEqual([
            "MS_PRUNED",
            "MS_MALFORMED",
        ]);
    });

    it("is made of usage records alone", async () => {
        const warning = { ...place, recordClass: RECORD_CLASS.warning, body: 1 };
        const broken = { ...place, recordClass: RECORD_CLASS.usage, body: 1 };
        for (const payload of [warning, broken]) {
            const record = unwrap(parseRecord(await createRecord(meter, payload)));
            expect(codeOf(summarizeRecord(record, new Uint8Array(32)))).toBe("MS_MALFORMED");
        }
    });
});
