import { error, fail, LIMITS, ok, type Result, type Signer, unwrap } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { attempt, MapReader } from "./parse.ts";
import { createSign1, MESSAGE_TYPE, parseSign1, type Sign1 } from "./sign1.ts";
import { decodeUsage, encodeUsage, type UsageBody } from "./usage.ts";

/** Message classes: the first five are those of P1 (formats 2). */
export const RECORD_CLASS = {
    control: 1,
    request: 2,
    billing: 3,
    usage: 4,
    warning: 5,
    response: 6,
    epoch: 7,
    cover: 8,
} as const;

/** Content of a record: what a meter says, in its place in the meter's chain. */
export type RecordPayload = {
    /** One of {@link RECORD_CLASS}. */
    readonly recordClass: number;
    /** Sequence number in the chain, from 1. */
    readonly seq: number;
    /** The meter's clock, seconds since 1970. */
    readonly timeUnix: number;
    /** CBOR value; for usage records the map of {@link encodeUsage}. */
    readonly body: unknown;
    readonly chainEpoch: number;
    /** Hash of the record before; of the enrolment entry for the first of a chain; 32 bytes. */
    readonly prev: Uint8Array;
    /** Name of the message that this one answers, 1 … 32 bytes. */
    readonly ref?: Uint8Array;
    /** Seconds since 1970 after which the message must not take effect. */
    readonly expiresUnix?: number;
    /** Pseudonym of the metering point's device, 16 bytes. */
    readonly subject: Uint8Array;
};

/** A parsed record: its content and the signed message that carries it. */
export type MeterRecord = RecordPayload & { readonly message: Sign1 };

/** Opening of a new chain epoch (class 7): names the last accepted record of the one before. */
export type EpochBody = {
    readonly chainEpoch: number;
    /** 0 for a chain without records; at most 2^53 − 2. */
    readonly lastSeq: number;
    /** 32 bytes. */
    readonly lastHash: Uint8Array;
};

/** The opening takes the place after it, which must be a number that the formats have. */
const EPOCH_LAST_SEQ_MAX = Number.MAX_SAFE_INTEGER - 1;

/** Latest time that fits the formats: end of the year 2399. */
export const TIME_MAX_UNIX = 13_569_465_599;

/** Signs a record; the result is what travels, is chained, stored and proven. */
export function createRecord(signer: Signer, payload: RecordPayload): Promise<Uint8Array> {
    return createSign1(signer, MESSAGE_TYPE.record, encodePayload(payload));
}

/** Signs a usage record. */
export function createUsageRecord(
    signer: Signer,
    payload: Omit<RecordPayload, "recordClass" | "body">,
    usage: UsageBody,
): Promise<Uint8Array> {
    const body = encodeUsage(usage);
    return createRecord(signer, { ...payload, recordClass: RECORD_CLASS.usage, body });
}

function encodePayload(payload: RecordPayload): Uint8Array {
    const map = new Map<number, unknown>([
        [0, payload.recordClass],
        [1, payload.seq],
        [2, payload.timeUnix],
        [3, payload.body],
        [4, payload.chainEpoch],
        [5, payload.prev],
        [8, payload.subject],
    ]);
    if (payload.ref !== undefined) map.set(6, payload.ref);
    if (payload.expiresUnix !== undefined) map.set(7, payload.expiresUnix);
    return encodeCbor(map);
}

/** A CBOR array of eleven: no message of ours, and no part of one, begins like it. */
export const SUMMARY_FIRST_BYTE = 0x8b;

/** True for bytes that stand in the place of a record's after pruning, see `summarizeRecord`. */
export function isSummary(bytes: Uint8Array): boolean {
    return bytes[0] === SUMMARY_FIRST_BYTE;
}

/**
 * Parses a record strictly; the signature is not checked and a usage body is left to {@link usageOf}.
 * @returns MS_MALFORMED, MS_VERSION or MS_TOO_LARGE; MS_PRUNED for the summary of a record.
 */
export function parseRecord(bytes: Uint8Array): Result<MeterRecord> {
    if (isSummary(bytes)) return fail(error("MS_PRUNED"));
    const message = parseSign1(bytes, MESSAGE_TYPE.record);
    if (!message.ok) return message;
    return attempt(() => {
        const map = new MapReader(decodeCbor(message.value.payload), "record");
        const record: MeterRecord = {
            recordClass: map.integer(0, RECORD_CLASS.control, RECORD_CLASS.cover),
            seq: map.integer(1, 1, Number.MAX_SAFE_INTEGER),
            timeUnix: map.integer(2, 0, TIME_MAX_UNIX),
            body: map.value(3),
            chainEpoch: map.integer(4, 0, 0xffff_ffff),
            prev: map.bytes(5, 32),
            ...(map.has(6) ? { ref: map.bytes(6, 1, 32) } : {}),
            ...(map.has(7) ? { expiresUnix: map.integer(7, 0, TIME_MAX_UNIX) } : {}),
            subject: map.bytes(8, 16),
            message: message.value,
        };
        map.end();
        return record;
    });
}

/** Bodies that were read before: everyone who handles a record asks for its usage. */
const usages = new WeakMap<MeterRecord, Result<UsageBody>>();

/** Usage body of a class-4 record; read once. */
export function usageOf(record: MeterRecord): Result<UsageBody> {
    const known = usages.get(record);
    if (known !== undefined) return known;
    const usage = decodeUsage(record.body);
    usages.set(record, usage);
    return usage;
}

/** Gives a record the usage body that {@link usageOf} answers with; throws what it failed with. */
export function withUsage<T extends MeterRecord>(record: T, usage: Result<UsageBody>): T {
    usages.set(record, ok(unwrap(usage)));
    return record;
}

/** Body of a class-7 record. */
export function epochOf(record: MeterRecord): Result<EpochBody> {
    return attempt(() => {
        const map = new MapReader(record.body, "epoch");
        const body = {
            chainEpoch: map.integer(0, 0, 0xffff_ffff),
            lastSeq: map.integer(1, 0, EPOCH_LAST_SEQ_MAX),
            lastHash: map.bytes(2, 32),
        };
        map.end();
        return body;
    });
}

/** CBOR map of a class-7 body. */
export function encodeEpoch(body: EpochBody): Map<number, unknown> {
    return new Map<number, unknown>([
        [0, body.chainEpoch],
        [1, body.lastSeq],
        [2, body.lastHash],
    ]);
}

/** One message of a link: records back to back as a CBOR sequence, within {@link LIMITS.messageBytes}. */
export function fitsMessage(bytes: number, records: number): boolean {
    return bytes <= LIMITS.messageBytes && records <= LIMITS.messageRecords;
}
