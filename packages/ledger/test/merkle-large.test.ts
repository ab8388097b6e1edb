import { createHash } from "node:crypto";
import { toHex, u32be } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leafHash, merkleRoot } from "../src/merkle/hash.ts";
import { MerkleLog } from "../src/merkle/log.ts";
import { MERKLE_LIMITS } from "../src/merkle/tree-size.ts";
import { verifyConsistency, verifyInclusion } from "../src/merkle/verify.ts";

const SIZE = 20_000;
const leaves = Array.from({ length: SIZE }, (_, i) => leafHash(u32be(i)));
const log = MerkleLog.of(leaves);
const size = fc.integer({ min: 1, max: SIZE });

describe("a log of 20 000 leaves", () => {
    it("proves any leaf at any size, and no other leaf by the same path", () => {
        fc.assert(
            fc.property(size, fc.nat(), fc.nat(SIZE - 1), (n, pick, other) => {
                const index = pick % n;
                const path = log.inclusionPath(index, n);
                const claim = { leafHash: leaves[index]!, index, size: n, path, root: log.root(n) };
                expect(path.length).toBeLessThanOrEqual(Math.ceil(Math.log2(n)));
                expect(verifyInclusion(claim)).toBe(true);
                expect(verifyInclusion({ ...claim, leafHash: leaves[other]! })).toBe(
                    other === index,
                );
            }),
            { numRuns: 500 },
        );
    });
    it("proves any two sizes, and no rewritten beginning", () => {
        fc.assert(
            fc.property(size, size, (a, b) => {
                const [oldSize, newSize] = [Math.min(a, b), Math.max(a, b)];
                const path = log.consistencyPath(oldSize, newSize);
                const newRoot = log.root(newSize);
                const claim = { oldSize, oldRoot: log.root(oldSize), newSize, newRoot, path };
                expect(verifyConsistency(claim)).toBe(true);
                const oldRoot = log.root(oldSize - 1);
                expect(verifyConsistency({ ...claim, oldRoot })).toBe(false);
            }),
            { numRuns: 500 },
        );
    });
    it("agrees with the one-shot root", () => {
        fc.assert(
            fc.property(size, (n) => {
                expect(toHex(log.root(n))).toBe(toHex(merkleRoot(leaves.slice(0, n))));
            }),
            { numRuns: 10 },
        );
    });
});

/** A proof read from the top, as RFC 9162 defines it: with BigInt, for sizes beyond 2^32. */
const hash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
    createHash("sha256").update(Uint8Array.of(1)).update(left).update(right).digest();
const splitOf = (n: bigint): bigint => 1n << BigInt((n - 1n).toString(2).length - 1);

function rootAbove(m: bigint, n: bigint, leaf: Uint8Array, path: Uint8Array[]): Uint8Array {
    if (n === 1n) return leaf;
    const top = path.pop()!;
    const k = splitOf(n);
    return m < k
        ? hash(rootAbove(m, k, leaf, path), top)
        : hash(top, rootAbove(m - k, n - k, leaf, path));
}
function inclusionLength(m: bigint, n: bigint): number {
    if (n === 1n) return 0;
    const k = splitOf(n);
    return 1 + (m < k ? inclusionLength(m, k) : inclusionLength(m - k, n - k));
}
type Roots = { old: Uint8Array; new: Uint8Array };
function rootsAbove(m: bigint, n: bigint, known: Uint8Array | null, path: Uint8Array[]): Roots {
    if (m === n) {
        const node = known ?? path.pop()!;
        return { old: node, new: node };
    }
    const top = path.pop()!;
    const k = splitOf(n);
    if (m <= k) {
        const below = rootsAbove(m, k, known, path);
        return { old: below.old, new: hash(below.new, top) };
    }
    const below = rootsAbove(m - k, n - k, null, path);
    return { old: hash(top, below.old), new: hash(top, below.new) };
}
function consistencyLength(m: bigint, n: bigint, known: boolean): number {
    if (m === n) return known ? 0 : 1;
    const k = splitOf(n);
    return 1 + (m <= k ? consistencyLength(m, k, known) : consistencyLength(m - k, n - k, false));
}
const someHash = (seed: number): Uint8Array => leafHash(u32be(seed));
const hashes = (count: number): Uint8Array[] =>
    Array.from({ length: count }, (_, i) => someHash(i));

/** Sizes over the whole range, with an accent on powers of two and their neighbours. */
const hugeSize = fc.oneof(
    fc.integer({ min: 2, max: MERKLE_LIMITS.treeSize }),
    fc
        .tuple(fc.integer({ min: 2, max: 47 }), fc.integer({ min: -1, max: 1 }))
        .map(([exponent, delta]) => 2 ** exponent + delta),
    fc.constant(MERKLE_LIMITS.treeSize),
);
const hugePair = fc
    .tuple(hugeSize, fc.oneof(hugeSize, fc.nat()))
    .map(([n, pick]) => [pick % n, n] as const);

describe("proofs for trees up to 2^48 - 1 leaves", () => {
    it("verifies what the definition gives, and nothing shorter, longer or elsewhere", () => {
        fc.assert(
            fc.property(hugePair, ([index, n]) => {
                const path = hashes(inclusionLength(BigInt(index), BigInt(n)));
                const leaf = someHash(1_000);
                const root = rootAbove(BigInt(index), BigInt(n), leaf, [...path]);
                const claim = { leafHash: leaf, index, size: n, path, root };
                expect(path.length).toBeLessThanOrEqual(MERKLE_LIMITS.inclusionHashes);
                expect(verifyInclusion(claim)).toBe(true);
                expect(verifyInclusion({ ...claim, path: path.slice(1) })).toBe(false);
                expect(verifyInclusion({ ...claim, path: [...path, leaf] })).toBe(false);
                const elsewhere = [index + 1, index - 1, index + 2 ** 32, index - 2 ** 32];
                for (const wrong of elsewhere) {
                    expect(verifyInclusion({ ...claim, index: wrong })).toBe(false);
                }
            }),
            { numRuns: 400 },
        );
    });
    it("verifies consistency as the definition gives it, and nothing shorter or longer", () => {
        fc.assert(
            fc.property(hugePair, ([pick, newSize]) => {
                const oldSize = Math.max(1, pick);
                const [m, n] = [BigInt(oldSize), BigInt(newSize)];
                const path = hashes(consistencyLength(m, n, true));
                const roots = rootsAbove(m, n, someHash(1_000), [...path]);
                const claim = { oldSize, oldRoot: roots.old, newSize, newRoot: roots.new, path };
                expect(path.length).toBeLessThanOrEqual(MERKLE_LIMITS.consistencyHashes);
                expect(verifyConsistency(claim)).toBe(true);
                expect(verifyConsistency({ ...claim, path: path.slice(1) })).toBe(false);
                const longer = [...path, someHash(1_001)];
                expect(verifyConsistency({ ...claim, path: longer })).toBe(false);
                for (const wrong of [oldSize + 1, oldSize - 1, oldSize + 2 ** 32]) {
                    expect(verifyConsistency({ ...claim, oldSize: wrong })).toBe(false);
                }
            }),
            { numRuns: 400 },
        );
    });
});
