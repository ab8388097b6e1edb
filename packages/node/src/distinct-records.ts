import { toHex } from "@meterseal/core";
import { parseStoredRecord } from "@meterseal/ledger";
import type { RecordRow } from "@meterseal/stores/sqlite";

/**
 * Each record once: where several collectors carried one record of a meter that roams, the store has
 * a row for each of them. Two records at one place of a chain that differ stay two.
 * @param rows - in chain order; of rows with the same record the first one comes.
 */
export async function* distinctRecords(
    rows: AsyncIterable<RecordRow> | Iterable<RecordRow>,
): AsyncGenerator<RecordRow, void, undefined> {
    let before: RecordRow | null = null;
    /** Hashes at the place of `before`, hexadecimal; filled where a second row stands there. */
    let hashes = new Set<string>();
    for await (const row of rows) {
        const isSamePlace = before?.chainEpoch === row.chainEpoch && before.seq === row.seq;
        if (!isSamePlace) hashes = new Set();
        else {
            if (hashes.size === 0 && before !== null) hashes.add(hashOf(before));
            if (hashes.has(hashOf(row))) continue;
            hashes.add(hashOf(row));
        }
        before = row;
        yield row;
    }
}

/** Name of a row's record; its bytes where it does not parse. */
function hashOf({ bytes }: RecordRow): string {
    const record = parseStoredRecord(bytes);
    return toHex(record.ok ? record.value.message.hash : bytes);
}
