import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { error } from "@meterseal/core";
import { formatJson, reasonOf } from "../files.ts";
import type { FileDigest } from "./files.ts";

/** File that describes a backup; written last. */
export const MANIFEST_FILE = "meterseal-backup.json";
const FORMAT = "meterseal-backup/v1";

/** What a backup holds. */
export type Manifest = {
    /** Release that wrote it. */
    readonly version: string;
    /** When it was begun, ISO 8601 in UTC. */
    readonly time: string;
    /** Network id, hexadecimal. */
    readonly network: string;
    readonly log: {
        readonly size: number;
        /** Root of the log, hexadecimal. */
        readonly root: string;
    };
    readonly files: readonly ({ readonly path: string } & FileDigest)[];
};

/** Names that a backup may hold: nothing else is ever restored, and no name leads elsewhere. */
const PATH =
    /^server\/(?:store\.db|grants\.db|membership\.json|contradictions\/[a-z]+-[0-9a-f]{1,64}-\d+\.contradiction|keys\/[a-z]+\.(?:pem|id))$/;
const HEX_32 = /^[0-9a-f]{64}$/;

/** Writes the manifest of a backup, durably. */
export function writeManifest(directory: string, manifest: Manifest): void {
    const text = formatJson({ format: FORMAT, ...manifest });
    writeFileSync(join(directory, MANIFEST_FILE), text, { mode: 0o600, flag: "wx", flush: true });
}

/**
 * Reads the manifest of a backup.
 * @throws MetersealError MS_NOT_FOUND where there is none, MS_BACKUP for another or damaged one.
 */
export function readManifest(directory: string): Manifest {
    const path = join(directory, MANIFEST_FILE);
    let text: string;
    try {
        text = readFileSync(path, "utf8");
    } catch (cause) {
        const expected = `a backup, with ${MANIFEST_FILE}`;
        throw error("MS_NOT_FOUND", { where: directory, expected, got: reasonOf(cause), cause });
    }
    const manifest = parse(text);
    if (typeof manifest === "string") {
        throw error("MS_BACKUP", { where: path, expected: `format ${FORMAT}`, got: manifest });
    }
    return manifest;
}

/** The manifest, or what is wrong with it. */
function parse(text: string): Manifest | string {
    let value: unknown;
    try {
        value = JSON.parse(text);
    } catch (cause) {
        return reasonOf(cause);
    }
    const { files, format, log, network, time, version } = (value ?? {}) as Record<string, unknown>;
    if (format !== FORMAT) return `format ${String(format).slice(0, 40)}`;
    if (typeof version !== "string" || typeof time !== "string" || typeof network !== "string") {
        return "no version, time or network";
    }
    const { root, size } = (log ?? {}) as Record<string, unknown>;
    if (!isCount(size) || typeof root !== "string" || !HEX_32.test(root)) return "no log head";
    if (!Array.isArray(files)) return "no list of files";
    const listed: Manifest["files"][number][] = [];
    for (const file of files as Record<string, unknown>[]) {
        const { bytes, path, sha256 } = file ?? {};
        if (typeof path !== "string" || !PATH.test(path)) {
            return `file name '${String(path).slice(0, 40)}'`;
        }
        if (!isCount(bytes) || typeof sha256 !== "string" || !HEX_32.test(sha256)) {
            return `no digest of ${path}`;
        }
        if (listed.some((other) => other.path === path)) return `${path} twice`;
        listed.push({ path, bytes, sha256 });
    }
    if (!listed.some(({ path }) => path === "server/store.db")) return "no server/store.db";
    return { version, time, network, log: { size, root }, files: listed };
}

function isCount(value: unknown): value is number {
    return Number.isSafeInteger(value) && (value as number) >= 0;
}
