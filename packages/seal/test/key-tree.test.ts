import { fromHex, sha256, toHex, unwrap } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyTree } from "../src/key-tree.ts";
import { leafPlaces } from "../src/nodes.ts";
import { deriveRoot, deriveShift, deriveTreeKey } from "../src/stream.ts";
import type { Suite } from "../src/suite.ts";
import { mmoSuite, TWEAK } from "../src/suite-mmo.ts";
import { suiteOf } from "../src/suites.ts";
import { codeOf, MASTER, streamOf } from "./fixtures.ts";
import { timeCryptKey, timeCryptSuite } from "./timecrypt-suite.ts";

const TREE_KEY = fromHex("000102030405060708090a0b0c0d0e0f");
const ROOT = fromHex("101112131415161718191a1b1c1d1e1f");

function treeOf(suite: Suite, depth: number, chunkHeight: number, seed = ROOT): KeyTree {
    return new KeyTree(suite, TREE_KEY, depth, [{ height: depth, prefix: 0, seed }], chunkHeight);
}

/** Key block of a leaf, one node at a time from the root. */
function naiveBlock(suite: Suite, depth: number, index: number): string {
    let node = ROOT;
    for (let level = depth - 1; level >= 0; level--) {
        const right = Math.floor(index / 2 ** level) % 2;
        node = suite.children(TREE_KEY, node).slice(16 * right, 16 * right + 16);
    }
    return toHex(suite.keyBlocks(TREE_KEY, node));
}

function blocksOf(tree: KeyTree, indices: readonly number[]): string[] {
    const bytes = unwrap(tree.keysOf(indices));
    return indices.map((_, i) => toHex(bytes.subarray(16 * i, 16 * i + 16)));
}

describe("known answers", () => {
    test("MMO tree: leaf 11 of depth 4, agreed by OpenSSL from the command line", () => {
        const tree = treeOf(mmoSuite, 4, 2);
        expect(toHex(unwrap(tree.leafOf(11)))).toBe("6cf2729262a5ca58458d5770d0c8efa3");
        expect(blocksOf(tree, [11])).toEqual(["66bba91c11575dfcf0b4015a21f8fe8f"]);
    });

    test("TimeCrypt tree: seeds and a HEAC ciphertext of its Java classes", () => {
        const tree = treeOf(timeCryptSuite, 20, 4, new Uint8Array(16));
        for (const [index, seed] of [
            [0, "2810b9a93e050de1a714768fbc12e42b"],
            [1, "db6dad12d82f645f1fc7bdcbf37d5df4"],
            [2000, "69313b7bb6fcb64cf5db078871131ba8"],
            [1048574, "e8b152acdaaba9c94242c55497a97dfb"],
        ] as const) {
            expect(toHex(unwrap(tree.leafOf(index)))).toBe(seed);
        }
        const here = timeCryptKey(unwrap(tree.leafOf(2000)), -1n);
        const next = timeCryptKey(unwrap(tree.leafOf(2001)), -1n);
        expect(BigInt.asUintN(64, 42n + here - next)).toBe(11529146650567048643n);
    });
});

describe("tree walk", () => {
    const anyLeaves = (depth: number): fc.Arbitrary<number[]> =>
        fc.oneof(
            fc.array(fc.nat(2 ** depth - 1), { minLength: 1, maxLength: 40 }),
            fc
                .tuple(fc.nat(2 ** depth - 1), fc.integer({ min: 1, max: 64 }))
                .map(([from, count]) =>
                    Array.from({ length: Math.min(count, 2 ** depth - from) }, (_, i) => from + i),
                ),
        );

    test.each([
        ["MMO", mmoSuite],
        ["TimeCrypt", timeCryptSuite],
    ] as const)("%s: any leaves in any order equal the walk node by node", (_, suite) => {
        const depths = fc.constantFrom(1, 4, 11);
        const cases = fc.tuple(depths, fc.nat(5)).chain(([depth, chunkHeight]) =>
            fc.record({
                depth: fc.constant(depth),
                chunkHeight: fc.constant(chunkHeight),
                calls: fc.array(anyLeaves(depth), { minLength: 1, maxLength: 4 }),
            }),
        );
        fc.assert(
            fc.property(cases, ({ depth, chunkHeight, calls }) => {
                const tree = treeOf(suite, depth, chunkHeight);
                for (const leaves of calls) {
                    const expected = leaves.map((leaf) => naiveBlock(suite, depth, leaf));
                    expect(blocksOf(tree, leaves)).toEqual(expected);
                }
            }),
            { numRuns: 40 },
        );
    });

    test("a call larger than a batch equals many small ones", () => {
        const leaves = Array.from({ length: 20_000 }, (_, i) => 1_000_003 + i);
        const bulk = sha256(unwrap(treeOf(mmoSuite, 32, 8).keysOf(leaves)));
        const tree = treeOf(mmoSuite, 32, 5);
        const single = leaves.flatMap((leaf) => [...unwrap(tree.keysOf([leaf]))]);
        expect(toHex(sha256(Uint8Array.from(single)))).toBe(toHex(bulk));
    });

    test("the last leaf of the deepest tree exists, the next one does not", () => {
        const tree = treeOf(mmoSuite, 32, 8);
        expect(blocksOf(tree, [2 ** 32 - 1])).toEqual([naiveBlock(mmoSuite, 32, 2 ** 32 - 1)]);
        for (const bad of [2 ** 32, -1, 0.5, Number.NaN]) {
            expect(codeOf(tree.keysOf([bad]))).toBe("MS_BOUNDARY_ADDRESS");
            expect(codeOf(tree.keysOf([0, bad]))).toBe("MS_BOUNDARY_ADDRESS");
        }
    });

    test("leaf places are the numbers with reversed bits", () => {
        expect([...leafPlaces(3)]).toEqual([0, 4, 2, 6, 1, 5, 3, 7]);
        expect([...leafPlaces(0)]).toEqual([0]);
    });
});

describe("separation", () => {
    test("invariant 18: the tweaks of children, keys and blinding are disjoint", () => {
        const { leftChild, rightChild, keyBlock, blinding0, blinding1 } = TWEAK;
        const blinding = [blinding0, blinding1].flatMap((t) => [t, t + 1, t + 2, t + 3]);
        const all = [leftChild, rightChild, keyBlock, ...blinding];
        expect(all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });

    test("invariant 18: outputs of one node under all uses differ", () => {
        const blocks = [
            mmoSuite.children(TREE_KEY, ROOT),
            mmoSuite.keyBlocks(TREE_KEY, ROOT),
            mmoSuite.blinding(TREE_KEY, ROOT, 0),
            mmoSuite.blinding(TREE_KEY, ROOT, 1),
        ].flatMap((bytes) => toHex(bytes).match(/.{32}/g) ?? []);
        expect(blocks).toHaveLength(11);
        expect(new Set(blocks).size).toBe(11);
    });

    test("invariant 16: the suite byte is bound into the root, the tree key and the shift", () => {
        const one = streamOf();
        const zero = streamOf({ suite: 0 });
        expect(toHex(deriveRoot(MASTER, one, 0, 0))).not.toBe(
            toHex(deriveRoot(MASTER, zero, 0, 0)),
        );
        expect(toHex(deriveTreeKey(one, 0, 0))).not.toBe(toHex(deriveTreeKey(zero, 0, 0)));
        expect(deriveShift(MASTER, one, 0, 0)).not.toBe(deriveShift(MASTER, zero, 0, 0));
    });

    test("invariant 16: suites 0 and 1 are not interchangeable on one root", () => {
        const keys = [mmoSuite, timeCryptSuite].map(
            (suite) => blocksOf(treeOf(suite, 8, 4), [5])[0],
        );
        expect(keys[0]).not.toBe(keys[1]);
        expect(codeOf(suiteOf(1))).toBe("ok");
        for (const id of [0, 2, 255, -1, 1.5]) expect(codeOf(suiteOf(id))).toBe("MS_VERSION");
    });

    test("every part of the context changes the root, the tree key and the shift", () => {
        const base = streamOf();
        const otherId = streamOf({ streamId: new Uint8Array(16) });
        const otherEpoch = streamOf({ sealEpoch: 1 });
        const uses = [
            [base, 0, 0],
            [otherId, 0, 0],
            [otherEpoch, 0, 0],
            [base, 1, 0],
            [base, 0, 1],
        ] as const;
        for (const derived of [
            uses.map(([stream, group, last]) => toHex(deriveRoot(MASTER, stream, group, last))),
            uses.map(([stream, group, last]) => toHex(deriveTreeKey(stream, group, last))),
            uses.map(([stream, group, last]) => deriveShift(MASTER, stream, group, last)),
        ]) {
            expect(new Set<string | bigint>(derived).size).toBe(uses.length);
        }
        expect(deriveShift(MASTER, base, 0, 0)).toBeLessThan(2n ** 61n);
    });
});
