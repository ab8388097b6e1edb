import { bytesEqual, error, LIMITS, unwrap } from "@meterseal/core";
import { chainKey, hashAt, type LedgerState } from "@meterseal/ledger";
import { parseRecord, RECORD_CLASS, usageOf } from "@meterseal/record";
import { type RecordPlace, type SumInput, sumWindows, type WindowSum } from "@meterseal/seal";
import type { RecordRow, StoreReader } from "@meterseal/stores/sqlite";
import type { IndexedStream } from "./indexed-stream.ts";

/**
 * Records that show what lies between two slots, in chain order: from a place of the chain on to the
 * record with the last slot. Where that slot has no boundary the record behind it is the last one, so
 * that the hole shows. A record that several vertices carry comes in each of its rows.
 * @param from - place to begin at, see {@link anchorOf}; null for the first record of the chain.
 * @throws MetersealError MS_TOO_LARGE beyond {@link LIMITS.evidenceRecords}.
 */
export async function stretchRows(
    stream: IndexedStream,
    state: LedgerState,
    reader: StoreReader,
    { from, toSlot }: { readonly from: RecordPlace | null; readonly toSlot: number },
): Promise<RecordRow[]> {
    const rows: RecordRow[] = [];
    let [places, atEnd] = [0, false];
    for await (const row of reader.recordsOf(stream.subject, from ?? undefined)) {
        const isNext = !isSamePlace(rows.at(-1), row);
        if (atEnd && isNext) break;
        if (!isAccepted(state, row)) continue;
        if (isNext && ++places > LIMITS.evidenceRecords) throw tooMany();
        rows.push(row);
        atEnd ||= endsAt(stream, row, toSlot);
    }
    return rows;
}

function isSamePlace(before: RecordRow | undefined, row: RecordRow): boolean {
    return before?.chainEpoch === row.chainEpoch && before.seq === row.seq;
}

/**
 * Record from which on a stretch shows all that bears on the windows from an edge on: the one with
 * the boundary that answers for the edge, or the last one before it; null where there is none.
 */
export async function anchorOf(input: SumInput): Promise<RecordPlace | null> {
    const { edges, line, source } = input;
    const [first = 0] = edges;
    const [whole] = await sumWindows({ ...input, edges: [first, edges.at(-1) ?? first] });
    const from = whole?.parts[0]?.from;
    if (whole?.answered != null && whole.answered.fromSlot <= first) return from?.record ?? null;
    const last = line.lastAt(first);
    return last === null ? null : (await source(last)).record;
}

/** Records with the ends of some windows, and of their parts, in chain order. */
export async function edgeRows(
    { subject }: IndexedStream,
    reader: StoreReader,
    sums: readonly WindowSum[],
): Promise<RecordRow[]> {
    const places = new Map<string, RecordPlace & { readonly hash: Uint8Array }>();
    for (const { from, to } of sums.flatMap(({ parts }) => parts)) {
        for (const { record } of [from, to])
            places.set(`${record.chainEpoch}/${record.seq}`, record);
    }
    if (places.size > LIMITS.evidenceRecords) throw tooMany();
    const sorted = [...places.values()].sort(
        (a, b) => a.chainEpoch - b.chainEpoch || a.seq - b.seq,
    );
    const rows: RecordRow[] = [];
    for (const { chainEpoch, hash, seq } of sorted) {
        for (const row of await reader.recordsAt(subject, chainEpoch, seq)) {
            const record = parseRecord(row.bytes);
            if (record.ok && bytesEqual(record.value.message.hash, hash)) rows.push(row);
        }
    }
    return rows;
}

function isAccepted(state: LedgerState, { bytes, chainEpoch, seq, subject }: RecordRow): boolean {
    const chain = state.chains.get(chainKey(subject, chainEpoch));
    const accepted = chain === undefined ? undefined : hashAt(chain, seq);
    if (accepted === undefined) return false;
    return bytesEqual(accepted, unwrap(parseRecord(bytes)).message.hash);
}

/** Whether a record is the last one that says something of the slots up to another. */
function endsAt({ stream }: IndexedStream, row: RecordRow, toSlot: number): boolean {
    if (row.lastSlot === null || row.lastSlot < toSlot) return false;
    const record = unwrap(parseRecord(row.bytes));
    const usage = record.recordClass === RECORD_CLASS.usage ? usageOf(record) : null;
    return usage?.ok === true && bytesEqual(usage.value.stream, stream);
}

function tooMany() {
    const expected = `at most ${LIMITS.evidenceRecords} records`;
    return error("MS_TOO_LARGE", { expected, todo: "Ask for a shorter range." });
}
