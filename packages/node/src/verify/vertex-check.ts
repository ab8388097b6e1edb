import { bytesEqual, compareBytes, toHex } from "@meterseal/core";
import { type LedgerState, parseVertex, summarizeBody, type Vertex } from "@meterseal/ledger";
import { type MeterRecord, parseRecord, verifySign1 } from "@meterseal/record";
import type { RecordRow, StoreReader, VertexRow } from "@meterseal/stores/sqlite";
import type { Findings } from "./findings.ts";

/**
 * Checks the vertices that no log entry names: a crash leaves one or a few, written and not submitted
 * yet. Each must be its author's, and its records those that are stored under it.
 */
export async function checkOpenVertices(
    reader: StoreReader,
    state: LedgerState,
    findings: Findings,
): Promise<void> {
    let next = 1;
    for await (const row of reader.vertices(FIRST_ROW)) {
        const where = `vertex row ${row.n}`;
        if (row.n !== next) {
            const message = `The row before it has number ${next - 1}; rows are never removed.`;
            findings.fault("MS_STORE_COLUMN", `${where}, column n`, message);
        }
        next = row.n + 1;
        if ((await reader.logOfVertex(row.n)) !== null) continue;
        checkOpenVertex(row, await reader.bodyOf(row.n), state, findings);
    }
}

/** Checks a vertex that no log entry names, with the records that are stored under it. */
export function checkOpenVertex(
    row: VertexRow,
    body: readonly RecordRow[],
    state: LedgerState,
    findings: Findings,
): void {
    const where = `vertex row ${row.n}`;
    const fault = openVertexFault(row, body, state);
    findings.counts.signatures++;
    if (fault === null) findings.notes.push(`${where} is not in the log yet.`);
    else findings.fault("MS_VERTEX_BODY", where, `It is not in the log, and ${fault}`);
}

/** Smaller than every row number that anybody can have written. */
export const FIRST_ROW: number = -(2 ** 52);

function openVertexFault(
    row: VertexRow,
    rows: readonly RecordRow[],
    state: LedgerState,
): string | null {
    const parsed = parseVertex(row.bytes);
    if (!parsed.ok) return `it is no vertex: ${parsed.error.message}`;
    const vertex = parsed.value;
    if (!bytesEqual(vertex.id.bytes, row.id)) return "column id contradicts its bytes.";
    const author = state.authors.get(toHex(vertex.author));
    if (author === undefined) return "no enrolment in the log admits its author.";
    if (!verifySign1(vertex.message, author.enrolment.key)) return "its signature does not hold.";
    const body: MeterRecord[] = [];
    for (const { bytes } of rows) {
        const record = parseRecord(bytes);
        if (record.ok) body.push(record.value);
    }
    return isBody(vertex, body) ? null : "its header does not describe the records under it.";
}

function isBody(vertex: Vertex, records: readonly MeterRecord[]): boolean {
    if (records.length !== vertex.count) return false;
    return compareBytes(summarizeBody(records).root, vertex.root) === 0;
}
