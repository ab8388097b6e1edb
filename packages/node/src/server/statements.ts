import { error, fail, type Result, toHex, unwrap } from "@meterseal/core";
import { formatEntryProof, type LogEntry, messageOf, parseItem } from "@meterseal/ledger";
import type { CheckpointRow, StoreReader } from "@meterseal/stores/sqlite";
import { systemTimers } from "../clocks.ts";
import type { ServerEngine } from "./engine.ts";
import type { Facts } from "./facts.ts";
import type { PartyGate } from "./party-gate.ts";

/** How often, and how many times, a checkpoint over a final entry is waited for. */
const CHECKPOINT_WAIT_MS = 250;
const CHECKPOINT_WAITS = 40;

/** What statements are put into the log with, and proven from. */
export type StatementTools = {
    readonly engine: ServerEngine;
    readonly facts: Facts;
    readonly reader: StoreReader;
    readonly gate: PartyGate;
};

/** An entry of the log, with its leaf index. */
export type PlacedEntry = LogEntry & { readonly index: number };

/** Where a statement stands. */
export type PlacedStatement = {
    /** Hash of the message, hexadecimal. */
    readonly hash: string;
    readonly leafIndex: number;
    /** That it stands there, for whoever has the genesis (C2SP tlog-proof). */
    readonly proof: string;
};

/**
 * Puts a notice or tariff into the log; resolves once it is final. The same one again gives the same
 * place.
 * @throws MetersealError the refusal of the gate or of `accept()`, MS_MALFORMED, MS_VERSION for
 * anything else.
 */
export async function putStatement(
    tools: StatementTools,
    bytes: Uint8Array,
): Promise<PlacedStatement> {
    const item = unwrap(parseItem(bytes));
    if (item.kind !== "notice" && item.kind !== "tariff") {
        throw error("MS_VERSION", { expected: "a notice or tariff", got: item.kind });
    }
    const message = messageOf(item);
    const { hash } = message;
    tools.gate.author(message);
    if (leafOf(tools, hash) === undefined) {
        try {
            await tools.engine.submit(bytes, []);
        } catch (cause) {
            // Another request may have said it meanwhile; then this one is answered as that one.
            if (leafOf(tools, hash) === undefined) throw cause;
        }
    }
    return await placeOf(tools, hash);
}

/**
 * Place and proof of a statement by the hash of its message (32 bytes).
 * @throws MetersealError MS_NOT_FOUND while it is not final.
 */
export async function placeOf(tools: StatementTools, hash: Uint8Array): Promise<PlacedStatement> {
    const entry = unwrap(await entryOf(tools, hash));
    return { hash: toHex(hash), leafIndex: entry.index, proof: await proveEntry(tools, entry) };
}

/**
 * That a final entry stands at its place in the log (C2SP tlog-proof).
 * @throws MetersealError MS_NOT_FOUND where no checkpoint covers it.
 */
export async function proveEntry(
    { engine, reader }: Pick<StatementTools, "engine" | "reader">,
    { index, item, timeMs }: PlacedEntry,
): Promise<string> {
    const { note, size } = await checkpointOver(reader, engine, index);
    const place = { index, path: engine.log.inclusionPath(index, size) };
    return formatEntryProof({ timeMs, item }, place, note);
}

/**
 * Latest final checkpoint over an entry. The one of another server, whose log we share, comes up to
 * some seconds after the entry.
 * @throws MetersealError MS_NOT_FOUND where none comes.
 */
async function checkpointOver(
    reader: StoreReader,
    engine: ServerEngine,
    index: number,
): Promise<CheckpointRow> {
    for (let wait = 0; wait <= CHECKPOINT_WAITS; wait++) {
        const row = await reader.checkpointUpTo(engine.head().size);
        if (row !== null && row.size > index) return row;
        await new Promise<void>((resolve) => systemTimers.after(CHECKPOINT_WAIT_MS, resolve));
    }
    throw error("MS_NOT_FOUND", {
        where: `checkpoint over leaf ${index}`,
        todo: "Is the server that signs checkpoints running?",
    });
}

/** Log entry of a statement; MS_NOT_FOUND while it is not final. */
export async function entryOf(
    tools: Pick<StatementTools, "facts" | "reader">,
    hash: Uint8Array,
): Promise<Result<PlacedEntry>> {
    const index = leafOf(tools, hash);
    if (index !== undefined) {
        for await (const row of tools.reader.log(index)) {
            if (row.index !== index || row.item === null) break;
            return { ok: true, value: { index, timeMs: row.timeMs, item: row.item } };
        }
    }
    return fail(error("MS_NOT_FOUND", { where: `notice ${toHex(hash)}` }));
}

function leafOf({ facts }: Pick<StatementTools, "facts">, hash: Uint8Array): number | undefined {
    return facts.leaves.get(toHex(hash));
}
