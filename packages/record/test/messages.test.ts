import { type PublicKey, unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import { decodeCbor, encodeCbor } from "../src/cbor.ts";
import { decodeCoseKey, encodeCoseKey } from "../src/cose-key.ts";
import {
    createEnrolment,
    type EnrolPayload,
    parseEnrolment,
    ROLE,
    type StreamDescriptor,
} from "../src/enrol.ts";
import { attempt } from "../src/parse.ts";
import {
    createReceipt,
    encodeReceipt,
    parseReceipt,
    parseUnsignedReceipt,
    type Receipt,
} from "../src/receipt.ts";
import { createSign1, MESSAGE_TYPE, verifySign1 } from "../src/sign1.ts";
import { cborMap, codeOf, rawSign1, whereOf } from "./raw.ts";

const signer = testSigner("raw");

/** Encoded map with fields set anew; undefined leaves a field out. */
function changed(bytes: Uint8Array, changes: readonly [number, unknown][]): Uint8Array {
    const map = decodeCbor(bytes) as Map<number, unknown>;
    for (const [key, value] of changes) {
        if (value === undefined) map.delete(key);
        else map.set(key, value);
    }
    return encodeCbor(map);
}

const receipt: Receipt = {
    subject: testBytes("subject", 16),
    chainEpoch: 2,
    seq: 41,
    recordHash: testBytes("record", 32),
    level: 2,
    code: 0,
    timeUnix: 1_356_998_400,
    leafIndex: 6,
    checkpoint: { size: 7, root: testBytes("root", 32) },
    retryAfterSeconds: 30,
    nextSeq: 42,
};

describe("a receipt", () => {
    it("comes back as it was made, signed and unsigned", async () => {
        const { message, ...parsed } = unwrap(parseReceipt(await createReceipt(signer, receipt)));
        expect(parsed).toEqual(receipt);
        expect(verifySign1(message, signer.publicKey)).toBe(true);
        expect(unwrap(parseUnsignedReceipt(encodeReceipt(receipt)))).toEqual(receipt);
    });

    it("comes back without the fields that not every receipt has", () => {
        const {
            leafIndex: _l,
            checkpoint: _c,
            retryAfterSeconds: _r,
            nextSeq: _n,
            ...least
        } = receipt;
        expect(unwrap(parseUnsignedReceipt(encodeReceipt(least)))).toEqual(least);
    });

    it.each<[string, [number, unknown][], string]>([
        ["level 3", [[0, 3]], "receipt[0]"],
        ["a negative level", [[0, -1]], "receipt[0]"],
        ["a negative sequence number", [[1, -1]], "receipt[1]"],
        ["a negative time", [[2, -1]], "receipt[2]"],
        ["code 16", [[3, 16]], "receipt[3]"],
        ["a negative code", [[3, -1]], "receipt[3]"],
        ["an epoch of 2^32", [[4, 2 ** 32]], "receipt[4]"],
        ["a short hash", [[5, new Uint8Array(31)]], "receipt[5]"],
        ["a short subject", [[8, new Uint8Array(15)]], "receipt[8]"],
        ["a negative leaf index", [[9, -1]], "receipt[9]"],
        ["a leaf index of 2^53", [[9, 1n << 53n]], "receipt[9]"],
        ["a checkpoint that is no array", [[10, 1]], "receipt[10]"],
        ["a checkpoint of one part", [[10, [1]]], "receipt[10][1]"],
        ["a checkpoint of no part", [[10, []]], "receipt[10][0]"],
        ["a checkpoint of three parts", [[10, [1, new Uint8Array(32), 0]]], "receipt[10]"],
        ["a checkpoint of an empty tree", [[10, [0, new Uint8Array(32)]]], "receipt[10][0]"],
        ["a short root", [[10, [1, new Uint8Array(31)]]], "receipt[10][1]"],
        ["a negative wait", [[11, -1]], "receipt[11]"],
        ["a wait of more than a day", [[11, 86_401]], "receipt[11]"],
        ["a next sequence number of 0", [[12, 0]], "receipt[12]"],
        ["an unknown field", [[6, 0]], "receipt"],
        ["another unknown field", [[13, 0]], "receipt"],
        ...[0, 1, 2, 3, 4, 5, 8].map((key): [string, [number, unknown][], string] => [
            `no field ${key}`,
            [[key, undefined]],
            `receipt[${key}]`,
        ]),
    ])("with %s is refused, signed or not", async (_, changes, where) => {
        const payload = changed(encodeReceipt(receipt), changes);
        const unsigned = parseUnsignedReceipt(payload);
        expect([codeOf(unsigned), whereOf(unsigned)]).toEqual(["MS_MALFORMED", where]);
        const signed = parseReceipt(await createSign1(signer, MESSAGE_TYPE.receipt, payload));
        expect([codeOf(signed), whereOf(signed)]).toEqual(["MS_MALFORMED", where]);
    });

    it("is refused when it is cut at any byte, of another type, or no map", async () => {
        const bytes = await createReceipt(signer, receipt);
        const payload = encodeReceipt(receipt);
        for (let length = 0; length < bytes.length; length++) {
            expect(codeOf(parseReceipt(bytes.subarray(0, length)))).toBe("MS_MALFORMED");
        }
        for (let length = 0; length < payload.length; length++) {
            expect(codeOf(parseUnsignedReceipt(payload.subarray(0, length)))).toBe("MS_MALFORMED");
        }
        expect(codeOf(parseReceipt(await rawSign1({ payload })))).toBe("MS_VERSION");
        expect(codeOf(parseUnsignedReceipt(bytes))).toBe("MS_MALFORMED");
        expect(codeOf(parseUnsignedReceipt(encodeCbor([1])))).toBe("MS_MALFORMED");
    });
});

const descriptor: StreamDescriptor = {
    stream: testBytes("stream", 16),
    sealEpoch: 0,
    suite: 1,
    slotSeconds: 900,
    zone: "Europe/London",
    groups: [0, 1, 15],
    mode: 0,
    scale: 0,
};
const enrolment: EnrolPayload = {
    network: testBytes("network", 32),
    role: ROLE.meter,
    id: testBytes("subject", 16),
    key: testSigner("meter").publicKey,
    timeUnix: 1_356_998_400,
    epoch: 0,
    streams: [descriptor],
};

async function enrolmentPayload(): Promise<Uint8Array> {
    return unwrap(parseEnrolment(await createEnrolment(signer, enrolment))).message.payload;
}

describe("an enrolment", () => {
    it("comes back as it was made", async () => {
        const { message, ...parsed } = unwrap(
            parseEnrolment(await createEnrolment(signer, enrolment)),
        );
        expect(parsed).toEqual(enrolment);
        expect(verifySign1(message, signer.publicKey)).toBe(true);
    });

    it.each<[string, [number, unknown][], string]>([
        ["a short network id", [[0, new Uint8Array(31)]], "enrolment[0]"],
        ["role 0", [[1, 0]], "enrolment[1]"],
        ["role 4", [[1, 4]], "enrolment[1]"],
        ["a short id", [[2, new Uint8Array(15)]], "enrolment[2]"],
        ["an empty key", [[3, new Uint8Array(0)]], "enrolment[3]"],
        ["a key of 1,025 bytes", [[3, new Uint8Array(1025)]], "enrolment[3]"],
        ["a negative time", [[4, -1]], "enrolment[4]"],
        ["an epoch of 2^32", [[5, 2 ** 32]], "enrolment[5]"],
        ["17 streams", [[6, Array.from({ length: 17 }, () => new Map())]], "enrolment[6]"],
        ["an unknown field", [[7, 0]], "enrolment"],
        ...[0, 1, 2, 3, 4, 5, 6].map((key): [string, [number, unknown][], string] => [
            `no field ${key}`,
            [[key, undefined]],
            `enrolment[${key}]`,
        ]),
    ])("with %s is refused", async (_, changes, where) => {
        const payload = changed(await enrolmentPayload(), changes);
        const parsed = parseEnrolment(await createSign1(signer, MESSAGE_TYPE.enrol, payload));
        expect([codeOf(parsed), whereOf(parsed)]).toEqual(["MS_MALFORMED", where]);
    });

    it.each<[string, [number, unknown][], string]>([
        ["a short id", [[0, new Uint8Array(15)]], "stream[0]"],
        ["a negative seal epoch", [[1, -1]], "stream[1]"],
        ["suite 0", [[2, 0]], "stream[2]"],
        ["suite 3", [[2, 3]], "stream[2]"],
        ["slots of 0 s", [[3, 0]], "stream[3]"],
        ["slots of 7 s", [[3, 7]], "stream[3]"],
        ["slots of 2 h", [[3, 7200]], "stream[3]"],
        ["a zone of 65 characters", [[4, "x".repeat(65)]], "stream[4]"],
        ["an empty zone", [[4, ""]], "stream[4]"],
        ["a zone as bytes", [[4, new Uint8Array(3)]], "stream[4]"],
        ["no groups", [[5, []]], "stream[5]"],
        ["group 16", [[5, [16]]], "stream[5]"],
        ["a group twice", [[5, [0, 0]]], "stream[5]"],
        ["groups out of order", [[5, [1, 0]]], "stream[5]"],
        ["mode 2", [[6, 2]], "stream[6]"],
        ["a scale of 7", [[7, 7]], "stream[7]"],
        ["a scale of −7", [[7, -7]], "stream[7]"],
        ["an unknown field", [[8, 0]], "stream"],
        ...[0, 1, 2, 3, 4, 5, 6, 7].map((key): [string, [number, unknown][], string] => [
            `no field ${key}`,
            [[key, undefined]],
            `stream[${key}]`,
        ]),
    ])("of a stream with %s is refused", async (_, changes, where) => {
        const payload = await enrolmentPayload();
        const map = decodeCbor(payload) as Map<number, unknown>;
        const [stream] = map.get(6) as [unknown];
        const broken = decodeCbor(changed(encodeCbor(stream), changes));
        const bytes = await createSign1(
            signer,
            MESSAGE_TYPE.enrol,
            changed(payload, [[6, [broken]]]),
        );
        const parsed = parseEnrolment(bytes);
        expect([codeOf(parsed), whereOf(parsed)]).toEqual(["MS_MALFORMED", where]);
    });

    it("is refused when it is cut at any byte, or of another type", async () => {
        const bytes = await createEnrolment(signer, enrolment);
        for (let length = 0; length < bytes.length; length++) {
            expect(codeOf(parseEnrolment(bytes.subarray(0, length)))).toBe("MS_MALFORMED");
        }
        expect(codeOf(parseEnrolment(await rawSign1({ payload: await enrolmentPayload() })))).toBe(
            "MS_VERSION",
        );
    });
});

const RSA_MODULUS = new Uint8Array(256).fill(0xc1);
const rsaKey = (n: Uint8Array, e = Uint8Array.of(1, 0, 1)): [unknown, unknown][] => [
    [1, 3],
    [-1, n],
    [-2, e],
];

describe("a COSE key", () => {
    const decode = (bytes: Uint8Array) => attempt(() => decodeCoseKey(bytes));
    const es256 = testSigner("meter").publicKey as PublicKey & { algorithm: -7 };

    it.each<[string, PublicKey]>([
        ["P-256", es256],
        ["Ed25519", testSigner("log", "edDsa").publicKey],
        ["RSA-2048", { algorithm: -37, n: new Uint8Array(256).fill(0xc1) }],
    ])("of %s comes back as it was made", (_, key) => {
        expect(unwrap(decode(encodeCoseKey(key)))).toEqual(key);
    });

    it.each<[string, [unknown, unknown][]]>([
        ["no map entries", []],
        [
            "another key type",
            [
                [1, 4],
                [-1, new Uint8Array(32)],
            ],
        ],
        [
            "another curve",
            [
                [1, 2],
                [-1, 2],
                [-2, es256.x],
                [-3, es256.y],
            ],
        ],
        [
            "a compressed point",
            [
                [1, 2],
                [-1, 1],
                [-2, es256.x],
                [-3, true],
            ],
        ],
        [
            "a short coordinate",
            [
                [1, 2],
                [-1, 1],
                [-2, es256.x.slice(1)],
                [-3, es256.y],
            ],
        ],
        [
            "a long coordinate",
            [
                [1, 2],
                [-1, 1],
                [-2, es256.x],
                [-3, new Uint8Array(33)],
            ],
        ],
        [
            "a missing coordinate",
            [
                [1, 2],
                [-1, 1],
                [-2, es256.x],
            ],
        ],
        [
            "a private part",
            [
                [1, 2],
                [-1, 1],
                [-2, es256.x],
                [-3, es256.y],
                [-4, new Uint8Array(32)],
            ],
        ],
        [
            "an algorithm",
            [
                [1, 2],
                [3, -7],
                [-1, 1],
                [-2, es256.x],
                [-3, es256.y],
            ],
        ],
        [
            "X25519",
            [
                [1, 1],
                [-1, 4],
                [-2, new Uint8Array(32)],
            ],
        ],
        [
            "a short Ed25519 key",
            [
                [1, 1],
                [-1, 6],
                [-2, new Uint8Array(31)],
            ],
        ],
        [
            "a private Ed25519 part",
            [
                [1, 1],
                [-1, 6],
                [-2, new Uint8Array(32)],
                [-4, new Uint8Array(32)],
            ],
        ],
        [
            "a short modulus",
            [
                [1, 3],
                [-1, new Uint8Array(255).fill(1)],
                [-2, Uint8Array.of(3)],
            ],
        ],
        [
            "a modulus with a leading zero",
            [
                [1, 3],
                [-1, new Uint8Array(256)],
                [-2, Uint8Array.of(3)],
            ],
        ],
        [
            "an empty exponent",
            [
                [1, 3],
                [-1, new Uint8Array(256).fill(1)],
                [-2, new Uint8Array(0)],
            ],
        ],
        ["an RSA modulus of 2040 bits", rsaKey(new Uint8Array(255).fill(0xc1))],
        ["an RSA modulus of 3072 bits", rsaKey(new Uint8Array(384).fill(0xc1))],
        ["an RSA modulus of 2047 bits", rsaKey(new Uint8Array(256).fill(0x41))],
        ["an even RSA modulus", rsaKey(new Uint8Array(256).fill(0xc2))],
        ["the RSA exponent 3", rsaKey(RSA_MODULUS, Uint8Array.of(3))],
        ["an RSA exponent of 65539", rsaKey(RSA_MODULUS, Uint8Array.of(1, 0, 3))],
        ["an RSA exponent with a leading zero", rsaKey(RSA_MODULUS, Uint8Array.of(0, 1, 0, 1))],
        ["a further RSA part", [...rsaKey(RSA_MODULUS), [-3, 0]]],
        ["a private exponent", [...rsaKey(RSA_MODULUS), [-3, new Uint8Array(256).fill(7)]]],
        ["no RSA exponent", rsaKey(RSA_MODULUS).slice(0, 2)],
    ])("with %s is refused", (_, pairs) => {
        expect(codeOf(decode(encodeCbor(cborMap(...pairs))))).toBe("MS_MALFORMED");
    });

    it("is refused when it is no map", () => {
        for (const value of [1, [], "x", new Uint8Array(4)]) {
            expect(codeOf(decode(encodeCbor(value)))).toBe("MS_MALFORMED");
        }
    });

    it("made afresh by Node fits too", () => {
        for (const kind of ["es256", "ps256", "edDsa"] as const) {
            const key = signerFromPem(generatePrivateKeyPem(kind)).publicKey;
            expect(unwrap(decode(encodeCoseKey(key)))).toEqual(key);
        }
    });
});
