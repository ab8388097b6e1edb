import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";

/** Temporary directory of the running test; a getter, because it is made anew for each. */
export function useDirectory(): () => string {
    let directory = "";
    beforeEach(() => {
        directory = mkdtempSync(join(tmpdir(), "meterseal-store-"));
    });
    afterEach(() => rmSync(directory, { recursive: true }));
    return () => directory;
}

/** Copies the files of a store as they lie there, as a crash of the machine would leave them. */
export function copyFiles(from: string, to: string): void {
    mkdirSync(to, { recursive: true });
    cpSync(from, to, { recursive: true });
}

/** All items of an async iterable. */
export async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
    const list: T[] = [];
    for await (const item of items) list.push(item);
    return list;
}
