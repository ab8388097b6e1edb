import { error, fail, ok, type Result } from "@meterseal/core";
import { isSummary, type MeterRecord, parseRecord, parseSummary } from "@meterseal/record";
import { type Accepted, accept, type Entry, type SignatureCheck } from "./accept/accept.ts";
import { initialState, type LedgerState } from "./accept/state.ts";
import { type LogEntry, parseItem } from "./entry.ts";
import { decodeGenesis, networkIdOf } from "./genesis.ts";
import { genesisVertexIds } from "./vertex/cid.ts";

/** State of a network before its first entry, from its genesis bytes. */
export function stateOfGenesis(genesisBytes: Uint8Array): Result<LedgerState> {
    const genesis = decodeGenesis(genesisBytes);
    if (!genesis.ok) return genesis;
    const networkId = networkIdOf(genesisBytes);
    const names = genesisVertexIds(networkId).map((id) => id.toString());
    return ok(initialState(genesis.value, networkId, names));
}

/**
 * Parses a log entry and the body that belongs to it; a record that does not parse fails the whole, and
 * the summary of one is MS_PRUNED: whoever sends an entry sends all of it.
 */
export function parseEntry(item: Uint8Array, body: readonly Uint8Array[]): Result<Entry> {
    return parseEntryWith(item, body, parseRecord);
}

/**
 * Parses an entry of our own store, where summaries may stand in the place of records. `accept()` takes
 * them for what they say: this is for a log that is on disk and was accepted before.
 */
export function parseStoredEntry(item: Uint8Array, body: readonly Uint8Array[]): Result<Entry> {
    return parseEntryWith(item, body, parseStoredRecord);
}

/** Parses a record of our own store, or the summary that is left of it. */
export function parseStoredRecord(bytes: Uint8Array): Result<MeterRecord> {
    return isSummary(bytes) ? parseSummary(bytes) : parseRecord(bytes);
}

function parseEntryWith(
    item: Uint8Array,
    body: readonly Uint8Array[],
    parse: (bytes: Uint8Array) => Result<MeterRecord>,
): Result<Entry> {
    const parsed = parseItem(item);
    if (!parsed.ok) return parsed;
    const { value } = parsed;
    if (value.kind !== "vertex") {
        return body.length === 0 ? ok(value) : fail(error("MS_LOG_LEAF", { got: "a body" }));
    }
    const records: MeterRecord[] = [];
    for (const bytes of body) {
        const record = parse(bytes);
        if (!record.ok) return record;
        records.push(record.value);
    }
    return ok({ ...value, records });
}

/** Takes a stored entry into a state again, as at its first acceptance. */
export function replayEntry(
    state: LedgerState,
    entry: LogEntry,
    body: readonly Uint8Array[],
    check?: SignatureCheck,
): Result<Accepted> {
    const parsed = parseStoredEntry(entry.item, body);
    return parsed.ok ? accept(state, parsed.value, entry.timeMs, check) : parsed;
}
