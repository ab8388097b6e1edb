import { join } from "node:path";
import type { StatementSync } from "node:sqlite";
import { error, LIMITS, toHex } from "@meterseal/core";
import type { BoxAccess, BoxItem, BoxMessage, GrantBox } from "@meterseal/record";
import { type BoxUse, boxFault } from "../box-full.ts";
import type { StoreHooks } from "../hooks.ts";
import { blobOf, integerOf, optionalIntegerOf, type Row, textOf } from "./columns.ts";
import { type Database, openDatabase } from "./database.ts";
import type { FileFormat } from "./file-format.ts";

/** File name of the grant box in the server's directory. */
export const BOX_FILE = "grants.db";

/** How to open a grant box. */
export type GrantBoxOptions = {
    /** For `verify`: never writes, and sees the box as it was when opened. */
    readonly readOnly?: boolean;
    /** Fault injection for tests. */
    readonly hooks?: StoreHooks;
};

const CACHE_KIB = 4 * 1024;
const CHECKPOINT_PAGES = 1_000;

/** Layout of `grants.db`: a file of its own, for nothing in it is evidence of what a meter said. */
export const BOX_FORMAT: FileFormat = {
    applicationId: 0x4d53_4762, // "MSGb"
    version: 1,
    pageSize: 4096,
    schema: `
        CREATE TABLE messages (
            n INTEGER PRIMARY KEY,
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
            kind INTEGER NOT NULL,
            issuer BLOB NOT NULL CHECK (length(issuer) = 16),
            recipient BLOB NOT NULL CHECK (length(recipient) = 16),
            received INTEGER NOT NULL,
            reads INTEGER NOT NULL DEFAULT 0,
            last_read INTEGER,
            refusals INTEGER NOT NULL DEFAULT 0,
            bytes BLOB NOT NULL
        ) STRICT;
        CREATE INDEX messages_by_issuer ON messages (issuer);
        CREATE INDEX messages_by_recipient ON messages (recipient);

        CREATE TABLE issuers (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            messages INTEGER NOT NULL,
            bytes INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE accesses (
            n INTEGER PRIMARY KEY,
            message INTEGER NOT NULL REFERENCES messages (n),
            caller BLOB NOT NULL CHECK (length(caller) = 16),
            time INTEGER NOT NULL,
            granted INTEGER NOT NULL CHECK (granted IN (0, 1)),
            purpose TEXT NOT NULL
        ) STRICT;
        CREATE INDEX accesses_by_message ON accesses (message);
    `,
};

/**
 * Opens `grants.db` in the server's directory, and makes both where they are missing.
 * @throws MetersealError MS_STORE_FORMAT for a foreign, newer or damaged file, MS_STORE_UNWRITABLE.
 */
export function openGrantBox(
    directory: string,
    options: GrantBoxOptions = {},
): Promise<SqliteGrantBox> {
    return new Promise((resolve) => {
        const database = openDatabase(join(directory, BOX_FILE), BOX_FORMAT, {
            readOnly: options.readOnly ?? false,
            cacheKiB: CACHE_KIB,
            checkpointPages: CHECKPOINT_PAGES,
            hooks: options.hooks ?? {},
        });
        resolve(new SqliteGrantBox(database));
    });
}

const ITEM = `n, hash, kind, issuer, recipient, received, reads, last_read, refusals,
    length(bytes) AS size`;

/** A grant box on SQLite; every method that writes is one transaction. */
export class SqliteGrantBox implements GrantBox {
    readonly #database: Database;
    readonly #insert: StatementSync;
    readonly #use: StatementSync;
    readonly #countUse: StatementSync;
    readonly #message: StatementSync;
    readonly #list: StatementSync;
    readonly #page: StatementSync;
    readonly #count: StatementSync;
    readonly #noteAccess: StatementSync;
    readonly #forget: StatementSync;
    readonly #accesses: StatementSync;

    /** Use {@link openGrantBox}. */
    constructor(database: Database) {
        this.#database = database;
        this.#insert = database.prepare(
            `INSERT INTO messages (hash, kind, issuer, recipient, received, bytes)
             VALUES (?, ?, ?, ?, ?, ?)`,
        );
        this.#use = database.prepare("SELECT messages, bytes FROM issuers WHERE id = ?");
        this.#countUse = database.prepare(
            `INSERT INTO issuers (id, messages, bytes) VALUES (?, 1, ?) ON CONFLICT (id)
             DO UPDATE SET messages = messages + 1, bytes = bytes + excluded.bytes`,
        );
        this.#message = database.prepare("SELECT * FROM messages WHERE hash = ?");
        this.#list = database.prepare(
            `SELECT ${ITEM} FROM messages WHERE (issuer = ? OR recipient = ?) AND kind = ? AND n > ?
             ORDER BY n LIMIT ?`,
        );
        this.#page = database.prepare("SELECT * FROM messages WHERE n > ? ORDER BY n LIMIT ?");
        this.#count = database.prepare(
            `UPDATE messages SET reads = reads + ?1, refusals = refusals + 1 - ?1,
             last_read = iif(?1 = 1, ?2, last_read) WHERE n = ?3`,
        );
        this.#noteAccess = database.prepare(
            "INSERT INTO accesses (message, caller, time, granted, purpose) VALUES (?, ?, ?, ?, ?)",
        );
        this.#forget = database.prepare(
            `DELETE FROM accesses WHERE message = ?1 AND granted = ?2 AND n <= (SELECT n
             FROM accesses WHERE message = ?1 AND granted = ?2
             ORDER BY n DESC LIMIT 1 OFFSET ${LIMITS.boxAccesses})`,
        );
        this.#accesses = database.prepare(
            `SELECT caller, time, granted, purpose FROM accesses
             WHERE message = (SELECT n FROM messages WHERE hash = ?) ORDER BY n DESC`,
        );
    }

    put(message: BoxMessage): Promise<boolean> {
        return this.#database.write("put", () => {
            const { bytes, hash, issuer, kind, receivedUnix, recipient } = message;
            if (this.#message.get(hash) !== undefined) return false;
            const fault = boxFault(useOf(this.#use.get(issuer)), issuer, bytes.length);
            if (fault !== null) throw fault;
            this.#countUse.run(issuer, bytes.length);
            this.#insert.run(hash, kind, issuer, recipient, receivedUnix, bytes);
            return true;
        });
    }

    message(hash: Uint8Array): Promise<BoxMessage | null> {
        return this.#database.settle(() => {
            const row = this.#message.get(hash);
            return row === undefined ? null : messageOf(row);
        });
    }

    list(party: Uint8Array, kind: number, afterRow: number, limit: number): Promise<BoxItem[]> {
        return this.#database.settle(() =>
            this.#list.all(party, party, kind, afterRow, limit).map((row) => ({
                ...headOf(row),
                row: integerOf(row, "n"),
                size: integerOf(row, "size"),
                reads: integerOf(row, "reads"),
                lastReadUnix: optionalIntegerOf(row, "last_read"),
                refusals: integerOf(row, "refusals"),
            })),
        );
    }

    noteAccess(hash: Uint8Array, access: BoxAccess): Promise<void> {
        return this.#database.write("noteAccess", () => {
            const row = this.#message.get(hash);
            if (row === undefined) {
                throw error("MS_NOT_FOUND", { where: `message ${toHex(hash)}` });
            }
            const message = integerOf(row, "n");
            const { caller, granted, purpose, timeUnix } = access;
            this.#noteAccess.run(message, caller, timeUnix, Number(granted), purpose);
            this.#forget.run(message, Number(granted));
            this.#count.run(Number(granted), timeUnix, message);
        });
    }

    accesses(hash: Uint8Array): Promise<BoxAccess[]> {
        return this.#database.settle(() =>
            this.#accesses.all(hash).map((row) => ({
                caller: blobOf(row, "caller"),
                timeUnix: integerOf(row, "time"),
                granted: integerOf(row, "granted") === 1,
                purpose: textOf(row, "purpose"),
            })),
        );
    }

    /** All messages in the order of their arrival, from after a row on: for `verify`. */
    page(afterRow: number, limit: number): Promise<(BoxMessage & { readonly row: number })[]> {
        return this.#database.settle(() =>
            this.#page
                .all(afterRow, limit)
                .map((row) => ({ ...messageOf(row), row: integerOf(row, "n") })),
        );
    }

    /** Checks the file as a file, also its references; empty when there is no fault. */
    fileFaults(): Promise<string[]> {
        return this.#database.settle(() => {
            const pages = this.#database.prepare("PRAGMA integrity_check").all();
            const references = this.#database.prepare("PRAGMA foreign_key_check").all();
            return [
                ...pages
                    .map((row) => textOf(row, "integrity_check"))
                    .filter((text) => text !== "ok"),
                ...references.map((row) => `missing reference of row ${String(row.rowid)}`),
            ];
        });
    }

    /** Closes the file; a second time does nothing. */
    close(): Promise<void> {
        return this.#database.close();
    }
}

function useOf(row: Row | undefined): BoxUse {
    if (row === undefined) return { messages: 0, bytes: 0 };
    return { messages: integerOf(row, "messages"), bytes: integerOf(row, "bytes") };
}

function headOf(row: Row): Omit<BoxMessage, "bytes"> {
    return {
        hash: blobOf(row, "hash"),
        kind: integerOf(row, "kind"),
        issuer: blobOf(row, "issuer"),
        recipient: blobOf(row, "recipient"),
        receivedUnix: integerOf(row, "received"),
    };
}

function messageOf(row: Row): BoxMessage {
    return { ...headOf(row), bytes: blobOf(row, "bytes") };
}
