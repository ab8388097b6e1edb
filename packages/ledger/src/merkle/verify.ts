import { bytesEqual } from "@meterseal/core";
import { emptyRoot, HASH_BYTES, nodeHash } from "./hash.ts";
import { isPowerOfTwo, isTreeSize, MERKLE_LIMITS } from "./tree-size.ts";

/** What an inclusion proof claims: this leaf stands at this index of this tree. */
export type InclusionClaim = {
    /** Hash of the entry, 32 bytes: see {@link import("./hash.ts").leafHash}. */
    readonly leafHash: Uint8Array;
    /** Place of the leaf, counted from 0. */
    readonly index: number;
    /** Number of leaves of the tree, from a signed checkpoint or vertex header. */
    readonly size: number;
    /** Sibling hashes from the leaf upwards, at most 48 of 32 bytes. */
    readonly path: readonly Uint8Array[];
    /** Root of the tree, 32 bytes, from the same source as the size. */
    readonly root: Uint8Array;
};

/** What a consistency proof claims: the old tree is the beginning of the new one. */
export type ConsistencyClaim = {
    readonly oldSize: number;
    /** Root of the old tree, 32 bytes. */
    readonly oldRoot: Uint8Array;
    readonly newSize: number;
    /** Root of the new tree, 32 bytes. */
    readonly newRoot: Uint8Array;
    /** Hashes of RFC 9162 section 2.1.4.1, at most 49 of 32 bytes. */
    readonly path: readonly Uint8Array[];
};

/**
 * Checks an inclusion proof (RFC 9162 section 2.1.3.2). Never throws: malformed input is false.
 *
 * The proof binds leaf and index to the root, but the size only as far as it shapes the path:
 * take size and root together from one signed statement, never from the sender of the proof.
 */
export function verifyInclusion(claim: InclusionClaim): boolean {
    const { index, size, path } = claim;
    if (!isTreeSize(size) || !isTreeSize(index) || index >= size) return false;
    if (path.length > MERKLE_LIMITS.inclusionHashes) return false;
    if (!areHashes([claim.leafHash, claim.root, ...path])) return false;
    const walk = new Walk(index, size - 1);
    let root = claim.leafHash;
    for (const sibling of path) {
        const side = walk.step();
        if (side === "above") return false;
        root = side === "left" ? nodeHash(sibling, root) : nodeHash(root, sibling);
    }
    return walk.isAtRoot && bytesEqual(root, claim.root);
}

/**
 * Checks a consistency proof (RFC 9162 section 2.1.4.2). Never throws: malformed input is false.
 * Stricter than the RFC at size 0, which it leaves open: there the root must be the empty root.
 */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
    const { oldSize, oldRoot, newSize, newRoot, path } = claim;
    if (!isTreeSize(oldSize) || !isTreeSize(newSize) || oldSize > newSize) return false;
    if (path.length > MERKLE_LIMITS.consistencyHashes) return false;
    if (!areHashes([oldRoot, newRoot, ...path])) return false;
    if (oldSize === 0 && !bytesEqual(oldRoot, emptyRoot())) return false;
    if (oldSize === newSize) return path.length === 0 && bytesEqual(oldRoot, newRoot);
    if (oldSize === 0) return path.length === 0;
    const [first, ...siblings] = isPowerOfTwo(oldSize) ? [oldRoot, ...path] : path;
    if (first === undefined) return false;
    const walk = new Walk(oldSize - 1, newSize - 1);
    walk.climbWhileRight();
    let fromOld = first;
    let fromNew = first;
    for (const sibling of siblings) {
        const side = walk.step();
        if (side === "above") return false;
        if (side === "left") {
            fromOld = nodeHash(sibling, fromOld);
            fromNew = nodeHash(sibling, fromNew);
        } else {
            fromNew = nodeHash(fromNew, sibling);
        }
    }
    return walk.isAtRoot && bytesEqual(fromOld, oldRoot) && bytesEqual(fromNew, newRoot);
}

/**
 * The registers `fn` and `sn` of RFC 9162: a node's position on its level, and that of the level's
 * last node. Divisions instead of shifts, which JavaScript cuts at 32 bits.
 */
class Walk {
    #position: number;
    #last: number;

    constructor(position: number, last: number) {
        this.#position = position;
        this.#last = last;
    }

    get isAtRoot(): boolean {
        return this.#last === 0;
    }

    /** Climbs one sibling hash; says on which side that sibling is, or that there is none. */
    step(): "left" | "right" | "above" {
        if (this.#last === 0) return "above";
        if (this.#position % 2 === 0 && this.#position !== this.#last) {
            this.#climb();
            return "right";
        }
        while (this.#position % 2 === 0 && this.#position !== 0) this.#climb();
        this.#climb();
        return "left";
    }

    /** Climbs to the largest complete subtree that ends at this position. */
    climbWhileRight(): void {
        while (this.#position % 2 === 1) this.#climb();
    }

    #climb(): void {
        this.#position = Math.floor(this.#position / 2);
        this.#last = Math.floor(this.#last / 2);
    }
}

function areHashes(candidates: readonly Uint8Array[]): boolean {
    return candidates.every(
        (candidate) => candidate instanceof Uint8Array && candidate.length === HASH_BYTES,
    );
}
