import { compareBytes } from "@meterseal/core";
import { parseStoredRecord } from "@meterseal/ledger";
import type { Queries } from "./queries.ts";
import { BODY_COLUMNS, type RecordRow, recordRow } from "./rows.ts";

const BODY = `SELECT ${BODY_COLUMNS} FROM bodies AS runs
    JOIN records ON records.n BETWEEN runs.first AND runs.last
    JOIN subjects ON subjects.n = records.subject JOIN heads ON heads.n = records.head
    WHERE runs.vertex = ?`;

/** Records of a vertex in body order: subject, chain epoch, sequence number, hash. */
export function bodyRows(queries: Queries, vertex: number): RecordRow[] {
    return queries.all(BODY, vertex).map(recordRow).sort(inBodyOrder);
}

function inBodyOrder(a: RecordRow, b: RecordRow): number {
    return (
        compareBytes(a.subject, b.subject) ||
        a.chainEpoch - b.chainEpoch ||
        a.seq - b.seq ||
        compareBytes(hashOf(a), hashOf(b))
    );
}

/** Of two records at one place of a chain; bytes that are no record stand first. */
function hashOf({ bytes }: RecordRow): Uint8Array {
    const record = parseStoredRecord(bytes);
    return record.ok ? record.value.message.hash : new Uint8Array(0);
}
