import { bytesEqual, concatBytes, fromHex, LIMITS, unwrap } from "@meterseal/core";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeCbor } from "../src/cbor.ts";
import { kidOf } from "../src/cose-key.ts";
import {
    createRecord,
    encodeEpoch,
    epochOf,
    isSummary,
    type MeterRecord,
    parseRecord,
} from "../src/record.ts";
import { splitSequence, verifySign1 } from "../src/sign1.ts";
import { parseSummary } from "../src/summary.ts";
import { codeOf, flipBit, rawSign1, replaceHex, whereOf } from "./raw.ts";

const signer = testSigner("raw");
const subject = testBytes("subject raw", 16);
const FIELDS: [number, unknown][] = [
    [0, 5],
    [1, 1],
    [2, 1_356_998_400],
    [3, 1],
    [4, 0],
    [5, new Uint8Array(32)],
    [8, subject],
];
/** Payload with fields set anew; undefined leaves a field out. */
function payloadWith(...changes: [number, unknown][]): Uint8Array {
    const map = new Map([...FIELDS, ...changes]);
    for (const [key, value] of changes) if (value === undefined) map.delete(key);
    return encodeCbor(map);
}

describe("a record", () => {
    let valid: Uint8Array;
    let record: MeterRecord;
    beforeAll(async () => {
        const meter = await new TestNetwork().meter();
        record = await new TestChain(meter).usage();
        valid = record.message.bytes;
    });

    it("comes back as it was made, with the hash of what was signed", async () => {
        const payload = {
            recordClass: 6,
            seq: 7,
            timeUnix: 13_569_465_599,
            body: new Map<number, unknown>([[0, [1n << 62n, -5, "x", new Uint8Array(3)]]]),
            chainEpoch: 0xffff_ffff,
            prev: testBytes("prev", 32),
            ref: testBytes("ref", 8),
            expiresUnix: 0,
            subject,
        };
        const { message, ...parsed } = unwrap(parseRecord(await createRecord(signer, payload)));
        expect(parsed).toEqual(payload);
        expect(message.kid).toEqual(kidOf(signer.publicKey));
        expect(verifySign1(message, signer.publicKey)).toBe(true);
        expect(verifySign1(message, testSigner("other").publicKey)).toBe(false);
    });

    it("shares no memory rules with Node's Buffer, from which it may be read", () => {
        const buffer = Buffer.from(valid);
        const parsed = unwrap(parseRecord(buffer));
        const { payload, kid, signature, toBeSigned, hash, bytes } = parsed.message;
        const [item] = unwrap(splitSequence(buffer, 1));
        for (const part of [
            payload,
            kid,
            signature,
            toBeSigned,
            hash,
            bytes,
            item,
            parsed.subject,
        ]) {
            expect(Buffer.isBuffer(part)).toBe(false);
        }
        expect(Buffer.isBuffer(encodeCbor(new Uint8Array(100)))).toBe(false);
    });

    it("has a name that signing again does not change", async () => {
        const { message: _, ...payload } = record;
        const again = unwrap(parseRecord(await createRecord(testSigner("meter"), payload)));
        expect(bytesEqual(again.message.bytes, valid)).toBe(false);
        expect(again.message.hash).toEqual(record.message.hash);
    });

    it.each<[string, [number, unknown][], string, string]>([
        ["class 0", [[0, 0]], "MS_MALFORMED", "record[0]"],
        ["class 9", [[0, 9]], "MS_MALFORMED", "record[0]"],
        ["a class as text", [[0, "4"]], "MS_MALFORMED", "record[0]"],
        ["sequence number 0", [[1, 0]], "MS_MALFORMED", "record[1]"],
        ["a negative sequence number", [[1, -1]], "MS_MALFORMED", "record[1]"],
        ["a sequence number of 2^53", [[1, 1n << 53n]], "MS_MALFORMED", "record[1]"],
        ["a negative time", [[2, -1]], "MS_MALFORMED", "record[2]"],
        ["a time after 2399", [[2, 13_569_465_600]], "MS_MALFORMED", "record[2]"],
        ["a negative epoch", [[4, -1]], "MS_MALFORMED", "record[4]"],
        ["an epoch of 2^32", [[4, 2 ** 32]], "MS_MALFORMED", "record[4]"],
        ["a short prev", [[5, new Uint8Array(31)]], "MS_MALFORMED", "record[5]"],
        ["a long prev", [[5, new Uint8Array(33)]], "MS_MALFORMED", "record[5]"],
        ["prev as text", [[5, "a".repeat(32)]], "MS_MALFORMED", "record[5]"],
        ["an empty ref", [[6, new Uint8Array(0)]], "MS_MALFORMED", "record[6]"],
        ["a long ref", [[6, new Uint8Array(33)]], "MS_MALFORMED", "record[6]"],
        ["a negative expiry", [[7, -1]], "MS_MALFORMED", "record[7]"],
        ["a short subject", [[8, new Uint8Array(15)]], "MS_MALFORMED", "record[8]"],
        ["a long subject", [[8, new Uint8Array(17)]], "MS_MALFORMED", "record[8]"],
        ["an unknown field", [[9, 0]], "MS_MALFORMED", "record"],
        ["an unknown negative field", [[-1, 0]], "MS_MALFORMED", "record"],
        ["no class", [[0, undefined]], "MS_MALFORMED", "record[0]"],
        ["no sequence number", [[1, undefined]], "MS_MALFORMED", "record[1]"],
        ["no time", [[2, undefined]], "MS_MALFORMED", "record[2]"],
        ["no body", [[3, undefined]], "MS_MALFORMED", "record[3]"],
        ["no epoch", [[4, undefined]], "MS_MALFORMED", "record[4]"],
        ["no prev", [[5, undefined]], "MS_MALFORMED", "record[5]"],
        ["no subject", [[8, undefined]], "MS_MALFORMED", "record[8]"],
        ["a float as body", [[3, 1.5]], "MS_MALFORMED", "cbor"],
        ["a body nested too deep", [[3, [[[[[[[[0]]]]]]]]]], "MS_MALFORMED", "cbor"],
    ])("with %s is refused", async (_, changes, code, where) => {
        const parsed = parseRecord(await rawSign1({ payload: payloadWith(...changes) }));
        expect([codeOf(parsed), whereOf(parsed)]).toEqual([code, where]);
    });

    it("takes the bounds themselves", async () => {
        for (const change of [
            [0, 8],
            [1, Number.MAX_SAFE_INTEGER],
            [2, 0],
            [4, 0xffff_ffff],
            [6, new Uint8Array(32)],
            [7, 13_569_465_599],
            [3, [[[[[[[0]]]]]]]],
        ] satisfies [number, unknown][]) {
            expect(codeOf(parseRecord(await rawSign1({ payload: payloadWith(change) })))).toBe(
                "ok",
            );
        }
    });

    it.each<[string, Uint8Array]>([
        ["an array", encodeCbor([1, 2, 3])],
        ["a number", encodeCbor(1)],
        ["an empty map", encodeCbor(new Map())],
        ["a map with text keys", encodeCbor(new Map([["0", 1]]))],
        ["bytes after the map", concatBytes(payloadWith(), Uint8Array.of(0))],
        ["a key twice", replaceHex(payloadWith(), "a7000501", "a8000500050 1".replace(" ", ""))],
        ["keys out of order", replaceHex(payloadWith(), "a700050101", "a701010005")],
        ["a number in a long form", replaceHex(payloadWith(), "a700050101", "a70005011801")],
        [
            "a map of indefinite length",
            concatBytes(fromHex("bf"), payloadWith().slice(1), fromHex("ff")),
        ],
    ])("whose payload is %s is refused", async (_, payload) => {
        expect(codeOf(parseRecord(await rawSign1({ payload })))).toBe("MS_MALFORMED");
    });

    it("is refused when it is larger than its limit, and taken at the limit", async () => {
        const overhead =
            (await rawSign1({ payload: payloadWith([3, new Uint8Array(65_000)]) })).length - 65_000;
        const room = LIMITS.recordBytes - overhead;
        const fits = await rawSign1({ payload: payloadWith([3, new Uint8Array(room)]) });
        expect(fits.length).toBe(LIMITS.recordBytes);
        expect(codeOf(parseRecord(fits))).toBe("ok");
        const over = await rawSign1({ payload: payloadWith([3, new Uint8Array(room + 1)]) });
        expect(codeOf(parseRecord(over))).toBe("MS_TOO_LARGE");
        expect(codeOf(parseRecord(new Uint8Array(10_000_000)))).toBe("MS_TOO_LARGE");
    });

    it("is refused when it is cut at any byte, or has a byte more", () => {
        for (let length = 0; length < valid.length; length++) {
            expect(codeOf(parseRecord(valid.subarray(0, length))), `cut at ${length}`).toBe(
                "MS_MALFORMED",
            );
        }
        expect(codeOf(parseRecord(concatBytes(valid, Uint8Array.of(0))))).toBe("MS_MALFORMED");
        expect(codeOf(parseRecord(concatBytes(valid, valid)))).toBe("MS_MALFORMED");
    });

    it("C10 never stands with a bit turned, wherever it is", () => {
        const key = testSigner("meter").publicKey;
        let parsedAnyway = 0;
        for (let bit = 0; bit < valid.length * 8; bit++) {
            const parsed = parseRecord(flipBit(valid, bit));
            if (!parsed.ok) {
                expect(["MS_MALFORMED", "MS_VERSION"], `bit ${bit}`).toContain(parsed.error.code);
                continue;
            }
            parsedAnyway++;
            expect(verifySign1(parsed.value.message, key), `bit ${bit}`).toBe(false);
        }
        expect(parsedAnyway).toBeGreaterThan(1000);
    });

    it("never throws on arbitrary bytes", () => {
        const seed = seedOf(20);
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
                const code = isSummary(bytes) ? "MS_PRUNED" : "MS_MALFORMED";
                expect(codeOf(parseRecord(bytes))).toBe(code);
                expect(codeOf(parseSummary(bytes))).toBe("MS_MALFORMED");
                expect(codeOf(parseRecord(concatBytes(fromHex("d284"), bytes)))).toBe(
                    "MS_MALFORMED",
                );
            }),
            { seed, numRuns: 500 },
        );
        const random = seededRandom(seed);
        for (let i = 0; i < 3000; i++) {
            const bytes = valid.slice();
            for (let n = 1 + random.below(4); n > 0; n--)
                bytes[random.below(bytes.length)] = random.below(256);
            const parsed = parseRecord(bytes);
            if (!parsed.ok) expect(["MS_MALFORMED", "MS_VERSION"]).toContain(parsed.error.code);
        }
    });
});

describe("an epoch body", () => {
    const bodyOf = (body: unknown) => epochOf({ body } as MeterRecord);
    const valid = { chainEpoch: 1, lastSeq: 9, lastHash: testBytes("last", 32) };

    it("comes back as it was made", () => {
        const latest = { ...valid, lastSeq: Number.MAX_SAFE_INTEGER - 1 };
        for (const body of [valid, latest]) {
            expect(unwrap(bodyOf(encodeEpoch(body)))).toEqual(body);
        }
    });

    it.each<[string, [number, unknown]]>([
        ["a negative epoch", [0, -1]],
        ["an epoch of 2^32", [0, 2 ** 32]],
        ["a negative sequence number", [1, -1]],
        ["a sequence number that none can follow", [1, Number.MAX_SAFE_INTEGER]],
        ["a short hash", [2, new Uint8Array(31)]],
        ["an unknown field", [3, 0]],
        ["no epoch", [0, undefined]],
        ["no sequence number", [1, undefined]],
        ["no hash", [2, undefined]],
    ])("with %s is refused", (_, [key, value]) => {
        const map = encodeEpoch(valid);
        if (value === undefined) map.delete(key);
        else map.set(key, value);
        expect(codeOf(bodyOf(map))).toBe("MS_MALFORMED");
    });

    it("is refused when it is no map", () => {
        for (const body of [0, [], "x", null]) expect(codeOf(bodyOf(body))).toBe("MS_MALFORMED");
    });
});
