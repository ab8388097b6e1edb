import { assert, concatBytes, LIMITS, sha256 } from "@meterseal/core";

/** Length of every hash in a tree or a proof, in bytes. */
export const HASH_BYTES = 32;

const LEAF_PREFIX = Uint8Array.of(0x00);

/** Input of {@link leafHash} for data as long as a record may be, used again at each call. */
const leafInput = new Uint8Array(1 + LIMITS.recordBytes);

/** Hash of one log entry: SHA-256(0x00 ‖ data), 32 bytes (RFC 9162 section 2.1.1). */
export function leafHash(data: Uint8Array): Uint8Array {
    if (data.length >= leafInput.length) return sha256(concatBytes(LEAF_PREFIX, data));
    leafInput.set(data, 1);
    return sha256(leafInput.subarray(0, 1 + data.length));
}

/** Input of {@link nodeHash}, used again at each call: sha256 keeps no reference to it. */
const nodeInput = new Uint8Array(1 + 2 * HASH_BYTES);
nodeInput[0] = 0x01;

/**
 * Hash of an inner node: SHA-256(0x01 ‖ left ‖ right), 32 bytes (RFC 9162 section 2.1.1).
 * Both children are 32 bytes; anything else is a programmer's error.
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
    assert(left.length === HASH_BYTES && right.length === HASH_BYTES, "children are hashes");
    nodeInput.set(left, 1);
    nodeInput.set(right, 1 + HASH_BYTES);
    return sha256(nodeInput);
}

/** Root of the tree without leaves: SHA-256 of nothing, 32 bytes (RFC 9162 section 2.1.1). */
export function emptyRoot(): Uint8Array {
    return sha256(new Uint8Array(0));
}

/**
 * Root of the tree over leaf hashes of 32 bytes each, in order (RFC 9162 section 2.1.1).
 * For a set that is complete, such as the body of a vertex; a log that grows is a
 * {@link import("./log.ts").MerkleLog}.
 */
export function merkleRoot(leafHashes: Iterable<Uint8Array>): Uint8Array {
    const complete: Uint8Array[] = []; // roots of complete subtrees, larger ones first
    let size = 0;
    for (const leaf of leafHashes) {
        assert(leaf.length === HASH_BYTES, "a leaf hash has 32 bytes");
        let node = leaf;
        for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
            node = nodeHash(complete.pop() as Uint8Array, node);
        }
        complete.push(node);
        size += 1;
    }
    return foldRight(complete);
}

/** Root over neighbouring subtrees, larger ones first; the empty root for none. */
export function foldRight(subtrees: readonly Uint8Array[]): Uint8Array {
    let root = subtrees.at(-1);
    if (root === undefined) return emptyRoot();
    for (let i = subtrees.length - 2; i >= 0; i--) {
        root = nodeHash(subtrees[i] as Uint8Array, root);
    }
    return new Uint8Array(root);
}
