import { closeSync, fsyncSync, openSync } from "node:fs";

/** Makes the names in a directory durable. Windows has no such call: there the file system decides. */
export function syncDirectory(directory: string): void {
    if (process.platform === "win32") return;
    const handle = openSync(directory, "r");
    try {
        fsyncSync(handle);
    } finally {
        closeSync(handle);
    }
}
