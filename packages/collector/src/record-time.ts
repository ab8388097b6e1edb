import { LIMITS } from "@meterseal/core";
import { lastBoundaryUnix } from "@meterseal/ledger";
import { type MeterRecord, RECORD_CLASS, usageOf } from "@meterseal/record";

/**
 * Earliest time, milliseconds since 1970, at which the ledger may take a record: neither its date
 * nor its last boundary is then more than {@link LIMITS.clockAheadSeconds} ahead.
 */
export function earliestMs(record: MeterRecord): number {
    let latestUnix = record.timeUnix;
    if (record.recordClass === RECORD_CLASS.usage) {
        const usage = usageOf(record);
        if (usage.ok) latestUnix = Math.max(latestUnix, lastBoundaryUnix(usage.value));
    }
    return Math.max(0, latestUnix - LIMITS.clockAheadSeconds) * 1000;
}
