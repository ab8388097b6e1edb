import {
    concatBytes,
    type PublicKey,
    type Result,
    type Signer,
    toHex,
    unwrap,
} from "@meterseal/core";
import {
    RSA_TEST_SECRET,
    signerFromSecret,
    type TestKeyKind,
    testBytes,
    testSecret,
} from "@meterseal/testkit/keys";
import { usageBody } from "@meterseal/testkit/records";
import { expect } from "vitest";
import { decodeCbor, encodeCbor } from "../src/cbor.ts";
import { encodeCoseKey, kidOf } from "../src/cose-key.ts";
import { createEnrolment, parseEnrolment, ROLE } from "../src/enrol.ts";
import {
    createReceipt,
    encodeReceipt,
    parseReceipt,
    parseUnsignedReceipt,
    type Receipt,
} from "../src/receipt.ts";
import {
    createRecord,
    createUsageRecord,
    encodeEpoch,
    epochOf,
    type MeterRecord,
    parseRecord,
    type RecordPayload,
    usageOf,
} from "../src/record.ts";
import {
    createSign1,
    MESSAGE_TYPE,
    parseSign1,
    type Sign1,
    splitSequence,
    verifySign1,
} from "../src/sign1.ts";

export type Kind = "record" | "receipt" | "unsigned-receipt" | "enrolment" | "link-token";
export type MessageVector = {
    name: string;
    kind: Kind;
    signer: string | null;
    hex: string;
    hash: string | null;
    fields: unknown;
};
export type RefusedVector = {
    name: string;
    kind: Kind | "sequence" | "signature";
    key?: string;
    hex: string;
    /** So many zero bytes follow. */
    zeros?: number;
    code: string;
};
export type Vectors = {
    about: string[];
    keys: Record<string, { kind: TestKeyKind; secret: string; coseKey: string; kid: string }>;
    messages: MessageVector[];
    refused: RefusedVector[];
};

/** Keys of the vectors by name; only "edDsa" signatures can be made again. */
export const KEYS: Record<string, TestKeyKind> = {
    meter: "edDsa",
    "meter-es256": "es256",
    "meter-ps256": "ps256",
    operator: "edDsa",
    collector: "edDsa",
};
/** Bytes of the signatures that are recorded, for they are random. */
export const RECORDED_BYTES: Partial<Record<string, number>> = {
    "meter-es256": 64,
    "meter-ps256": 256,
};
const secretOf = (name: string): string =>
    KEYS[name] === "ps256" ? RSA_TEST_SECRET : testSecret(`vector ${name}`);
export const signerOf = (name: string): Signer =>
    signerFromSecret(KEYS[name] as TestKeyKind, secretOf(name));

/** Value as JSON: bytes in hex, large integers in decimal text, maps as pairs. */
export function plain(value: unknown): unknown {
    if (value instanceof Uint8Array) return toHex(value);
    if (typeof value === "bigint") return `${value}`;
    if (value instanceof Map) return { pairs: [...value].map((pair) => pair.map(plain)) };
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}

export function fieldsOf(
    kind: Kind,
    bytes: Uint8Array,
): { fields: unknown; message: Sign1 | null } {
    switch (kind) {
        case "record": {
            const { message, ...record } = unwrap(parseRecord(bytes));
            return { fields: plain({ ...record, body: bodyOf({ ...record, message }) }), message };
        }
        case "receipt": {
            const { message, ...receipt } = unwrap(parseReceipt(bytes));
            return { fields: plain(receipt), message };
        }
        case "enrolment": {
            const { message, ...enrolment } = unwrap(parseEnrolment(bytes));
            return { fields: plain(enrolment), message };
        }
        case "link-token": {
            const message = unwrap(parseSign1(bytes, MESSAGE_TYPE.link));
            return { fields: plain(decodeCbor(message.payload)), message };
        }
        case "unsigned-receipt":
            return { fields: plain(unwrap(parseUnsignedReceipt(bytes))), message: null };
    }
}

function bodyOf(record: MeterRecord): unknown {
    if (record.recordClass === 4) return unwrap(usageOf(record));
    return record.recordClass === 7 ? unwrap(epochOf(record)) : record.body;
}

export function parse(
    kind: RefusedVector["kind"],
    bytes: Uint8Array,
    key?: PublicKey,
): Result<unknown> {
    switch (kind) {
        case "record": {
            const record = parseRecord(bytes);
            if (!record.ok || record.value.recordClass !== 4) return record;
            return usageOf(record.value);
        }
        case "receipt":
            return parseReceipt(bytes);
        case "unsigned-receipt":
            return parseUnsignedReceipt(bytes);
        case "enrolment":
            return parseEnrolment(bytes);
        case "link-token":
            return parseSign1(bytes, MESSAGE_TYPE.link);
        case "sequence":
            return splitSequence(bytes, 3);
        case "signature": {
            const record = unwrap(parseRecord(bytes));
            expect(verifySign1(record.message, key as PublicKey)).toBe(false);
            return { ok: true, value: record };
        }
    }
}

/** Makes the messages anew. */
export async function makeMessages(): Promise<Omit<Vectors, "refused">> {
    const messages: MessageVector[] = [];
    const add = (
        name: string,
        kind: Kind,
        signer: string | null,
        bytes: Uint8Array,
    ): Uint8Array => {
        const { fields, message } = fieldsOf(kind, bytes);
        messages.push({
            name,
            kind,
            signer,
            hex: toHex(bytes),
            hash: message && toHex(message.hash),
            fields,
        });
        return bytes;
    };
    await addEnrolments(add);
    await addRecords(add, "meter");
    await addRecords(add, "meter-es256");
    await addRecords(add, "meter-ps256");
    await addReceipts(add);
    const keys = Object.entries(KEYS).map(([name, kind]) => {
        const { publicKey } = signerOf(name);
        const secret = secretOf(name);
        const coseKey = toHex(encodeCoseKey(publicKey));
        return [name, { kind, secret, coseKey, kid: toHex(kidOf(publicKey)) }];
    });
    return {
        about: [
            "Messages of Meterseal (docs/reference/formats.cddl). Private keys are here for tests only.",
            "edDsa signatures are a function of key and message; those of es256 and ps256 are as recorded.",
            "secret: the bare private key of 32 bytes; with ps256 its PKCS #8.",
            "hash: SHA-256 of the Sig_structure. fields: bytes in hex, integers above 2^53 in decimal text.",
            "refused: zeros: so many zero bytes follow the hex. `code` is what a strict parser answers; kind signature: parses, and must not verify.",
        ],
        keys: Object.fromEntries(keys),
        messages,
    };
}

type Add = (name: string, kind: Kind, signer: string | null, bytes: Uint8Array) => Uint8Array;
const network = testBytes("vector network", 32);
export const subject = testBytes("vector subject", 16);
const stream = testBytes("vector stream", 16);

async function addEnrolments(add: Add): Promise<void> {
    const base = { network, timeUnix: 1_356_998_400, epoch: 0 };
    const descriptor = {
        stream,
        sealEpoch: 0,
        suite: 1,
        slotSeconds: 1800,
        zone: "Europe/London",
        groups: [0],
        mode: 0,
        scale: 0,
    };
    const operator = signerOf("operator");
    for (const [name, epoch] of [
        ["meter", 0],
        ["meter-es256", 1],
        ["meter-ps256", 2],
    ] as const) {
        const key = signerOf(name).publicKey;
        const streams = [
            { ...descriptor, sealEpoch: epoch },
            { ...descriptor, sealEpoch: epoch + 10, groups: [0, 1, 2, 15], scale: -1 },
        ];
        add(
            `enrolment of ${name}`,
            "enrolment",
            "operator",
            await createEnrolment(operator, {
                ...base,
                role: ROLE.meter,
                id: subject,
                key,
                epoch,
                streams,
            }),
        );
    }
    add(
        "enrolment of a meter with commitments",
        "enrolment",
        "operator",
        await createEnrolment(operator, {
            ...base,
            role: ROLE.meter,
            id: subject,
            key: signerOf("meter").publicKey,
            epoch: 2,
            streams: [descriptor, { ...descriptor, sealEpoch: 20, groups: [0, 1], committed: 2 }],
        }),
    );
    const { publicKey } = signerOf("collector");
    add(
        "enrolment of a collector",
        "enrolment",
        "operator",
        await createEnrolment(operator, {
            ...base,
            role: ROLE.collector,
            id: testBytes("vector collector", 16),
            key: publicKey,
            streams: [],
        }),
    );
    const claim = encodeCbor(
        new Map<number, unknown>([
            [0, network],
            [1, subject],
            [2, 1_356_998_400],
        ]),
    );
    add(
        "link token",
        "link-token",
        "meter",
        await createSign1(signerOf("meter"), MESSAGE_TYPE.link, claim),
    );
}

async function addRecords(add: Add, name: string): Promise<void> {
    const signer = signerOf(name);
    let place: Omit<RecordPayload, "recordClass" | "body"> = {
        seq: 0,
        timeUnix: 1_357_000_200,
        chainEpoch: 0,
        prev: testBytes("vector prev", 32),
        subject,
    };
    const next = async (
        title: string,
        make: (at: typeof place) => Promise<Uint8Array>,
    ): Promise<void> => {
        place = { ...place, seq: place.seq + 1, timeUnix: place.timeUnix + 1800 };
        const bytes = add(`${title}, by ${name}`, "record", name, await make(place));
        place = { ...place, prev: unwrap(parseRecord(bytes)).message.hash };
    };
    const sealed = (channels: number, count: number): Uint8Array =>
        concatBytes(
            ...Array.from({ length: (channels * count) / 4 }, (_, i) =>
                testBytes(`vector sealed ${i}`, 32),
            ),
        );
    const body = { stream, slotSeconds: 1800, firstSlot: 227_952, count: 4 };
    await next("sealed usage of one group", (at) =>
        createUsageRecord(
            signer,
            at,
            usageBody({
                ...body,
                values: { mode: "sealed", bytes: sealed(1, 4) },
                exceptions: [{ offset: 0, level: 3, index: 156 }],
            }),
        ),
    );
    await next("sealed usage of groups 0, 1, 2 and 15 with flags and commitments", (at) =>
        createUsageRecord(
            signer,
            at,
            usageBody({
                ...body,
                sealEpoch: 10,
                groups: [0, 1, 2, 15],
                values: { mode: "sealed", bytes: sealed(5, 4) },
                exceptions: [
                    { offset: 0, level: 2, index: 4749 },
                    { offset: 2, level: 0 },
                ],
                flags: [
                    { offset: 0, length: 1, flag: 1 },
                    { offset: 1, length: 2, flag: 5 },
                ],
                commitments: [0, 1].map((group) =>
                    concatBytes(
                        ...[0, 1, 2, 3].map((i) =>
                            testBytes(`vector commitment ${group} ${i}`, 32),
                        ),
                    ),
                ),
                scale: -1,
                medium: 1,
            }),
        ),
    );
    await next("sealed usage around the end of a day in a zone of half hours", (at) =>
        createUsageRecord(
            signer,
            at,
            usageBody({
                ...body,
                firstSlot: 227_988,
                values: { mode: "sealed", bytes: sealed(1, 4) },
                hourPhaseSeconds: 1800,
                exceptions: [{ offset: 1, level: 2, index: 4750 }],
            }),
        ),
    );
    await next("open usage", (at) =>
        createUsageRecord(
            signer,
            at,
            usageBody({
                ...body,
                values: { mode: "open", registers: [0n, 250n, 1n << 53n, (1n << 63n) - 1n] },
            }),
        ),
    );
    await next("warning", (at) => createRecord(signer, { ...at, recordClass: 5, body: 3 }));
    await next("response with reference and expiry", (at) =>
        createRecord(signer, {
            ...at,
            recordClass: 6,
            body: [0, testBytes("vector body", 8)],
            ref: testBytes("vector ref", 32),
            expiresUnix: at.timeUnix + 3600,
        }),
    );
    const last = { chainEpoch: 0, lastSeq: place.seq, lastHash: place.prev };
    place = { ...place, chainEpoch: 1, seq: 0, prev: testBytes("vector prev", 32) };
    await next("epoch", (at) =>
        createRecord(signer, { ...at, recordClass: 7, body: encodeEpoch(last) }),
    );
}

async function addReceipts(add: Add): Promise<void> {
    const receipt: Receipt = {
        subject,
        chainEpoch: 0,
        seq: 5,
        recordHash: testBytes("vector hash", 32),
        level: 1,
        code: 0,
        timeUnix: 1_357_010_000,
    };
    const collector = signerOf("collector");
    const checkpoint = { size: 7, root: testBytes("vector root", 32) };
    const sign = (name: string, changes: Partial<Receipt>): Promise<void> =>
        createReceipt(collector, { ...receipt, ...changes }).then(
            (bytes) => void add(name, "receipt", "collector", bytes),
        );
    await sign("receipt: stored", {});
    await sign("receipt: final", { level: 2, leafIndex: 6, checkpoint });
    await sign("receipt: refused for a gap", { level: 0, code: 6, nextSeq: 3 });
    await sign("receipt: refused for the clock", { level: 0, code: 14, retryAfterSeconds: 60 });
    add(
        "receipt: refused for a bad signature, unsigned",
        "unsigned-receipt",
        null,
        encodeReceipt({ ...receipt, level: 0, code: 4 }),
    );
}
