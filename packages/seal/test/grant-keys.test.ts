import { parseInstant, slotOfUnix, toHex, unwrap } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
    coverKeys,
    type KeySource,
    openRegisters,
    openShifted,
    TREE_DEPTH,
    type Tree,
    type TreeAddress,
    type TreeCover,
} from "../src/index.ts";
import { addressesOf, codeOf, ownerOf, sealAt, streamOf } from "./fixtures.ts";

/** Covers of group 0 over the boundaries of a period at a level and coarser. */
function grantOf(addresses: readonly TreeAddress[], minLevel: number): TreeCover[] {
    const owner = ownerOf();
    const covers: TreeCover[] = [];
    for (const tree of [0, 1, 2, 3] as const) {
        const indices = addresses.filter(({ level }) => level === tree).map(({ index }) => index);
        const [first, last] = [indices[0], indices.at(-1)];
        if (tree < minLevel || first === undefined || last === undefined) continue;
        covers.push(unwrap(owner.coverOf(0, tree, first, last)));
    }
    return covers;
}

function keyOf(source: KeySource, group: number, tree: Tree, index: number): string {
    return toHex(unwrap(source.keysOf(group, tree, [index])));
}

describe("keys of a grant", () => {
    test("invariant 3: a cover opens its range like the owner, and not one leaf beside it", () => {
        for (const tree of [0, 1, 2, 3, 4] as const) {
            const leaf = fc.nat(2 ** TREE_DEPTH[tree] - 1);
            const near = fc.tuple(leaf, fc.nat(700)).map(([first, length]) => ({
                first,
                last: Math.min(first + length, 2 ** TREE_DEPTH[tree] - 1),
            }));
            fc.assert(
                fc.property(near, fc.nat(), ({ first, last }, pick) => {
                    const owner = ownerOf();
                    const cover = unwrap(owner.coverOf(1, tree, first, last));
                    const grant = unwrap(coverKeys(streamOf(), [cover]));
                    for (const index of [first, last, first + (pick % (last - first + 1))]) {
                        expect(keyOf(grant, 1, tree, index)).toBe(keyOf(owner, 1, tree, index));
                    }
                    const all = Array.from({ length: last - first + 1 }, (_, i) => first + i);
                    const mine = unwrap(grant.keysOf(1, tree, all));
                    expect(toHex(mine)).toBe(toHex(unwrap(owner.keysOf(1, tree, all))));
                    for (const index of [first - 1, last + 1]) {
                        const beside = grant.keysOf(1, tree, [index]);
                        const isLeaf = index >= 0 && index < 2 ** TREE_DEPTH[tree];
                        expect(codeOf(beside)).toBe(
                            isLeaf ? "MS_NOT_ALLOWED" : "MS_BOUNDARY_ADDRESS",
                        );
                    }
                    expect(codeOf(grant.keysOf(0, tree, [first]))).toBe("MS_NOT_ALLOWED");
                    const otherTree = ((tree + 1) % 5) as Tree;
                    expect(codeOf(grant.keysOf(1, otherTree, [0]))).toBe("MS_NOT_ALLOWED");
                }),
                { numRuns: 25 },
            );
        }
    });

    test("a leaf outside is refused although its stretch was derived before", () => {
        const cover = unwrap(ownerOf().coverOf(0, 0, 100, 102));
        const grant = unwrap(coverKeys(streamOf(), [cover]));
        expect(codeOf(grant.keysOf(0, 0, [100, 101, 102]))).toBe("ok");
        expect(codeOf(grant.keysOf(0, 0, [100, 99]))).toBe("MS_NOT_ALLOWED");
        expect(codeOf(grant.keysOf(0, 0, [103]))).toBe("MS_NOT_ALLOWED");
    });

    test.each([
        ["Europe/Berlin", "2026-03-01", "2026-04-01"], // DST begins
        ["Europe/Berlin", "2026-10-01", "2026-11-01"], // DST ends
        ["Australia/Lord_Howe", "2026-04-01", "2026-05-01"], // half an hour back
        ["Australia/Lord_Howe", "2026-10-01", "2026-11-01"],
        ["Asia/Kathmandu", "2026-03-01", "2026-04-01"], // +05:45
        ["America/St_Johns", "2009-11-01", "2009-12-01"], // two midnights, −03:30
    ])("invariant 4: in %s from %s a grant opens its level and coarser only", (zone, from, to) => {
        const first = slotOfUnix(unwrap(parseInstant(from, zone)), 900);
        const end = slotOfUnix(unwrap(parseInstant(to, zone)), 900);
        const addresses = addressesOf(zone, first, end - first + 1);
        expect(new Set(addresses.map(({ level }) => level)).size).toBe(4);
        for (const minLevel of [0, 1, 2, 3]) {
            const grant = unwrap(coverKeys(streamOf(), grantOf(addresses, minLevel)));
            for (const { level, index } of addresses) {
                const code = codeOf(grant.keysOf(0, level, [index]));
                if (code !== (level >= minLevel ? "ok" : "MS_NOT_ALLOWED")) {
                    expect.fail(`grant of level ${minLevel}: ${code} for ${level}/${index}`);
                }
            }
        }
    });

    test("a grantee opens differences at its level, never the register", () => {
        const from = 920_344; // 2026-04-01 in Berlin
        const registers = Array.from({ length: 97 }, (_, i) => [BigInt(5000 + 10 * i), 0n]).flat();
        const boundaries = sealAt(ownerOf(), from, registers);
        const { addresses } = boundaries;
        const grant = unwrap(coverKeys(streamOf(), grantOf(addresses, 2)));
        const rows = [...addresses.keys()].filter((row) => (addresses[row]?.level ?? 0) >= 2);
        const opened = [...unwrap(openShifted(grant, 0, boundaries, rows))];
        expect(rows).toEqual([4, 100].map((row) => row - 4));
        expect((opened[1] ?? 0n) - (opened[0] ?? 0n)).toBe(960n);
        expect(opened).not.toContain(5000n);
        expect(codeOf(openShifted(grant, 0, boundaries))).toBe("MS_NOT_ALLOWED");
        expect(codeOf(openShifted(grant, 1, boundaries, rows))).toBe("MS_NOT_ALLOWED");
        const all = unwrap(openRegisters(ownerOf(), 0, boundaries));
        expect(all[96]).toBe(5960n);
    });

    test("a cover that is not canonical is refused", () => {
        const good = unwrap(ownerOf().coverOf(0, 1, 10, 20));
        expect(codeOf(coverKeys(streamOf(), [good]))).toBe("ok");
        for (const covers of [
            [good, good],
            [{ ...good, seeds: good.seeds.slice(1) }],
            [{ ...good, seeds: new Uint8Array(0) }],
            [{ ...good, last: 23 }],
            [{ ...good, first: 21 }],
            [{ ...good, first: -1 }],
            [{ ...good, first: 0.5 }],
            [{ ...good, last: 2 ** 24 }],
            [{ ...good, group: 7 }],
            [{ ...good, tree: 5 as 4 }],
        ]) {
            expect(codeOf(coverKeys(streamOf(), covers))).toBe("MS_MALFORMED");
        }
    });

    test("blinding differs by channel and boundary and has 64 bytes", () => {
        const owner = ownerOf();
        const texts = ([0, 1] as const).flatMap((channel) =>
            [7, 8].map((index) => toHex(unwrap(owner.blindingOf(0, channel, { level: 0, index })))),
        );
        expect(new Set(texts).size).toBe(4);
        expect(texts[0]).toHaveLength(128);
    });
});
