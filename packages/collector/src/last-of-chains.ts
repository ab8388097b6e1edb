import { bytesEqual } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";

/** The last record of each chain that counts, of records in the order of their chains. */
export function* lastOfChains(
    records: readonly MeterRecord[],
    counts: (record: MeterRecord) => boolean,
): Generator<MeterRecord> {
    let found: MeterRecord | null = null;
    for (let i = records.length - 1; i >= 0; i--) {
        const record = records[i] as MeterRecord;
        const known =
            found?.chainEpoch === record.chainEpoch && bytesEqual(found.subject, record.subject);
        if (known || !counts(record)) continue;
        found = record;
        yield record;
    }
}
