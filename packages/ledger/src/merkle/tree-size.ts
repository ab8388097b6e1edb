/** Bounds of trees and proofs; all of them follow from the largest tree size. */
export const MERKLE_LIMITS = {
    /** Largest number of leaves: sizes stay below 2^48, exact in a JavaScript number. */
    treeSize: 2 ** 48 - 1,
    /** Longest inclusion path: one hash for each level of the largest tree. */
    inclusionHashes: 48,
    /** Longest consistency path: one hash more than an inclusion path. */
    consistencyHashes: 49,
} as const;

/** True for a number of leaves that a tree can have: an integer from 0 to 2^48 − 1. */
export function isTreeSize(size: number): boolean {
    return Number.isInteger(size) && size >= 0 && size <= MERKLE_LIMITS.treeSize;
}

/** Exponent of the largest power of two that is not above a size of at least 1; exact. */
export function floorLog2(size: number): number {
    const high = Math.floor(size / 2 ** 32);
    return high === 0 ? 31 - Math.clz32(size) : 63 - Math.clz32(high);
}

/** True for a size of 1, 2, 4, 8 and so on. */
export function isPowerOfTwo(size: number): boolean {
    return size >= 1 && 2 ** floorLog2(size) === size;
}
