import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fromHex, MetersealError, toHex, utf8 } from "@meterseal/core";
import { describe, expect, it } from "vitest";
import { emptyRoot, leafHash, merkleRoot, nodeHash } from "../src/merkle/hash.ts";
import { MerkleLog } from "../src/merkle/log.ts";
import { verifyConsistency, verifyInclusion } from "../src/merkle/verify.ts";

/** The tree as RFC 9162 section 2.1 defines it, recursive, apart from the code under test. */
function reference(data: readonly Uint8Array[]) {
    const hash = (...parts: Uint8Array[]): string =>
        parts.reduce((h, part) => h.update(part), createHash("sha256")).digest("hex");
    const known = new Map<string, string>();
    const splitOf = (n: number): number => {
        let k = 1;
        while (k * 2 < n) k *= 2;
        return k;
    };
    function mth(from: number, to: number): string {
        const key = `${from}:${to}`;
        const before = known.get(key);
        if (before !== undefined) return before;
        let value: string;
        if (from === to) value = hash();
        else if (to - from === 1) value = hash(Uint8Array.of(0), data[from]!);
        else {
            const k = from + splitOf(to - from);
            value = hash(Uint8Array.of(1), fromHex(mth(from, k)), fromHex(mth(k, to)));
        }
        known.set(key, value);
        return value;
    }
    function path(m: number, from: number, to: number): string[] {
        if (to - from === 1) return [];
        const k = splitOf(to - from);
        return m < k
            ? [...path(m, from, from + k), mth(from + k, to)]
            : [...path(m - k, from + k, to), mth(from, from + k)];
    }
    function subproof(m: number, from: number, to: number, b: boolean): string[] {
        if (m === to - from) return b ? [] : [mth(from, to)];
        const k = splitOf(to - from);
        return m <= k
            ? [...subproof(m, from, from + k, b), mth(from + k, to)]
            : [...subproof(m - k, from + k, to, false), mth(from, from + k)];
    }
    /** Which side each sibling of a path is on: what index and size mean for a verifier. */
    function shape(m: number, n: number): string {
        if (n === 1) return "";
        const k = splitOf(n);
        return m < k ? `${shape(m, k)}R` : `${shape(m - k, n - k)}L`;
    }
    return { mth, path, subproof, shape };
}

const COUNT = 257;
const data = Array.from({ length: COUNT }, (_, i) => utf8(`entry ${i}`));
const rfc = reference(data);
const leaves = data.map((bytes) => leafHash(bytes));
const log = MerkleLog.of(leaves);
const flipped = (hash: Uint8Array, bit = 0): Uint8Array => {
    const copy = new Uint8Array(hash);
    copy[bit >> 3]! ^= 1 << (bit & 7);
    return copy;
};
const codeOf = (action: () => unknown): string => {
    try {
        action();
    } catch (caught) {
        return caught instanceof MetersealError ? caught.code : String(caught);
    }
    return "nothing thrown";
};

type Vectors = {
    emptyRoot: string;
    leaves: string[];
    roots: string[];
    inclusion: { index: number; size: number; path: string[] }[];
    consistency: { oldSize: number; newSize: number; path: string[] }[];
};
const vector = <T>(name: string): T =>
    JSON.parse(readFileSync(new URL(`../../../vectors/merkle/${name}`, import.meta.url), "utf8"));

describe("published vectors", () => {
    const ct = vector<Vectors>("rfc6962-reference.json");
    const tree = MerkleLog.of(ct.leaves.map((leaf) => leafHash(fromHex(leaf))));
    const root = (size: number): Uint8Array => fromHex(ct.roots[size - 1]!);

    it("has the roots of certificate-transparency at every size", () => {
        expect(toHex(emptyRoot())).toBe(ct.emptyRoot);
        expect(toHex(tree.root(0))).toBe(ct.emptyRoot);
        for (let size = 1; size <= 8; size++) {
            expect(toHex(tree.root(size))).toBe(ct.roots[size - 1]);
            const some = ct.leaves.slice(0, size).map((leaf) => leafHash(fromHex(leaf)));
            expect(toHex(merkleRoot(some))).toBe(ct.roots[size - 1]);
        }
    });
    it.each(ct.inclusion)("proves leaf $index of $size", ({ index, size, path }) => {
        expect(tree.inclusionPath(index, size).map(toHex)).toEqual(path);
        const claim = { leafHash: tree.leafHash(index), index, size, root: root(size) };
        expect(verifyInclusion({ ...claim, path: path.map(fromHex) })).toBe(true);
    });
    it.each(ct.consistency)("proves $oldSize within $newSize", ({ oldSize, newSize, path }) => {
        expect(tree.consistencyPath(oldSize, newSize).map(toHex)).toEqual(path);
        const claim = { oldSize, newSize, oldRoot: root(oldSize), newRoot: root(newSize) };
        expect(verifyConsistency({ ...claim, path: path.map(fromHex) })).toBe(true);
    });
    it("accepts a proof from a public log", () => {
        const oak = vector<{
            entryUtf8: string;
            index: number;
            size: number;
            rootBase64: string;
            pathBase64: string[];
        }>("oak-tlog.json");
        const claim = {
            leafHash: leafHash(utf8(oak.entryUtf8)),
            index: oak.index,
            size: oak.size,
            path: oak.pathBase64.map((text) => Uint8Array.fromBase64(text)),
            root: Uint8Array.fromBase64(oak.rootBase64),
        };
        expect(verifyInclusion(claim)).toBe(true);
        expect(verifyInclusion({ ...claim, leafHash: leafHash(utf8("hello")) })).toBe(false);
    });
});

describe(`every tree up to ${COUNT} leaves`, () => {
    it("has the root that the RFC defines", () => {
        for (let size = 0; size <= COUNT; size++) {
            expect(toHex(log.root(size))).toBe(rfc.mth(0, size));
            expect(toHex(merkleRoot(leaves.slice(0, size)))).toBe(rfc.mth(0, size));
        }
    });
    it("has the same roots while it grows", () => {
        const growing = new MerkleLog();
        leaves.forEach((leaf, index) => {
            expect(growing.append(leaf)).toBe(index);
            expect(toHex(growing.root())).toBe(rfc.mth(0, index + 1));
        });
    });
    it("proves every leaf, with the path that the RFC defines", () => {
        for (let size = 1; size <= COUNT; size++) {
            const root = log.root(size);
            for (let index = 0; index < size; index++) {
                const path = log.inclusionPath(index, size);
                if (path.map(toHex).join() !== rfc.path(index, 0, size).join()) {
                    expect.fail(`path of leaf ${index} of ${size}`);
                }
                if (!verifyInclusion({ leafHash: leaves[index]!, index, size, path, root })) {
                    expect.fail(`verification of leaf ${index} of ${size}`);
                }
            }
        }
    });
    it("proves every pair of sizes, with the path that the RFC defines", () => {
        for (let newSize = 0; newSize <= COUNT; newSize++) {
            for (let oldSize = 0; oldSize <= newSize; oldSize++) {
                const path = log.consistencyPath(oldSize, newSize);
                const expected = oldSize === 0 ? [] : rfc.subproof(oldSize, 0, newSize, true);
                if (path.map(toHex).join() !== expected.join()) {
                    expect.fail(`path ${oldSize} to ${newSize}`);
                }
                const oldRoot = log.root(oldSize);
                const newRoot = log.root(newSize);
                if (!verifyConsistency({ oldSize, oldRoot, newSize, newRoot, path })) {
                    expect.fail(`verification ${oldSize} to ${newSize}`);
                }
            }
        }
    });
});

describe("refused inclusion", () => {
    const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 255, 256, 257];
    const cases = sizes.flatMap((size) =>
        Array.from({ length: size }, (_, index) => ({
            leafHash: leaves[index]!,
            index,
            size,
            path: log.inclusionPath(index, size),
            root: log.root(size),
        })),
    );
    const anyAccepted = (mutate: (claim: (typeof cases)[number]) => (typeof cases)[number][]) =>
        cases.flatMap(mutate).filter(verifyInclusion);

    it("takes the unchanged cases", () => {
        expect(cases.every(verifyInclusion)).toBe(true);
    });
    it("refuses every other index", () => {
        const small = cases.filter(({ size }) => size <= 64);
        const wrong = small.flatMap((claim) =>
            Array.from({ length: claim.size + 2 }, (_, index) => ({ ...claim, index })).filter(
                ({ index }) => index !== claim.index,
            ),
        );
        expect(wrong.filter(verifyInclusion)).toEqual([]);
        const odd = [-1, 0.5, Number.NaN, 2 ** 48, 2 ** 53, Number.POSITIVE_INFINITY];
        expect(anyAccepted((claim) => odd.map((index) => ({ ...claim, index })))).toEqual([]);
    });
    it("refuses every other size that gives the path another shape", () => {
        for (const claim of cases.filter(({ size }) => size <= 64)) {
            for (let size = claim.index + 1; size <= 130; size++) {
                const sameShape =
                    rfc.shape(claim.index, size) === rfc.shape(claim.index, claim.size);
                expect(verifyInclusion({ ...claim, size })).toBe(sameShape);
            }
        }
        const odd = [0, -1, 1.5, Number.NaN, 2 ** 48, 2 ** 53, Number.POSITIVE_INFINITY];
        expect(anyAccepted((claim) => odd.map((size) => ({ ...claim, size })))).toEqual([]);
    });
    it("refuses another leaf and another root", () => {
        const wrong = anyAccepted((claim) => [
            { ...claim, leafHash: flipped(claim.leafHash, 255) },
            { ...claim, leafHash: leaves[(claim.index + 1) % COUNT]! },
            { ...claim, leafHash: new Uint8Array(0) },
            { ...claim, leafHash: claim.leafHash.subarray(1) },
            { ...claim, root: flipped(claim.root) },
            { ...claim, root: log.root(claim.size - 1) },
            { ...claim, root: emptyRoot() },
            { ...claim, root: new Uint8Array(0) },
        ]);
        expect(wrong).toEqual([]);
    });
    it("refuses a changed, missing, added or exchanged sibling", () => {
        const wrong = anyAccepted((claim) => {
            const { path } = claim;
            const paths = path.flatMap((hash, at) => [
                path.with(at, flipped(hash, at)),
                path.with(at, new Uint8Array(0)),
                path.with(at, hash.subarray(1)),
                path.with(at, new Uint8Array([...hash, 0])),
                path.toSpliced(at, 1),
                path.toSpliced(at, 0, hash),
                ...(at === 0 ? [] : [path.with(at, path[at - 1]!).with(at - 1, hash)]),
            ]);
            paths.push([...path, claim.root], [claim.root, ...path], [...path, claim.leafHash]);
            return paths.map((changed) => ({ ...claim, path: changed }));
        });
        expect(wrong).toEqual([]);
    });
    it("refuses a path without end and what is no hash at all", () => {
        const claim = cases[0]!;
        const endless = Array.from({ length: 100_000 }, () => claim.root);
        expect(verifyInclusion({ ...claim, size: 2 ** 48 - 1, path: endless })).toBe(false);
        const junk = [undefined, "00", {}] as unknown as Uint8Array[];
        expect(verifyInclusion({ ...claim, path: junk })).toBe(false);
    });
    it("keeps leaves and nodes apart (second preimage)", () => {
        const [a, b] = [leaves[0]!, leaves[1]!];
        const forged = new Uint8Array([...a, ...b]);
        expect(toHex(leafHash(forged))).not.toBe(toHex(nodeHash(a, b)));
        const forgedNode = new Uint8Array([1, ...a, ...b]);
        expect(toHex(leafHash(forgedNode))).not.toBe(toHex(nodeHash(a, b)));
        const claim = { index: 0, size: 1, path: [], root: log.root(2) };
        expect(verifyInclusion({ ...claim, leafHash: leafHash(forged) })).toBe(false);
        const fourth = { index: 1, size: 2, path: [rfc.mth(0, 2)].map(fromHex), root: log.root(4) };
        const inner = new Uint8Array([...leaves[2]!, ...leaves[3]!]);
        expect(verifyInclusion({ ...fourth, leafHash: leafHash(inner) })).toBe(false);
    });
});

describe("refused consistency", () => {
    const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257];
    const cases = sizes.flatMap((newSize) =>
        [0, ...sizes]
            .filter((oldSize) => oldSize < newSize)
            .map((oldSize) => ({
                oldSize,
                oldRoot: log.root(oldSize),
                newSize,
                newRoot: log.root(newSize),
                path: log.consistencyPath(oldSize, newSize),
            })),
    );
    const proper = cases.filter(({ oldSize }) => oldSize > 0);

    it("takes the unchanged cases", () => {
        expect(cases.every(verifyConsistency)).toBe(true);
    });
    it("refuses every other old size", () => {
        for (const claim of cases) {
            for (let oldSize = 0; oldSize <= claim.newSize + 1; oldSize++) {
                if (oldSize === claim.oldSize) continue;
                expect(verifyConsistency({ ...claim, oldSize })).toBe(false);
            }
        }
    });
    it("refuses a new size of another height, or smaller than the old one", () => {
        for (const claim of proper) {
            for (const newSize of [claim.newSize * 2, Math.floor(claim.newSize / 2), 0]) {
                expect(verifyConsistency({ ...claim, newSize })).toBe(false);
            }
        }
        for (const odd of [-1, 1.5, Number.NaN, 2 ** 48, Number.POSITIVE_INFINITY]) {
            for (const claim of cases) {
                expect(verifyConsistency({ ...claim, newSize: odd })).toBe(false);
                expect(verifyConsistency({ ...claim, oldSize: odd })).toBe(false);
            }
        }
    });
    it("refuses other roots", () => {
        const wrong = proper.flatMap((claim) => [
            { ...claim, oldRoot: claim.newRoot, newRoot: claim.oldRoot },
            { ...claim, oldRoot: flipped(claim.oldRoot) },
            { ...claim, newRoot: flipped(claim.newRoot, 255) },
            { ...claim, oldRoot: new Uint8Array(0) },
            { ...claim, newRoot: claim.newRoot.subarray(1) },
            { ...claim, oldRoot: emptyRoot() },
        ]);
        expect(wrong.filter(verifyConsistency)).toEqual([]);
    });
    it("refuses a rewritten history", () => {
        for (const { oldSize, newSize } of proper) {
            const rewritten = MerkleLog.of(leaves.slice(0, newSize).with(0, leaves[COUNT - 1]!));
            const claim = {
                oldSize,
                oldRoot: log.root(oldSize),
                newSize,
                newRoot: rewritten.root(),
                path: rewritten.consistencyPath(oldSize),
            };
            expect(verifyConsistency(claim)).toBe(false);
            expect(verifyConsistency({ ...claim, oldRoot: rewritten.root(oldSize) })).toBe(true);
        }
    });
    it("refuses a changed, missing, added or exchanged hash", () => {
        const wrong = proper.flatMap((claim) => {
            const { path } = claim;
            const paths = path.flatMap((hash, at) => [
                path.with(at, flipped(hash, at)),
                path.with(at, new Uint8Array(0)),
                path.toSpliced(at, 1),
                path.toSpliced(at, 0, hash),
                ...(at === 0 ? [] : [path.with(at, path[at - 1]!).with(at - 1, hash)]),
            ]);
            const { oldRoot, newRoot } = claim;
            paths.push([...path, oldRoot], [...path, newRoot], [oldRoot, ...path], []);
            return paths.map((changed) => ({ ...claim, path: changed }));
        });
        expect(wrong.filter(verifyConsistency)).toEqual([]);
        const endless = Array.from({ length: 100_000 }, () => emptyRoot());
        expect(verifyConsistency({ ...proper[0]!, path: endless })).toBe(false);
    });
    it("treats equal and empty trees strictly", () => {
        const five = { oldSize: 5, newSize: 5, oldRoot: log.root(5), newRoot: log.root(5) };
        expect(verifyConsistency({ ...five, path: [] })).toBe(true);
        expect(verifyConsistency({ ...five, path: [log.root(5)] })).toBe(false);
        expect(verifyConsistency({ ...five, newRoot: log.root(4), path: [] })).toBe(false);
        const none = { oldSize: 0, newSize: 5, oldRoot: emptyRoot(), newRoot: log.root(5) };
        expect(verifyConsistency({ ...none, path: [] })).toBe(true);
        expect(verifyConsistency({ ...none, path: [log.root(5)] })).toBe(false);
        expect(verifyConsistency({ ...none, oldRoot: log.root(1), path: [] })).toBe(false);
        const zero = { oldSize: 0, newSize: 0, oldRoot: log.root(1), newRoot: log.root(1) };
        expect(verifyConsistency({ ...zero, path: [] })).toBe(false);
    });
});

describe("a log asked for what it does not have", () => {
    const small = MerkleLog.of(leaves.slice(0, 5));
    it.each([-1, 5, 0.5, Number.NaN, 2 ** 48])("has no leaf %d", (index) => {
        expect(codeOf(() => small.leafHash(index))).toBe("MS_NOT_FOUND");
        expect(codeOf(() => small.inclusionPath(index))).toBe("MS_NOT_FOUND");
    });
    it.each([-1, 6, 0.5, Number.NaN, 2 ** 48])("never had size %d", (size) => {
        expect(codeOf(() => small.root(size))).toBe("MS_NOT_FOUND");
        expect(codeOf(() => small.inclusionPath(0, size))).toBe("MS_NOT_FOUND");
        expect(codeOf(() => small.consistencyPath(1, size))).toBe("MS_NOT_FOUND");
        expect(codeOf(() => small.consistencyPath(size, 5))).toBe("MS_NOT_FOUND");
    });
    it("has no leaf beyond an earlier size and no way back", () => {
        expect(codeOf(() => small.inclusionPath(4, 4))).toBe("MS_NOT_FOUND");
        expect(codeOf(() => small.inclusionPath(0, 0))).toBe("MS_NOT_FOUND");
        expect(codeOf(() => small.consistencyPath(4, 3))).toBe("MS_NOT_FOUND");
    });
    it("takes hashes of 32 bytes only", () => {
        const short = new Uint8Array(31);
        expect(() => small.append(short)).toThrow("assertion failed");
        expect(() => merkleRoot([short])).toThrow("assertion failed");
        expect(() => nodeHash(short, leaves[0]!)).toThrow("assertion failed");
        expect(small.size).toBe(5);
    });
    it("hands out copies, which nobody can change the log through", () => {
        const before = toHex(small.root());
        small.root(1).fill(0);
        small.root().fill(0);
        small.leafHash(0).fill(0);
        for (const hash of small.inclusionPath(0)) hash.fill(0);
        for (const hash of small.consistencyPath(3)) hash.fill(0);
        expect(toHex(MerkleLog.of([0, 1, 2, 3, 4].map((i) => small.leafHash(i))).root())).toBe(
            before,
        );
        expect(toHex(small.root())).toBe(before);
    });
});
