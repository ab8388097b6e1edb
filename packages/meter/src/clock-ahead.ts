import { LIMITS, unwrap } from "@meterseal/core";
import { type OutboxRecord, parseRecord, type Receipt } from "@meterseal/record";

/**
 * A record that the collector refuses with code 14: it was signed under a clock too far ahead. Its
 * bytes are persisted and may have been seen, so it cannot be signed again (formats 2); it waits,
 * and every later record of the chain behind it, until the collector's clock has come near.
 */
export type ClockAhead = {
    readonly seq: number;
    /** How far the record's time is ahead of the collector's signed time, seconds. */
    readonly aheadSeconds: number;
    /** How long the collector will go on refusing it, seconds of the collector's clock. */
    readonly waitSeconds: number;
};

/** Longest wait, milliseconds: the collector's own clock may be what was wrong, and is put right. */
const RETRY_MAX_MS = 60_000;

/** What a refusal with code 14 says of the record that it names. */
export function clockAheadOf(record: OutboxRecord, receipt: Receipt): ClockAhead {
    const aheadSeconds = unwrap(parseRecord(record.bytes)).timeUnix - receipt.timeUnix;
    const waitSeconds = Math.max(0, aheadSeconds - LIMITS.clockAheadSeconds);
    return { seq: record.seq, aheadSeconds, waitSeconds };
}

/** Milliseconds after which such a record goes again, but not before the collector asked for it. */
export function clockRetryMs({ waitSeconds }: ClockAhead, askedMs: number): number {
    return Math.max(askedMs, Math.min(waitSeconds * 1000, RETRY_MAX_MS));
}
