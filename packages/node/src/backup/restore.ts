import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { error } from "@meterseal/core";
import { markDirectory } from "../files.ts";
import type { VerifyReport } from "../verify/report.ts";
import { verifyDirectory } from "../verify/verify.ts";
import { copyFile, makeDirectory, requireWanted } from "./files.ts";
import { type Manifest, readManifest } from "./manifest.ts";

/** A backup that was put back, and what its full check found: no fault. */
export type Restored = { readonly manifest: Manifest; readonly report: VerifyReport };

/** How to restore a backup. */
export type RestoreOptions = {
    readonly from: string;
    readonly dataDir: string;
    /** Ends the work and removes what was made of it. */
    readonly signal: AbortSignal;
    readonly onProgress: (done: number, text: string) => void;
};

/**
 * Makes a data directory from a backup and verifies all of it before it gets its name.
 * @throws MetersealError MS_NOT_FOUND without a backup, MS_STORE_UNWRITABLE for a target that is not
 * empty, MS_BACKUP when a file differs from the manifest or the restored directory does not verify.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
    const { dataDir, from, onProgress, signal } = options;
    const manifest = readManifest(from);
    return await makeDirectory(dataDir, async (draft) => {
        markDirectory(draft);
        for (const file of manifest.files) {
            requireWanted(signal);
            restoreFile(from, draft, file);
        }
        onProgress(0.1, "copied");
        const report = await verifyDirectory(draft, [], (done, text) => {
            requireWanted(signal);
            onProgress(0.1 + done * 0.9, text);
        });
        requireHolds(report, manifest);
        return { manifest, report };
    });
}

function restoreFile(from: string, draft: string, file: Manifest["files"][number]): void {
    const [source, target] = [join(from, file.path), join(draft, file.path)];
    if (!existsSync(source)) throw error("MS_BACKUP", { where: source, got: "no file" });
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    const { bytes, sha256 } = copyFile(source, target);
    if (bytes === file.bytes && sha256 === file.sha256) return;
    throw error("MS_BACKUP", {
        where: source,
        expected: `${file.bytes} bytes with SHA-256 ${file.sha256}`,
        got: `${bytes} bytes with SHA-256 ${sha256}`,
    });
}

function requireHolds({ checkpoint, faults }: VerifyReport, { log }: Manifest): void {
    const [fault] = faults;
    if (fault !== undefined) {
        const more = faults.length > 1 ? ` (and ${faults.length - 1} more faults)` : "";
        const got = `${fault.code} at ${fault.where}: ${fault.message}${more}`;
        throw error("MS_BACKUP", { where: "the restored directory", got });
    }
    if (checkpoint?.size === log.size && checkpoint.root === log.root) return;
    const head = (size?: number, root?: string) => `log size ${size}, root ${root}`;
    throw error("MS_BACKUP", {
        where: "the restored directory",
        expected: head(log.size, log.root),
        got: head(checkpoint?.size, checkpoint?.root),
    });
}
