import { LIMITS, type Log, unwrap } from "@meterseal/core";
import { lastRegistersUnix, type OutboxRecord, parseRecord, type Receipt } from "@meterseal/record";

/**
 * A record that the collector refuses with code 14: it, or its last registers, are dated too far
 * ahead. Its bytes are persisted and may have been seen, so it cannot be signed again (formats 2);
 * it waits, and every later record of the chain behind it, until the collector's clock has come near.
 */
export type ClockAhead = {
    readonly seq: number;
    /** How far the record is ahead of the collector's signed time, seconds. */
    readonly aheadSeconds: number;
    /** How long the collector will go on refusing it, seconds of the collector's clock. */
    readonly waitSeconds: number;
};

/** Is told when a record begins to wait for the collector's clock, and (null) when none does any more. */
export type ClockWatcher = (ahead: ClockAhead | null) => void;

/** Longest wait, milliseconds: the collector's own clock may be what was wrong, and is put right. */
const RETRY_MAX_MS = 60_000;

/** How far a record is ahead of the signed time of a receipt, whatever the receipt is about. */
export function clockAheadOf(record: OutboxRecord, receipt: Receipt): ClockAhead {
    const signed = unwrap(parseRecord(record.bytes));
    const latestUnix = Math.max(signed.timeUnix, lastRegistersUnix(signed));
    const aheadSeconds = latestUnix - receipt.timeUnix;
    const waitSeconds = Math.max(0, aheadSeconds - LIMITS.clockAheadSeconds);
    return { seq: record.seq, aheadSeconds, waitSeconds };
}

/** Milliseconds after which such a record goes again, but not before the collector asked for it. */
export function clockRetryMs({ waitSeconds }: ClockAhead, askedMs: number): number {
    return Math.max(askedMs, Math.min(waitSeconds * 1000, RETRY_MAX_MS));
}

/** Watcher that puts both ends of the wait into a log. */
export function clockLog(log: Log, subjectHex: string): ClockWatcher {
    return (ahead) => {
        const who = { subject: subjectHex };
        if (ahead === null) log.info("no record is dated ahead of its collector any more", who);
        else log.warn("a record is dated ahead of its collector and waits", { ...who, ...ahead });
    };
}
