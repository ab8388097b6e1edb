import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PLACES } from "../files.ts";

/** Bytes of a file of ours: a proof of two tries, some twenty kilobytes. */
export const ANCHOR_FILE_BYTES = 1_048_576;

const PROOF = /^anchor-(\d+)\.json$/;

/** File of the proof of an anchor, and how many entries it covers. */
export type ProofFile = { readonly size: number; readonly path: string };

/** Proofs of anchors in a data directory: one contract after the other, smallest first. */
export function anchorProofFiles(dataDir: string): ProofFile[] {
    const parent = PLACES.anchors(dataDir);
    if (!existsSync(parent)) return [];
    return readdirSync(parent)
        .sort()
        .flatMap((name) => proofFilesIn(join(parent, name)));
}

function proofFilesIn(directory: string): ProofFile[] {
    return readdirSync(directory)
        .flatMap((name) => {
            const [, size] = PROOF.exec(name) ?? [];
            return size === undefined ? [] : [{ size: Number(size), path: join(directory, name) }];
        })
        .sort((a, b) => a.size - b.size);
}
