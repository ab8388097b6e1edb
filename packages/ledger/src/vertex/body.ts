import { compareBytes, concatBytes, sha256 } from "@meterseal/core";
import { isSummarized, type MeterRecord } from "@meterseal/record";
import { leafHash, merkleRoot } from "../merkle/hash.ts";

/** What a vertex header says about its body. */
export type BodySummary = {
    readonly count: number;
    /** RFC 9162 root over the leaf hashes of the records, 32 bytes. */
    readonly root: Uint8Array;
    /** SHA-256 of the body, 32 bytes. */
    readonly bodyHash: Uint8Array;
    /** Length of the body in bytes. */
    readonly size: number;
    /** Smallest and largest record time, seconds since 1970. */
    readonly t0: number;
    readonly t1: number;
};

/** Order of records in a body: subject, chain epoch, sequence number, and hash where a chain forked (formats 7). */
export function compareRecords(a: MeterRecord, b: MeterRecord): number {
    return (
        compareBytes(a.subject, b.subject) ||
        a.chainEpoch - b.chainEpoch ||
        a.seq - b.seq ||
        compareBytes(a.message.hash, b.message.hash)
    );
}

/** Body bytes: the records back to back, a CBOR sequence of whole messages. */
export function bodyBytes(records: readonly MeterRecord[]): Uint8Array {
    return concatBytes(...records.map((record) => record.message.bytes));
}

/** Leaf hash of a record in its vertex: over the whole COSE_Sign1 bytes (formats 7). */
export function recordLeafHash(record: MeterRecord): Uint8Array {
    return isSummarized(record) ? record.summary.leafHash : leafHash(record.message.bytes);
}

const summaries = new WeakMap<readonly MeterRecord[], BodySummary>();

/**
 * Summary of sorted records, as the header must state it. That of a frozen list is kept with the
 * list: the collector states it and the ledger of the same process checks it, over the same records.
 */
export function summarizeBody(records: readonly MeterRecord[]): BodySummary {
    const known = summaries.get(records);
    if (known !== undefined) return known;
    const summary = computeSummary(records);
    if (Object.isFrozen(records)) summaries.set(records, summary);
    return summary;
}

/**
 * What a header must state of records of which some may be summaries: then the hash of the body is
 * null, for only its leaves can be compared.
 */
export function describeBody(
    records: readonly MeterRecord[],
): Omit<BodySummary, "bodyHash"> & { readonly bodyHash: Uint8Array | null } {
    if (!records.some(isSummarized)) return summarizeBody(records);
    const size = records.reduce((sum, record) => sum + byteLengthOf(record), 0);
    return { ...describeLeaves(records), bodyHash: null, size };
}

function byteLengthOf(record: MeterRecord): number {
    return isSummarized(record) ? record.summary.byteLength : record.message.bytes.length;
}

function computeSummary(records: readonly MeterRecord[]): BodySummary {
    const body = bodyBytes(records);
    return { ...describeLeaves(records), bodyHash: sha256(body), size: body.length };
}

function describeLeaves(
    records: readonly MeterRecord[],
): Pick<BodySummary, "count" | "root" | "t0" | "t1"> {
    let t0 = Number.MAX_SAFE_INTEGER;
    let t1 = 0;
    for (const record of records) {
        t0 = Math.min(t0, record.timeUnix);
        t1 = Math.max(t1, record.timeUnix);
    }
    return { count: records.length, root: merkleRoot(records.map(recordLeafHash)), t0, t1 };
}
