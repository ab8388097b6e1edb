import { join } from "node:path";
import { bytesEqual } from "@meterseal/core";
import {
    type BlockAppend,
    type BlockHead,
    type BlockStore,
    type BranchStore,
    type FollowedEntry,
    type LogAppend,
    parseStoredRecord,
    type RecordPlaceName,
    type RecordStore,
    type StoredEntry,
    type StoredVertex,
    type TakenVertex,
} from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import type { StoreHooks } from "../hooks.ts";
import { type Database, openDatabase } from "./database.ts";
import { LogTable } from "./log-table.ts";
import { StoreReader } from "./read.ts";
import { type PrunedRow, RecordTable } from "./record-table.ts";
import { SERVER_FORMAT } from "./server-schema.ts";

/** File name of the server's store in its directory. */
export const SERVER_FILE = "store.db";

/** How to open a server store. */
export type ServerStoreOptions = {
    /** For `verify` and reports: never writes, and sees the store as it was when opened. */
    readonly readOnly?: boolean;
    /** Fault injection for tests. */
    readonly hooks?: StoreHooks;
};

const CACHE_KIB = 64 * 1024;
/** 16 MiB of write-ahead log. */
const CHECKPOINT_PAGES = 1_000;
const ENTRIES_AT_ONCE = 16;
const ITEMS_AT_ONCE = 256;

type StoredItem = Omit<StoredEntry, "body">;

/**
 * Opens `store.db` in the server's directory, and makes both where they are missing. Takes no lock:
 * the process holds that of the whole data directory (`lockDirectory`).
 * @throws MetersealError MS_STORE_FORMAT for a foreign, newer or damaged file, MS_STORE_UNWRITABLE.
 */
export function openServerStore(
    directory: string,
    options: ServerStoreOptions = {},
): Promise<ServerStore> {
    return new Promise((resolve) => {
        const database = openDatabase(join(directory, SERVER_FILE), SERVER_FORMAT, {
            readOnly: options.readOnly ?? false,
            cacheKiB: CACHE_KIB,
            checkpointPages: CHECKPOINT_PAGES,
            hooks: options.hooks ?? {},
        });
        resolve(new ServerStore(database));
    });
}

/**
 * The server's durable store on SQLite: the ledger's log, the collector's records, and a reader.
 * Every method that writes is one transaction, on disk when its promise resolves.
 */
export class ServerStore implements BlockStore, BranchStore, RecordStore {
    /** Queries of the API, of usage and of `verify`. */
    readonly reader: StoreReader;
    readonly #database: Database;
    readonly #records: RecordTable;
    readonly #log: LogTable;

    /** Use {@link openServerStore}. */
    constructor(database: Database) {
        this.#database = database;
        this.#records = new RecordTable(database);
        this.#log = new LogTable(database);
        this.reader = new StoreReader(database);
    }

    genesis(): Promise<Uint8Array | null> {
        return this.#database.settle(() => this.#log.genesis());
    }

    /** Writes the genesis once; the same one again changes nothing, another is MS_GENESIS. */
    initialize(genesis: Uint8Array): Promise<void> {
        return this.#database.write("initialize", () => this.#log.initialize(genesis));
    }

    async *entries(fromIndex: number): AsyncGenerator<StoredEntry, void, undefined> {
        let next = fromIndex;
        while (true) {
            const page = await this.#database.settle(() => this.#entriesFrom(next));
            yield* page;
            if (page.length < ENTRIES_AT_ONCE) return;
            next += page.length;
        }
    }

    async *items(fromIndex: number): AsyncGenerator<StoredItem, void, undefined> {
        let next = fromIndex;
        while (true) {
            const page = await this.#database.settle(() => this.#log.page(next, ITEMS_AT_ONCE));
            for (const { index, item, timeMs } of page) yield { index, item, timeMs };
            if (page.length < ITEMS_AT_ONCE) return;
            next += page.length;
        }
    }

    #entriesFrom(index: number): StoredEntry[] {
        return this.#log.page(index, ENTRIES_AT_ONCE).map(({ vertex, ...entry }) => ({
            ...entry,
            body: vertex === null ? [] : this.#records.body(vertex),
        }));
    }

    /**
     * Appends at the end of the log. The size must be one more than the log's (MS_LOG_LEAF), and a
     * vertex must have been stored before, with the same bytes (MS_NOT_FOUND, MS_VERTEX_DUPLICATE).
     */
    append(append: LogAppend): Promise<void> {
        return this.#database.write("append", () => this.#log.append(append));
    }

    checkpoint(): Promise<string | null> {
        return this.#database.settle(() => this.#log.checkpoint());
    }

    blockHead(): Promise<BlockHead | null> {
        return this.#database.settle(() => this.#log.blockHead());
    }

    /**
     * Appends the entries of a block, with the vertices and records among them that are new here. A
     * record that another vertex carries already gets a row of its own: bodies stay as they were signed.
     */
    async appendBlock({ checkpoint, entries, ...head }: BlockAppend): Promise<void> {
        const added = await this.#database.write("appendBlock", () => {
            const rows = entries.map(({ entry, records, vertexId }) => {
                const inserted =
                    vertexId === null
                        ? null
                        : this.#records.takeVertex(vertexId, entry.item, records);
                this.#log.appendEntry({ entry, vertexId });
                return inserted;
            });
            if (checkpoint !== null) this.#log.keepCheckpoint(this.#log.size(), checkpoint);
            this.#log.setBlockHead(head);
            return rows;
        });
        for (const rows of added) if (rows !== null) this.#records.remember(rows);
    }

    /** Keeps a checkpoint; MS_NOT_FOUND where the log has not reached its size. */
    keepCheckpoint(size: number, note: string): Promise<void> {
        return this.#database.write("keepCheckpoint", () => this.#log.keepCheckpoint(size, note));
    }

    cosigned(): Promise<string | null> {
        return this.#database.settle(() => this.#log.cosigned());
    }

    /** Keeps the cosignatures of a checkpoint; MS_NOT_FOUND where the log had never that size. */
    keepCosigned(size: number, note: string): Promise<void> {
        return this.#database.write("keepCosigned", () => this.#log.keepCosigned(size, note));
    }

    /** What validators signed, as the engine encodes it; null before the first. */
    commits(): Promise<Uint8Array | null> {
        return this.#database.settle(() => this.#log.commits());
    }

    /** Puts what validators signed in the place of what was kept before. */
    keepCommits(bytes: Uint8Array): Promise<void> {
        return this.#database.write("keepCommits", () => this.#log.keepCommits(bytes));
    }

    /** Writes records; one that is stored and in no vertex yet is left as it is. */
    async insertRecords(records: readonly MeterRecord[]): Promise<readonly MeterRecord[]> {
        const insert = () => this.#records.insert(records);
        const added = await this.#database.write("insertRecords", insert);
        this.#records.remember(added);
        return records.filter(({ message }) => added.has(message));
    }

    looseRecords(): Promise<Uint8Array[]> {
        return this.#database.settle(() => this.#records.loose());
    }

    /**
     * Writes a vertex and assigns its records: each stored with these bytes, in no vertex yet, in
     * body order with ties broken by hash (MS_VERTEX_BODY). A known id is MS_VERTEX_DUPLICATE.
     */
    insertVertex(
        id: Uint8Array,
        bytes: Uint8Array,
        records: readonly MeterRecord[],
    ): Promise<void> {
        return this.#database.write("insertVertex", () =>
            this.#records.insertVertex(id, bytes, records),
        );
    }

    /** Vertices that the log does not hold, oldest first; one at a time, for there may be many. */
    async *openVertices(): AsyncGenerator<StoredVertex, void, undefined> {
        let n = 0;
        while (true) {
            const open = await this.#database.settle(() => this.#records.openAfter(n));
            if (open === null) return;
            n = open.n;
            yield { bytes: open.bytes, body: open.body };
        }
    }

    /** Checkpoint over the tree of a size; null where none is kept. */
    async checkpointOf(size: number): Promise<string | null> {
        return (await this.reader.checkpoint(size))?.note ?? null;
    }

    /** Vertex of an id, in the log or not; null where there is none. */
    storedVertex(id: Uint8Array): Promise<StoredVertex | null> {
        return this.#database.settle(() => this.#records.byId(id));
    }

    async leafOfRecord(
        { chainEpoch, seq, subject }: RecordPlaceName,
        hash: Uint8Array,
    ): Promise<number | null> {
        let first: number | null = null;
        for (const { bytes, vertex } of await this.reader.recordsAt(subject, chainEpoch, seq)) {
            const record = parseStoredRecord(bytes);
            const isMeant = record.ok && bytesEqual(record.value.message.hash, hash);
            const row = isMeant && vertex !== null ? await this.reader.logOfVertex(vertex) : null;
            if (row !== null) first = Math.min(first ?? row.index, row.index);
        }
        return first;
    }

    /** Takes in vertices of others; what is known stays as it is. */
    async takeVertices(vertices: readonly TakenVertex[]): Promise<void> {
        const added = await this.#database.write("takeVertices", () =>
            vertices.map(({ bytes, id, records }) => this.#records.takeVertex(id, bytes, records)),
        );
        for (const rows of added) this.#records.remember(rows);
    }

    /**
     * Appends entries of the log that is followed, each with its checkpoint, and the vertices and
     * records among them that are new here. MS_LOG_LEAF where one is not the next.
     */
    async followLog(entries: readonly FollowedEntry[]): Promise<void> {
        const added = await this.#database.write("followLog", () =>
            entries.map(({ records, ...append }) => {
                const { entry, vertexId } = append;
                if (vertexId !== null) this.#records.settleBytes(vertexId, entry.item);
                const rows =
                    vertexId === null
                        ? null
                        : this.#records.takeVertex(vertexId, entry.item, records);
                this.#log.append(append);
                return rows;
            }),
        );
        for (const rows of added) if (rows !== null) this.#records.remember(rows);
    }

    /**
     * Puts summaries in the place of the bytes of records, in one transaction, and overwrites what was
     * there. Only for rows in vertices of the log, after the log has the pruning that binds them.
     * @returns bytes by which the rows are shorter; the file keeps its size until `compactServerStore`.
     */
    prune(rows: readonly PrunedRow[]): Promise<number> {
        this.#database.pragma("secure_delete = ON");
        return this.#database.write("prune", () => this.#records.prune(rows));
    }

    /** Settings that the durability of {@link ServerStore} rests on, as they are in force. */
    durability(): Promise<Durability> {
        return this.#database.settle(() => durabilityOf(this.#database));
    }

    /** Whether a write could begin now; MS_STORE_UNWRITABLE where it could not. Writes nothing. */
    probe(): Promise<void> {
        return this.#database.probe();
    }

    /** Closes the file; a second time does nothing. */
    close(): Promise<void> {
        return this.#database.close();
    }
}

/** Answers of SQLite about its own settings. */
export type Durability = {
    /** `wal` */
    readonly journalMode: string | number | null;
    /** 2 = FULL: an fsync at each commit. */
    readonly synchronous: string | number | null;
};

/** Settings in force on a connection. */
export function durabilityOf(database: Database): Durability {
    return {
        journalMode: database.pragma("journal_mode"),
        synchronous: database.pragma("synchronous"),
    };
}
