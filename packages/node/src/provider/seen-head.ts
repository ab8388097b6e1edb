import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { error, fromHex, toHex } from "@meterseal/core";
import type { TreeHead } from "@meterseal/ledger";
import { formatJson, writeWhole } from "../files.ts";

const FILE = "seen-checkpoint.json";
const FORMAT = "meterseal-seen/v1";

/**
 * The tree head that a party saw last, from its directory; null before the first.
 * @throws MetersealError MS_CHECKPOINT where the file is damaged.
 */
export function readSeen(directory: string): TreeHead | null {
    const path = join(directory, FILE);
    if (!existsSync(path)) return null;
    try {
        const { format, root, size } = JSON.parse(readFileSync(path, "utf8"));
        const isRight = format === FORMAT && Number.isSafeInteger(size) && size > 0;
        if (isRight && /^[0-9a-f]{64}$/.test(root)) return { size, root: fromHex(root) };
    } catch {
        // Says the same as any other shape that is not ours.
    }
    throw error("MS_CHECKPOINT", {
        where: path,
        expected: "the checkpoint that was seen last",
        todo: "Delete the file to begin anew; what the log was before is then not compared.",
    });
}

/** Remembers a tree head, so that no server can show an older or another log later. */
export function writeSeen(directory: string, { root, size }: TreeHead): void {
    const text = formatJson({ format: FORMAT, size, root: toHex(root) });
    writeWhole(join(directory, FILE), text);
}
