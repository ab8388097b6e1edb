import { foldRight, nodeHash } from "./hash.ts";
import type { MerkleLog } from "./log.ts";

/**
 * Roots that a log would have with further leaves; the log itself stays as it is. For entries that
 * somebody else sent: they go into the log when their checkpoint has shown to be theirs.
 */
export class TreeGrowth {
    readonly #peaks: Uint8Array[];
    #size: number;

    constructor(log: MerkleLog) {
        this.#peaks = log.peaks();
        this.#size = log.size;
    }

    /** Adds a leaf hash of 32 bytes and returns the root with it (RFC 9162 section 2.1.1). */
    append(leafHash: Uint8Array): Uint8Array {
        let node = leafHash;
        for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
            node = nodeHash(this.#peaks.pop() as Uint8Array, node);
        }
        this.#peaks.push(node);
        this.#size += 1;
        return foldRight(this.#peaks);
    }
}
