import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { error } from "@meterseal/core";
import type { StoreHooks, WritePoint } from "../hooks.ts";
import type { Row } from "./columns.ts";
import { isIoError, storeError } from "./errors.ts";
import {
    createFile,
    DURABLE,
    type FileFormat,
    foreign,
    immutableUrl,
    requireOurs,
    statOf,
} from "./file-format.ts";

/** How long to wait for another process that recovers or closes the file. */
const BUSY_MS = 1_000;

/** Settings of one connection. */
export type ConnectionOptions = {
    /** Opens without any right to write; sees the file as it was at this moment. */
    readonly readOnly: boolean;
    /** KiB of page cache. */
    readonly cacheKiB: number;
    /** Pages in the write-ahead log after which they are moved into the file. */
    readonly checkpointPages: number;
    readonly hooks: StoreHooks;
};

/**
 * One SQLite file with the settings that "acknowledged = durable" needs: write-ahead log, fsync at
 * each commit, one write transaction at a time. Errors come out as ours.
 */
export class Database {
    readonly path: string;
    readonly #connection: DatabaseSync;
    readonly #options: ConnectionOptions;
    #failed: Error | null = null;

    /** Use {@link openDatabase}. */
    constructor(path: string, connection: DatabaseSync, options: ConnectionOptions) {
        this.path = path;
        this.#connection = connection;
        this.#options = options;
    }

    /** Compiles a statement; the caller keeps it as long as the database. */
    prepare(sql: string): StatementSync {
        return this.guard(() => this.#connection.prepare(sql));
    }

    /** Runs driver calls and turns their errors into ours. */
    guard<T>(body: () => T): T {
        try {
            return body();
        } catch (cause) {
            throw storeError(cause, this.path);
        }
    }

    /** {@link guard} as a promise: nothing is thrown before the caller can catch it. */
    settle<T>(body: () => T): Promise<T> {
        return new Promise((resolve) => {
            if (!this.#connection.isOpen) throw closed(this.path);
            resolve(this.guard(body));
        });
    }

    /**
     * Runs a write transaction: durable when the promise resolves, without trace when it rejects.
     *
     * After a failed write or fsync the disk's content is unknown, and a later commit could rest on
     * pages that never arrived; so every further write is refused until the store is opened again.
     */
    write<T>(point: WritePoint, body: () => T): Promise<T> {
        return this.settle(() => {
            this.#requireWritable();
            this.#connection.exec("BEGIN IMMEDIATE");
            let result: T;
            try {
                result = body();
                this.#options.hooks.beforeCommit?.(point);
                this.#connection.exec("COMMIT");
            } catch (cause) {
                if (cause instanceof Error && isIoError(cause)) this.#failed = cause;
                if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
                throw cause;
            }
            this.#options.hooks.afterCommit?.(point);
            return result;
        });
    }

    /** Whether a write could begin now; MS_STORE_UNWRITABLE where it could not. Writes nothing. */
    probe(): Promise<void> {
        return this.settle(() => {
            this.#requireWritable();
            // SQLite begins a "write" transaction on a read-only file, too; the write finds out.
            this.#connection.exec("BEGIN IMMEDIATE");
            try {
                this.#connection.exec("PRAGMA user_version = 0");
            } finally {
                this.#connection.exec("ROLLBACK");
            }
        });
    }

    #requireWritable(): void {
        if (this.#options.readOnly) {
            throw error("MS_STORE_UNWRITABLE", { where: this.path, got: "opened read-only" });
        }
        if (this.#failed === null) return;
        const todo = "A write failed before: check the disk, then start again.";
        throw error("MS_STORE_UNWRITABLE", { where: this.path, todo, cause: this.#failed });
    }

    /** Value of a PRAGMA that answers with one row. */
    pragma(name: string): string | number | null {
        return this.guard(() => {
            const row = this.#connection.prepare(`PRAGMA ${name}`).get() as Row | undefined;
            const value = row === undefined ? null : Object.values(row)[0];
            return typeof value === "string" || typeof value === "number" ? value : null;
        });
    }

    /** Closes the file; a second time does nothing. */
    close(): Promise<void> {
        if (!this.#connection.isOpen) return Promise.resolve();
        return this.settle(() => this.#connection.close());
    }
}

/**
 * Opens a file of ours, or makes it. A foreign or newer file is only looked at, never changed.
 * @throws MetersealError MS_STORE_FORMAT, MS_STORE_UNWRITABLE, MS_STORE_LOCKED.
 */
export function openDatabase(
    path: string,
    format: FileFormat,
    options: ConnectionOptions,
): Database {
    try {
        const stats = statOf(path);
        if (stats !== null) requireOurs(path, stats, format);
        else if (options.readOnly) throw foreign(path, "a store", "no file");
        else createFile(path, format);
        const connection = options.readOnly
            ? openSnapshot(path, options)
            : openWriter(path, options);
        return new Database(path, connection, options);
    } catch (cause) {
        throw storeError(fileError(cause, path), path);
    }
}

/**
 * Opens for writing and finds out now, not at the first record, whether the file and its directory
 * can be written: SQLite opens a read-only file without complaint, and begins a "write" transaction
 * on it, too.
 */
function openWriter(path: string, options: ConnectionOptions): DatabaseSync {
    accessSync(path, constants.R_OK | constants.W_OK);
    accessSync(dirname(path), constants.W_OK);
    return configured(new DatabaseSync(path, { timeout: BUSY_MS }), options, (connection) => {
        connection.exec(`
            BEGIN IMMEDIATE; PRAGMA user_version = 0; ROLLBACK;
            PRAGMA journal_mode = WAL;
            ${DURABLE}
            PRAGMA wal_autocheckpoint = ${options.checkpointPages};
        `);
    });
}

/** Opens read-only and begins the one transaction whose view the connection keeps. */
function openSnapshot(path: string, options: ConnectionOptions): DatabaseSync {
    const settings = { readOnly: true, timeout: BUSY_MS };
    // A writer has a log of recent writes beside the file from its first moment on. Without one the
    // file is complete, and SQLite need not make helper files, which would stay behind.
    if (statOf(`${path}-wal`) === null) {
        return configured(new DatabaseSync(immutableUrl(path), settings), options, holdView);
    }
    try {
        return configured(new DatabaseSync(path, settings), options, holdView);
    } catch (cause) {
        // On a medium that cannot be written SQLite cannot make its helper files. Without a log of
        // recent writes beside it the file is complete, and nobody else can be changing it.
        if ((statOf(`${path}-wal`)?.size ?? 0) > 0) throw cause;
        return configured(new DatabaseSync(immutableUrl(path), settings), options, holdView);
    }
}

/** Begins a read transaction: the connection sees the file as it is now until that ends. */
export function holdView(connection: DatabaseSync): void {
    connection.exec("BEGIN");
    connection.prepare("SELECT count(*) FROM sqlite_schema").get();
}

/** Finishes a connection that was just opened; closes it again when that fails. */
function configured(
    connection: DatabaseSync,
    options: ConnectionOptions,
    finish: (connection: DatabaseSync) => void,
): DatabaseSync {
    try {
        connection.exec(`
            PRAGMA cache_size = -${options.cacheKiB};
            PRAGMA trusted_schema = OFF;
            PRAGMA cell_size_check = ON;
        `);
        finish(connection);
        return connection;
    } catch (cause) {
        connection.close();
        throw cause;
    }
}

/** Error of a file system call as one of ours; any other error unchanged. */
function fileError(cause: unknown, where: string): unknown {
    if (!(cause instanceof Error) || !("syscall" in cause)) return cause;
    const todo = "Check the path and the permissions of its directory.";
    return error("MS_STORE_UNWRITABLE", { where, got: cause.message, todo, cause });
}

function closed(where: string): Error {
    return error("MS_STORE_UNWRITABLE", { where, got: "a closed store" });
}
