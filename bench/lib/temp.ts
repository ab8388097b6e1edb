import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs work in a directory of its own that is gone afterwards. */
export async function inTempDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
    const directory = mkdtempSync(join(tmpdir(), "meterseal-bench-"));
    try {
        return await work(directory);
    } finally {
        rmSync(directory, { recursive: true, force: true });
    }
}

/** Bytes of a database file after its log was moved into it. */
export function fileBytes(path: string): number {
    return statSync(path).size;
}
