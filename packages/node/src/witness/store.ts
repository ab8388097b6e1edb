import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { error, fromBase64, sha256, toBase64, toHex, utf8 } from "@meterseal/core";
import type { WitnessedHead, WitnessStore } from "@meterseal/engines/witness";
import { syncDirectory } from "@meterseal/stores";
import { formatJson, writeWhole } from "../files.ts";

/** What stands in the file of one log. */
type HeadFile = { origin: string; size: number; root: string; note: string };

/**
 * Memory of a witness: one small file a log, named by the hash of its origin, and another one for the
 * first contradiction of that log. Each is written whole and on disk before the call returns.
 */
export class FileWitnessStore implements WitnessStore {
    readonly #dir: string;

    constructor(dir: string) {
        this.#dir = dir;
        mkdirSync(dir, { recursive: true, mode: 0o700 });
    }

    /** @throws MetersealError MS_STORE_FORMAT for a file that is not ours: nothing may be cosigned. */
    latest(origin: string): WitnessedHead | null {
        const path = this.#pathOf("log", origin);
        if (!existsSync(path)) return null;
        try {
            const file = JSON.parse(readFileSync(path, "utf8")) as HeadFile;
            const root = fromBase64(file.root);
            const whole =
                file.origin === origin && Number.isSafeInteger(file.size) && file.size >= 0;
            if (whole && root.length === 32 && typeof file.note === "string") {
                return { head: { origin, size: file.size, root }, note: file.note };
            }
        } catch (cause) {
            throw error("MS_STORE_FORMAT", { where: path, cause });
        }
        throw error("MS_STORE_FORMAT", { where: path, expected: `the tree head of ${origin}` });
    }

    advance(origin: string, { head, note }: WitnessedHead): void {
        const file: HeadFile = { origin, size: head.size, root: toBase64(head.root), note };
        this.#write(this.#pathOf("log", origin), formatJson(file));
    }

    keepSplitView(origin: string, notes: readonly [string, string]): void {
        const path = this.#pathOf("split-view", origin);
        if (!existsSync(path)) this.#write(path, formatJson({ origin, notes }));
    }

    #write(path: string, text: string): void {
        writeWhole(path, text);
        syncDirectory(this.#dir);
    }

    #pathOf(kind: "log" | "split-view", origin: string): string {
        return join(this.#dir, `${kind}-${toHex(sha256(utf8(origin))).slice(0, 32)}.json`);
    }
}
