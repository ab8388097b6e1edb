import { createHash } from "node:crypto";
import {
    closeSync,
    existsSync,
    fsyncSync,
    mkdirSync,
    openSync,
    readdirSync,
    readSync,
    renameSync,
    rmdirSync,
    rmSync,
    statSync,
    writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { error } from "@meterseal/core";
import { syncDirectory } from "@meterseal/stores";

/** Length and SHA-256 (hexadecimal) of a file. */
export type FileDigest = { readonly bytes: number; readonly sha256: string };

/** Part of a directory's name while it is being made; the process id follows. */
const PARTIAL = ".partial-";
const CHUNK_BYTES = 1 << 20;

/** Reads a file to its end and digests it; with a second path, copies it there, durably. */
function digest(path: string, to: string | null): FileDigest {
    const hash = createHash("sha256");
    const chunk = new Uint8Array(CHUNK_BYTES);
    let bytes = 0;
    const from = openSync(path, "r");
    const copy = to === null ? null : openSync(to, "wx", 0o600);
    try {
        for (;;) {
            const length = readSync(from, chunk, 0, CHUNK_BYTES, null);
            if (length === 0) break;
            bytes += length;
            hash.update(chunk.subarray(0, length));
            for (let done = 0; copy !== null && done < length; ) {
                done += writeSync(copy, chunk, done, length - done);
            }
        }
        if (copy !== null) fsyncSync(copy);
    } finally {
        closeSync(from);
        if (copy !== null) closeSync(copy);
    }
    return { bytes, sha256: hash.digest("hex") };
}

/** Length and SHA-256 of a file. */
export function digestFile(path: string): FileDigest {
    return digest(path, null);
}

/** Copies a file to a new one of mode 600 that is on disk afterwards; digests what was read. */
export function copyFile(path: string, to: string): FileDigest {
    return digest(path, to);
}

/**
 * Makes a directory whole or not at all: under another name beside its place, and renamed when it
 * is complete and on disk.
 * @throws MetersealError MS_STORE_UNWRITABLE when there is something at its place; what `build`
 * throws, after the unfinished directory is removed.
 */
export async function makeDirectory<T>(
    target: string,
    build: (draft: string) => Promise<T>,
): Promise<T> {
    const place = resolve(target);
    requireVacant(place, target);
    const draft = `${place}${PARTIAL}${process.pid}`;
    mkdirSync(dirname(place), { recursive: true });
    rmSync(draft, { recursive: true, force: true }); // of an ended process that had this id
    mkdirSync(draft, { mode: 0o700 });
    try {
        const result = await build(draft);
        syncTree(draft);
        requireVacant(place, target);
        if (existsSync(place)) rmdirSync(place);
        renameSync(draft, place);
        syncDirectory(dirname(place));
        return result;
    } catch (cause) {
        rmSync(draft, { recursive: true, force: true });
        throw cause;
    }
}

/**
 * Ends a long job that is not wanted any more.
 * @throws MetersealError MS_BACKUP
 */
export function requireWanted(signal: AbortSignal): void {
    if (!signal.aborted) return;
    throw error("MS_BACKUP", { got: "a request to stop", todo: "Nothing of it was kept." });
}

/** Unfinished directories beside a place, that a kill or a power cut left there. */
export function partialsOf(target: string): string[] {
    const place = resolve(target);
    const parent = dirname(place);
    if (!existsSync(parent)) return [];
    return readdirSync(parent)
        .filter((name) => name.startsWith(basename(place) + PARTIAL))
        .map((name) => join(parent, name));
}

function requireVacant(place: string, name: string): void {
    const stats = statSync(place, { throwIfNoEntry: false });
    if (stats === undefined) return;
    const names = stats.isDirectory() ? readdirSync(place) : null;
    if (names?.length === 0) return;
    throw error("MS_STORE_UNWRITABLE", {
        where: name,
        expected: "a new or empty directory",
        got: names === null ? "a file" : `files in it (${names.slice(0, 3).join(", ")})`,
        todo: "Name another directory; nothing was changed.",
    });
}

function syncTree(directory: string): void {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
        if (entry.isDirectory()) syncTree(join(directory, entry.name));
    }
    syncDirectory(directory);
}
