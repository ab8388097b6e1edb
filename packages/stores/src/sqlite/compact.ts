import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { error } from "@meterseal/core";
import { freeBytesOf } from "../free-bytes.ts";
import { syncDirectory } from "../sync-directory.ts";
import { storeError } from "./errors.ts";
import { foreign, requireOurs, statOf } from "./file-format.ts";
import { SERVER_FORMAT } from "./server-schema.ts";
import { SERVER_FILE } from "./server-store.ts";

/** The new file while it is written; before that, empty, a note that it is due. */
function draftOf(directory: string): string {
    return `${join(directory, SERVER_FILE)}.compact`;
}

/** Notes on disk, before bytes go, that {@link compactServerStore} is due: also after a crash. */
export function noteCompactionDue(directory: string): void {
    closeSync(openSync(draftOf(directory), "w", 0o600));
    syncDirectory(directory);
}

/** Whether {@link compactServerStore} was due and has not come to its end. */
export function isCompactionDue(directory: string): boolean {
    return existsSync(draftOf(directory));
}

/**
 * Writes `store.db` anew without the room that was freed in it, beside the old file, and puts it in its
 * place when it is on disk: a crash leaves the one or the other. The caller has the directory's lock,
 * and nobody has the store open.
 * @returns bytes by which the file is shorter.
 * @throws MetersealError MS_STORE_UNWRITABLE where the disk has no room for the copy, MS_STORE_FORMAT.
 */
export function compactServerStore(directory: string): number {
    const path = join(directory, SERVER_FILE);
    const draft = draftOf(directory);
    const before = statOf(path);
    if (before === null) throw foreign(path, "a store", "no file");
    try {
        requireOurs(path, before, SERVER_FORMAT);
        if (freeBytesOf(directory) < before.size) {
            const expected = `${before.size} bytes free for a copy`;
            throw error("MS_STORE_UNWRITABLE", { where: directory, expected });
        }
        rmSync(draft, { force: true });
        closeSync(openSync(draft, "wx", 0o600));
        const source = new DatabaseSync(path);
        try {
            source.exec("PRAGMA wal_checkpoint(TRUNCATE)");
            source.prepare("VACUUM INTO ?").run(draft);
        } finally {
            source.close();
        }
        const copy = openSync(draft, "r+");
        try {
            fsyncSync(copy);
        } finally {
            closeSync(copy);
        }
        // What is left of the old file's log would be taken for the new one's.
        if ((statOf(`${path}-wal`)?.size ?? 0) > 0) {
            throw error("MS_STORE_LOCKED", { where: path, got: "somebody who has it open" });
        }
        renameSync(draft, path);
        syncDirectory(directory);
    } catch (cause) {
        rmSync(draft, { force: true });
        throw storeError(cause, path);
    }
    return before.size - (statOf(path)?.size ?? before.size);
}
