import type { StatementSync } from "node:sqlite";
import { bytesEqual, error, toHex, utf8 } from "@meterseal/core";
import type { BlockHead, LogAppend } from "@meterseal/ledger";
import { decodeBlockHead, encodeBlockHead } from "../block-head.ts";
import { blobOf, integerOf, type Row, textOf } from "./columns.ts";
import type { Database } from "./database.ts";

const GENESIS = "genesis";
/** Key of the latest checkpoint note that witnesses have cosigned. */
const COSIGNED = "cosigned";

/** Key of what a consensus engine has agreed on. */
const BLOCK = "block";

/** Key of what validators signed. */
const COMMITS = "commits";

/** An entry of the log as stored, its item filled in; `vertex` is the row that carries the body. */
export type LogItemRow = {
    readonly index: number;
    readonly timeMs: number;
    readonly item: Uint8Array;
    readonly vertex: number | null;
};

/** Statements on `meta`, `log` and `checkpoints`; writes are a part of somebody's transaction. */
export class LogTable {
    readonly #meta: StatementSync;
    readonly #insertMeta: StatementSync;
    readonly #replaceMeta: StatementSync;
    readonly #size: StatementSync;
    readonly #vertex: StatementSync;
    readonly #insert: StatementSync;
    readonly #insertCheckpoint: StatementSync;
    readonly #insertOrKeepCheckpoint: StatementSync;
    readonly #cosignCheckpoint: StatementSync;
    readonly #lastCheckpoint: StatementSync;
    readonly #page: StatementSync;

    constructor(database: Database) {
        this.#meta = database.prepare("SELECT value FROM meta WHERE key = ?");
        this.#insertMeta = database.prepare("INSERT INTO meta (key, value) VALUES (?, ?)");
        this.#replaceMeta = database.prepare(
            "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
        );
        this.#size = database.prepare("SELECT coalesce(max(idx) + 1, 0) AS size FROM log");
        this.#vertex = database.prepare("SELECT n, bytes FROM vertices WHERE id = ?");
        this.#insert = database.prepare(
            `INSERT INTO log (idx, time_ms, vertex, item) VALUES (?, ?, ?, ?)
             ON CONFLICT (vertex) DO NOTHING`,
        );
        this.#insertCheckpoint = database.prepare(
            "INSERT INTO checkpoints (size, note) VALUES (?, ?)",
        );
        this.#insertOrKeepCheckpoint = database.prepare(
            "INSERT INTO checkpoints (size, note) VALUES (?, ?) ON CONFLICT (size) DO NOTHING",
        );
        this.#cosignCheckpoint = database.prepare("UPDATE checkpoints SET note = ? WHERE size = ?");
        this.#lastCheckpoint = database.prepare(
            "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1",
        );
        this.#page = database.prepare(
            `SELECT idx, time_ms, log.vertex, coalesce(item, vertices.bytes) AS item
             FROM log LEFT JOIN vertices ON vertices.n = log.vertex
             WHERE idx >= ? ORDER BY idx LIMIT ?`,
        );
    }

    genesis(): Uint8Array | null {
        const row = this.#meta.get(GENESIS);
        return row === undefined ? null : blobOf(row, "value");
    }

    /** Writes the genesis; the same one again is no change, another one is refused. */
    initialize(genesis: Uint8Array): void {
        const before = this.genesis();
        if (before === null) this.#insertMeta.run(GENESIS, genesis);
        else if (!bytesEqual(before, genesis)) {
            throw error("MS_GENESIS", { expected: "the genesis that this store was made with" });
        }
    }

    size(): number {
        return integerOf(this.#size.get() as Row, "size");
    }

    /** Adds an entry at the end and the checkpoint over it. */
    append(append: LogAppend): void {
        const index = this.size();
        if (append.size !== index + 1) {
            throw error("MS_LOG_LEAF", {
                where: "append",
                expected: `size ${index + 1}`,
                got: `size ${append.size}`,
            });
        }
        this.appendEntry(append);
        this.#insertCheckpoint.run(append.size, append.checkpoint);
    }

    /** Adds an entry at the end. */
    appendEntry({ entry, vertexId }: Pick<LogAppend, "entry" | "vertexId">): void {
        const vertex = vertexId === null ? null : this.#requireVertex(vertexId, entry.item);
        const item = vertex === null ? entry.item : null;
        if (this.#insert.run(this.size(), entry.timeMs, vertex, item).changes !== 1) {
            throw error("MS_VERTEX_DUPLICATE", { where: "append", got: "a vertex of the log" });
        }
    }

    /** Keeps a checkpoint over the tree of a size that the log has reached; the first one stays. */
    keepCheckpoint(size: number, note: string): void {
        if (size < 1 || size > this.size()) {
            throw error("MS_NOT_FOUND", { where: `a log of size ${size}` });
        }
        this.#insertOrKeepCheckpoint.run(size, note);
    }

    blockHead(): BlockHead | null {
        const row = this.#meta.get(BLOCK);
        return row === undefined ? null : decodeBlockHead(blobOf(row, "value"));
    }

    setBlockHead(head: BlockHead): void {
        this.#replaceMeta.run(BLOCK, encodeBlockHead(head));
    }

    /** Row of the vertex that an entry names; its bytes must be those that are stored. */
    #requireVertex(id: Uint8Array, item: Uint8Array): number {
        const where = `vertex ${toHex(id)}`;
        const row = this.#vertex.get(id);
        if (row === undefined) throw error("MS_NOT_FOUND", { where, expected: "a stored vertex" });
        if (!bytesEqual(blobOf(row, "bytes"), item)) {
            throw error("MS_VERTEX_DUPLICATE", { where, expected: "the bytes stored first" });
        }
        return integerOf(row, "n");
    }

    checkpoint(): string | null {
        const row = this.#lastCheckpoint.get();
        return row === undefined ? null : textOf(row, "note");
    }

    cosigned(): string | null {
        const row = this.#meta.get(COSIGNED);
        return row === undefined ? null : new TextDecoder().decode(blobOf(row, "value"));
    }

    /** Puts a cosigned note in the place of the checkpoint of its size. */
    keepCosigned(size: number, note: string): void {
        if (this.#cosignCheckpoint.run(note, size).changes !== 1) {
            throw error("MS_NOT_FOUND", { where: `checkpoint of size ${size}` });
        }
        this.#replaceMeta.run(COSIGNED, utf8(note));
    }

    commits(): Uint8Array | null {
        const row = this.#meta.get(COMMITS);
        return row === undefined ? null : blobOf(row, "value");
    }

    keepCommits(bytes: Uint8Array): void {
        this.#replaceMeta.run(COMMITS, bytes);
    }

    /** At most so many entries from an index on. */
    page(fromIndex: number, limit: number): LogItemRow[] {
        return this.#page.all(fromIndex, limit).map((row) => ({
            index: integerOf(row, "idx"),
            timeMs: integerOf(row, "time_ms"),
            item: blobOf(row, "item"),
            vertex: row.vertex === null ? null : integerOf(row, "vertex"),
        }));
    }
}
