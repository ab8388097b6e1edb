import { error } from "@meterseal/core";
import { compareRecords, recordName } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";

/**
 * Throws unless records stand in the one order in which a store gives a body back: subject, chain
 * epoch, sequence number and, where a chain forked, hash.
 * @throws MetersealError MS_VERTEX_BODY
 */
export function requireBodyOrder(records: readonly MeterRecord[]): void {
    let before: MeterRecord | undefined;
    for (const record of records) {
        if (before !== undefined && compareRecords(before, record) >= 0) {
            throw error("MS_VERTEX_BODY", {
                where: recordName(record),
                expected: "records sorted by subject, chain epoch, sequence number and hash",
            });
        }
        before = record;
    }
}
