import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { error } from "@meterseal/core";
import { storeError } from "./sqlite/errors.ts";

/** The right to use a data directory, until it is released or the process ends. */
export type DirectoryLock = {
    /** Gives the directory back; a second time does nothing. */
    readonly release: () => void;
};

/** File that is locked; it stays empty and is never deleted, because deleting it makes a race. */
const LOCK_FILE = "lock";
/** Two that start at one moment may hinder each other: wait until one of them has the lock. */
const CONTEST_MS = 200;
/** Says who holds the lock, for people; nothing is decided by it. */
const HOLDER_FILE = "lock.holder";
/** What to do where another process has the directory of a server or of a program around it. */
const STOP_OR_MOVE = "Stop that process, or choose another data directory.";

/**
 * Takes the lock of a data directory for this process.
 *
 * The lock is the kernel's own, on a file that SQLite holds in an exclusive transaction: it ends
 * with the process, however that ends, so a kill -9 leaves no stale lock and there is no process id
 * to misread. It does not work on network file systems without locks.
 * @param todo - what a person is told to do where another process has it.
 * @throws MetersealError MS_STORE_LOCKED naming the holder, MS_STORE_UNWRITABLE, MS_STORE_FORMAT
 * when the lock file is not ours.
 */
export function lockDirectory(directory: string, todo: string = STOP_OR_MOVE): DirectoryLock {
    const path = join(directory, LOCK_FILE);
    const holderPath = join(directory, HOLDER_FILE);
    try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (cause) {
        throw unwritable(directory, cause);
    }
    const connection = connect(path, holderPath, todo);
    try {
        writeFileSync(holderPath, `${process.pid}\n`, { mode: 0o600 });
    } catch (cause) {
        connection.close();
        throw unwritable(holderPath, cause);
    }
    return {
        release: () => {
            if (!connection.isOpen) return;
            rmSync(holderPath, { force: true });
            connection.close();
        },
    };
}

/**
 * Who has the lock of a data directory: a process, as far as it named itself; null for nobody, and
 * where the lock file cannot be read. Writes nothing, not even beside a process that was killed.
 */
export function lockHolder(directory: string): string | null {
    const path = join(directory, LOCK_FILE);
    if (!existsSync(path)) return null;
    let connection: DatabaseSync | null = null;
    try {
        connection = new DatabaseSync(path, { readOnly: true, timeout: CONTEST_MS });
        connection.prepare("SELECT count(*) FROM sqlite_schema").get();
        return null;
    } catch (cause) {
        if (!isLocked(storeError(cause, path))) return null;
        const pid = holderOf(join(directory, HOLDER_FILE));
        return pid === null ? "a process that is just starting" : `process ${pid}`;
    } finally {
        connection?.close();
    }
}

function connect(path: string, holderPath: string, todo: string): DatabaseSync {
    let connection: DatabaseSync | null = null;
    try {
        connection = new DatabaseSync(path, { timeout: CONTEST_MS });
        // The write that is never committed finds out that the file is writable: on a read-only one
        // SQLite begins an "exclusive" transaction that excludes nobody.
        connection.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; PRAGMA user_version = 1");
        return connection;
    } catch (cause) {
        connection?.close();
        const mapped = storeError(cause, path);
        if (!isLocked(mapped)) throw mapped;
        const pid = holderOf(holderPath);
        throw error("MS_STORE_LOCKED", {
            where: path,
            ...(pid === null ? {} : { got: `process ${pid}` }),
            todo,
            cause,
        });
    }
}

function isLocked(cause: unknown): boolean {
    return cause instanceof Error && "code" in cause && cause.code === "MS_STORE_LOCKED";
}

/** Process that wrote its id last; null when it has not come to that yet. */
function holderOf(path: string): string | null {
    try {
        const text = readFileSync(path, "utf8").trim();
        return /^[0-9]{1,10}$/.test(text) ? text : null;
    } catch {
        return null;
    }
}

function unwritable(where: string, cause: unknown): Error {
    const got = cause instanceof Error ? cause.message : String(cause);
    const todo = "Check the path and its permissions.";
    return error("MS_STORE_UNWRITABLE", { where, got, todo, cause });
}
