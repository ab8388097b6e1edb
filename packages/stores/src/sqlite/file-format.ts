import { closeSync, mkdirSync, openSync, renameSync, rmSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { error } from "@meterseal/core";
import { syncDirectory } from "../sync-directory.ts";
import { integerOf, type Row } from "./columns.ts";

/** What makes a file one of ours, and how it is laid out. */
export type FileFormat = {
    /** `PRAGMA application_id`: 32 bits that no other program uses for its files. */
    readonly applicationId: number;
    /** `PRAGMA user_version`: newer files are refused. */
    readonly version: number;
    /** Bytes of a page, fixed when the file is made. */
    readonly pageSize: number;
    /** Statements that make the tables. */
    readonly schema: string;
};

/**
 * An fsync at each commit and checkpoint. On macOS an fsync leaves data in the cache of the disk;
 * the last two settings empty that as well, and mean nothing elsewhere.
 */
export const DURABLE = `
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
`;

/** Looks at the file's header only, without locks, helper files or recovery of a foreign file. */
export function requireOurs(path: string, stats: Stats, format: FileFormat): void {
    if (!stats.isFile()) throw foreign(path, "a file", "a directory or device");
    const connection = new DatabaseSync(immutableUrl(path), { readOnly: true, defensive: false });
    try {
        // A crash may have cut the file while its log was moved into it: then the header names
        // pages that are still in the log. With this setting SQLite shows the header all the same.
        connection.exec("PRAGMA writable_schema = ON");
        const read = (name: string): number =>
            integerOf(connection.prepare(`PRAGMA ${name}`).get() as Row, name);
        const [applicationId, version] = [read("application_id"), read("user_version")];
        if (applicationId !== format.applicationId) {
            const expected = `application id ${format.applicationId}`;
            throw foreign(path, expected, stats.size === 0 ? "an empty file" : `${applicationId}`);
        }
        if (version !== format.version) {
            throw error("MS_STORE_FORMAT", {
                where: path,
                expected: `version ${format.version}`,
                got: `version ${version}`,
                todo: "Use the release of Meterseal that wrote this file, or a newer one.",
            });
        }
    } finally {
        connection.close();
    }
}

/**
 * Makes the file under another name and renames it when it is complete, so that a crash leaves
 * either no store or a whole one, and a file that is not ours is never taken for a half-made one.
 */
export function createFile(path: string, format: FileFormat): void {
    const directory = dirname(path);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const draft = `${path}.new`;
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(draft + suffix, { force: true });
    closeSync(openSync(draft, "wx", 0o600));
    const connection = new DatabaseSync(draft);
    try {
        connection.exec(`
            PRAGMA page_size = ${format.pageSize};
            ${DURABLE}
            BEGIN IMMEDIATE;
            ${format.schema}
            PRAGMA application_id = ${format.applicationId};
            PRAGMA user_version = ${format.version};
            COMMIT;
        `);
    } finally {
        connection.close();
    }
    renameSync(draft, path);
    syncDirectory(directory);
}

/** Error for a path that holds something else than expected. */
export function foreign(path: string, expected: string, got: string): Error {
    const todo = "Choose another directory: this one is not changed.";
    return error("MS_STORE_FORMAT", { where: path, expected, got, todo });
}

/** URL that makes SQLite read a file as it lies there: no locks, no helper files, no recovery. */
export function immutableUrl(path: string): URL {
    const url = pathToFileURL(path);
    url.searchParams.set("immutable", "1");
    return url;
}

/** What is at a path; null when there is nothing. */
export function statOf(path: string): Stats | null {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
}
