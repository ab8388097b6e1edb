import { bytesEqual, toHex } from "@meterseal/core";
import { isSummarized, type MeterRecord, sign1HeadBytes } from "@meterseal/record";
import { type RecordRow, slotsOf } from "@meterseal/stores/sqlite";

/** Columns of a row that say something else than the bytes beside them. */
export function contradictedColumns(row: RecordRow, record: MeterRecord): string[] {
    const slots = slotsOf(record);
    const columns: [string, boolean][] = [
        ["subject", bytesEqual(row.subject, record.subject)],
        ["epoch", row.chainEpoch === record.chainEpoch],
        ["seq", row.seq === record.seq],
        ["head", hasHead(row, record)],
        ["first_slot", row.firstSlot === slots.firstSlot],
        ["last_slot", row.lastSlot === slots.lastSlot],
    ];
    return columns.filter(([, same]) => !same).map(([name]) => name);
}

/** A summary has no head of its own; it knows the key that the head names. */
function hasHead({ bytes, head }: RecordRow, record: MeterRecord): boolean {
    if (isSummarized(record)) return toHex(head).includes(toHex(record.message.kid));
    return head.length === sign1HeadBytes(bytes);
}
