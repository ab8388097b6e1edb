import {
    chmodSync,
    existsSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    renameSync,
    statSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { error, MetersealError, type Signer } from "@meterseal/core";
import { type FileKeyKind, generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";

/** Name of the file that marks a directory as ours. */
export const MARKER = "meterseal.json";
const MARKER_TEXT = `${JSON.stringify({ format: "meterseal-data/v1" })}\n`;
const IGNORE_FILE = ".gitignore";
const IGNORE_TEXT = "*\n";
/** Name of a meter's public description in its directory; there from its first start on. */
export const PROFILE_FILE = "profile.json";
/** Name of the file that holds where the demo's replay clock stands. */
export const REPLAY_FILE = "replay.json";
const SECRET_MODE = 0o600;

/** Places in a data directory (formats 12). */
export const PLACES = {
    server: (dir: string) => join(dir, "server"),
    serverKeys: (dir: string) => join(dir, "server", "keys"),
    contradictions: (dir: string) => join(dir, "server", "contradictions"),
    meters: (dir: string) => join(dir, "meters"),
    meter: (dir: string, subjectHex: string) => join(dir, "meters", subjectHex),
    households: (dir: string) => join(dir, "households"),
    keyFile: (dir: string, name: string) => join(dir, "households", name, "key.json"),
    household: (dir: string, name: string) => join(dir, "households", name),
    providers: (dir: string) => join(dir, "providers"),
    provider: (dir: string, name: string) => join(dir, "providers", name),
    monitors: (dir: string) => join(dir, "monitors"),
    monitor: (dir: string, name: string) => join(dir, "monitors", name),
    anchors: (dir: string) => join(dir, "anchors"),
    replayClock: (dir: string) => join(dir, REPLAY_FILE),
} as const;

/**
 * Makes sure that a directory is ours: an existing one must carry our mark, a new or empty one gets it.
 * @throws MetersealError MS_STORE_FORMAT for somebody else's directory, MS_STORE_UNWRITABLE.
 */
export function claimDirectory(dir: string): void {
    try {
        mkdirSync(dir, { recursive: true });
        const names = readdirSync(dir);
        if (names.includes(MARKER)) {
            checkMarker(dir);
            return;
        }
        const others = names.filter((name) => !isLeftOfMarking(dir, name));
        if (others.length > 0) {
            throw error("MS_STORE_FORMAT", {
                where: dir,
                got: `other files (${others.slice(0, 3).join(", ")})`,
                todo: "Choose an empty directory with --data.",
            });
        }
        markDirectory(dir);
    } catch (cause) {
        if (cause instanceof MetersealError) throw cause;
        const todo = "Choose another directory with --data.";
        throw error("MS_STORE_UNWRITABLE", { where: dir, got: reasonOf(cause), todo, cause });
    }
}

/** Puts our mark into a new directory: last, so that what has it has all of this. */
export function markDirectory(dir: string): void {
    writeFileSync(join(dir, IGNORE_FILE), IGNORE_TEXT); // keys lie here: never into a repository
    writeWhole(join(dir, MARKER), MARKER_TEXT);
}

/** Whether a file is what {@link markDirectory} leaves where it is killed. */
function isLeftOfMarking(dir: string, name: string): boolean {
    if (name === draftOf(MARKER)) return true;
    return name === IGNORE_FILE && IGNORE_TEXT.startsWith(readFileSync(join(dir, name), "utf8"));
}

/**
 * Checks that a directory is one of ours, without writing to it.
 * @throws MetersealError MS_NOT_FOUND, MS_STORE_FORMAT
 */
export function requireDirectory(dir: string): void {
    if (!existsSync(dir)) throw error("MS_NOT_FOUND", { where: dir, expected: "a data directory" });
    if (!existsSync(join(dir, MARKER))) {
        throw error("MS_STORE_FORMAT", { where: dir, expected: `a data directory with ${MARKER}` });
    }
    checkMarker(dir);
}

function checkMarker(dir: string): void {
    if (readFileSync(join(dir, MARKER), "utf8") !== MARKER_TEXT) {
        throw error("MS_STORE_FORMAT", { where: join(dir, MARKER), expected: MARKER_TEXT.trim() });
    }
}

/** Writes a file that only its owner may read; never over an existing one. */
export function writeSecret(path: string, text: string): void {
    mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
    const draft = draftOf(path);
    writeFileSync(draft, text, { mode: SECRET_MODE, flush: true });
    chmodSync(draft, SECRET_MODE);
    if (existsSync(path))
        throw error("MS_STORE_UNWRITABLE", { where: path, got: "an existing key" });
    renameSync(draft, path);
}

/** Writes a file that only its owner may read, in place of the one that is there, whole or not at all. */
export function replaceSecret(path: string, text: string | Uint8Array): void {
    const draft = draftOf(path);
    writeFileSync(draft, text, { mode: SECRET_MODE, flush: true });
    chmodSync(draft, SECRET_MODE);
    renameSync(draft, path);
}

/** Signer over a key file; makes the key on first use. */
export function fileSigner(path: string, kind: FileKeyKind): Signer {
    if (!existsSync(path)) writeSecret(path, generatePrivateKeyPem(kind));
    return signerFromPem(readFileSync(path, "utf8"));
}

/** Text of a JSON file, for people to read too. */
export function formatJson(value: unknown): string {
    return `${JSON.stringify(value, null, 4)}\n`;
}

function draftOf(path: string): string {
    return `${path}.new`;
}

/** Writes a small file whole or not at all. */
export function writeWhole(path: string, text: string): void {
    const draft = draftOf(path);
    writeFileSync(draft, text, { flush: true });
    renameSync(draft, path);
}

/** Writes a small JSON file whole or not at all. */
export function writeJson(path: string, value: unknown): void {
    writeWhole(path, formatJson(value));
}

/**
 * Reads a file that somebody names; its length is looked at before its content.
 * @throws MetersealError MS_NOT_FOUND, MS_TOO_LARGE
 */
export function readBounded(path: string, maxBytes: number): Buffer {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats?.isFile()) throw error("MS_NOT_FOUND", { where: path });
    if (stats.size > maxBytes)
        throw error("MS_TOO_LARGE", { where: path, expected: `at most ${maxBytes} bytes` });
    return readFileSync(path);
}

/** Bits of a file's mode that let others in. */
const OTHERS = 0o077;

/** Whether others than its owner may read or change a file; never known on Windows, where it is false. */
export function isOpenToOthers(path: string): boolean {
    return process.platform !== "win32" && (statSync(path).mode & OTHERS) !== 0;
}

/** Number of names in a directory; 0 where there is none. */
export function countEntries(directory: string): number {
    return existsSync(directory) ? readdirSync(directory).length : 0;
}

/** Short reason of a failed file operation. */
export function reasonOf(cause: unknown): string {
    return cause instanceof Error ? cause.message : String(cause);
}
