import { closeSync, fsyncSync, openSync } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { holdView } from "./database.ts";
import { storeError } from "./errors.ts";
import { foreign, immutableUrl, requireOurs, statOf } from "./file-format.ts";
import { BOX_FILE, BOX_FORMAT } from "./grant-box.ts";
import { SERVER_FORMAT } from "./server-schema.ts";
import { SERVER_FILE } from "./server-store.ts";

/** How to copy a file of a server. */
export type CopyOptions = {
    /** Whether another process may have the store open; otherwise the caller holds its lock. */
    readonly inUse: boolean;
    /** Called with the part that is copied, 0 … 1; what it throws ends the copy. */
    readonly onProgress?: (done: number) => void;
};

/** Pages between two reports of progress: 4 MiB at the store's page size. */
const PAGES_AT_ONCE = 256;
const BUSY_MS = 5_000;

/** Files of a server that can be copied. */
const FORMATS = { [SERVER_FILE]: SERVER_FORMAT, [BOX_FILE]: BOX_FORMAT } as const;

/**
 * Copies the `store.db` or `grants.db` of a server's directory, as of one moment, also while a server
 * writes to it. The copy is a complete file of mode 600 and on disk when the promise resolves.
 * @param to path of the copy; there must be nothing.
 * @throws MetersealError MS_STORE_FORMAT for a foreign or missing file, MS_STORE_UNWRITABLE.
 */
export async function copyServerFile(
    directory: string,
    file: keyof typeof FORMATS,
    to: string,
    { inUse, onProgress }: CopyOptions,
): Promise<void> {
    const path = join(directory, file);
    const stats = statOf(path);
    if (stats === null) throw foreign(path, "a store", "no file");
    try {
        requireOurs(path, stats, FORMATS[file]);
        closeSync(openSync(to, "wx", 0o600));
        const alone = !inUse && statOf(`${path}-wal`) === null;
        const settings = { readOnly: true, timeout: BUSY_MS };
        const source = new DatabaseSync(alone ? immutableUrl(path) : path, settings);
        try {
            // Without it each write of another process would make the copy begin again, and under
            // load it would never end.
            holdView(source);
            await backup(source, to, {
                rate: PAGES_AT_ONCE,
                progress: ({ remainingPages, totalPages }) =>
                    onProgress?.(1 - remainingPages / totalPages),
            });
        } finally {
            source.close();
        }
        const copy = openSync(to, "r+");
        try {
            fsyncSync(copy);
        } finally {
            closeSync(copy);
        }
    } catch (cause) {
        throw storeError(cause, path);
    }
}
