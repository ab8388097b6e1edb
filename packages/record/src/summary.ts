import { ALGORITHM, type Algorithm, LIMITS, type Result } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { KID_BYTES } from "./cose-key.ts";
import { attempt, malformed, toArray, toBytes, toInteger } from "./parse.ts";
import { type MeterRecord, RECORD_CLASS, TIME_MAX_UNIX, usageOf, withUsage } from "./record.ts";
import { MESSAGE_TYPE } from "./sign1.ts";
import { decodeUsageRemains, encodeUsageRemains } from "./usage.ts";

/**
 * A usage record of which only a summary is left: what the rules of the ledger and a store's views ask
 * of it. Its message has a name and a key, and neither bytes nor a signature that anybody could check;
 * of its registers there is the last boundary of an open stream, and nothing of a sealed one.
 */
export type SummarizedRecord = MeterRecord & {
    readonly summary: {
        /** What {@link summarizeRecord} made. */
        readonly bytes: Uint8Array;
        /** Leaf hash of the record in its vertex, 32 bytes. */
        readonly leafHash: Uint8Array;
        /** Length of the whole message that was there. */
        readonly byteLength: number;
    };
};

/** As {@link SUMMARY_FIRST_BYTE} says. */
const FIELDS = 11;
const NOTHING = new Uint8Array(0);
const ALGORITHMS = new Map<unknown, Algorithm>(
    Object.values(ALGORITHM).map((algorithm) => [algorithm, algorithm]),
);

/** True for a record of which only a summary is left. */
export function isSummarized(record: MeterRecord): record is SummarizedRecord {
    return "summary" in record;
}

/**
 * What remains of a usage record when its bytes go: the same for everybody who has the record.
 * @param leafHash - of the record in its vertex, 32 bytes.
 * @returns MS_MALFORMED for a record of another class, or without a usage body.
 */
export function summarizeRecord(record: MeterRecord, leafHash: Uint8Array): Result<Uint8Array> {
    return attempt(() => {
        if (isSummarized(record)) return record.summary.bytes;
        const { message } = record;
        const usage = record.recordClass === RECORD_CLASS.usage ? usageOf(record) : null;
        if (usage === null || !usage.ok) return malformed("summary", "a usage record");
        return encodeCbor([
            message.algorithm,
            message.kid,
            leafHash,
            message.hash,
            message.bytes.length,
            record.seq,
            record.timeUnix,
            record.chainEpoch,
            record.prev,
            record.subject,
            encodeUsageRemains(usage.value),
        ]);
    });
}

/** Parses {@link summarizeRecord} strictly; what it says is for the log to vouch for. */
export function parseSummary(bytes: Uint8Array): Result<SummarizedRecord> {
    return attempt(() => {
        const fields = toArray(decodeCbor(bytes), "summary", FIELDS);
        if (fields.length !== FIELDS) malformed("summary", `${FIELDS} fields`);
        const [algorithm, kid, leafHash, hash, length, seq, time, epoch, prev, subject, usage] =
            fields;
        const signedBy = ALGORITHMS.get(algorithm) ?? malformed("summary", "an algorithm");
        const record: SummarizedRecord = {
            recordClass: RECORD_CLASS.usage,
            seq: toInteger(seq, "summary seq", 1, Number.MAX_SAFE_INTEGER),
            timeUnix: toInteger(time, "summary time", 0, TIME_MAX_UNIX),
            body: usage,
            chainEpoch: toInteger(epoch, "summary epoch", 0, 0xffff_ffff),
            prev: toBytes(prev, "summary prev", 32),
            subject: toBytes(subject, "summary subject", 16),
            message: {
                type: MESSAGE_TYPE.record,
                algorithm: signedBy,
                kid: toBytes(kid, "summary kid", KID_BYTES),
                payload: NOTHING,
                signature: NOTHING,
                toBeSigned: NOTHING,
                hash: toBytes(hash, "summary hash", 32),
                bytes: NOTHING,
            },
            summary: {
                bytes,
                leafHash: toBytes(leafHash, "summary leaf", 32),
                byteLength: toInteger(length, "summary length", 1, LIMITS.recordBytes),
            },
        };
        return withUsage(record, decodeUsageRemains(usage));
    });
}
