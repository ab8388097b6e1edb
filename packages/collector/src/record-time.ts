import { LIMITS } from "@meterseal/core";
import { lastRegistersUnix, type MeterRecord } from "@meterseal/record";

/**
 * Earliest time, milliseconds since 1970, at which the ledger may take a record: neither its date
 * nor its last registers are then more than {@link LIMITS.clockAheadSeconds} ahead.
 */
export function earliestMs(record: MeterRecord): number {
    const latestUnix = Math.max(record.timeUnix, lastRegistersUnix(record));
    return Math.max(0, latestUnix - LIMITS.clockAheadSeconds) * 1000;
}
