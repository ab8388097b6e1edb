import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { coverOf, type NodePlace } from "../src/cover.ts";

/** Fewest nodes by trying: a range is one node, or is cut at the middle of the tree. */
function fewestNodes(height: number, prefix: number, first: number, last: number): number {
    const from = prefix * 2 ** height;
    const to = from + 2 ** height - 1;
    if (last < from || first > to) return 0;
    if (first <= from && to <= last) return 1;
    return (
        fewestNodes(height - 1, 2 * prefix, first, last) +
        fewestNodes(height - 1, 2 * prefix + 1, first, last)
    );
}

function leavesOf(nodes: readonly NodePlace[]): number[] {
    return nodes.flatMap(({ height, prefix }) =>
        Array.from({ length: 2 ** height }, (_, i) => prefix * 2 ** height + i),
    );
}

describe("cover (invariant 5)", () => {
    test("covers exactly the range, in order, with the fewest nodes, for every range of depth 5", () => {
        for (let first = 0; first < 32; first++) {
            for (let last = first; last < 32; last++) {
                const cover = coverOf(5, first, last);
                const range = Array.from({ length: last - first + 1 }, (_, i) => first + i);
                expect(leavesOf(cover)).toEqual(range);
                expect(cover.length).toBe(fewestNodes(5, 0, first, last));
                expect(cover.length).toBeLessThanOrEqual(2 * 5);
            }
        }
    });

    test("never needs more than twice the depth", () => {
        for (const depth of [14, 18, 24, 32]) {
            const leaf = fc.nat(2 ** depth - 1);
            fc.assert(
                fc.property(leaf, leaf, (a, b) => {
                    const first = Math.min(a, b);
                    const last = Math.max(a, b);
                    const cover = coverOf(depth, first, last);
                    expect(cover.length).toBeLessThanOrEqual(2 * depth);
                    expect(cover.length).toBe(fewestNodes(depth, 0, first, last));
                    let next = first;
                    for (const { height, prefix } of cover) {
                        expect(prefix * 2 ** height).toBe(next);
                        next += 2 ** height;
                    }
                    expect(next).toBe(last + 1);
                }),
            );
            expect(coverOf(depth, 0, 2 ** depth - 1)).toEqual([{ height: depth, prefix: 0 }]);
            expect(coverOf(depth, 1, 2 ** depth - 2)).toHaveLength(2 * depth - 2);
        }
    });

    test("refuses what is no range of leaves", () => {
        for (const [first, last] of [
            [-1, 3],
            [4, 3],
            [0, 16],
            [0.5, 3],
        ] as const) {
            expect(() => coverOf(4, first, last)).toThrow("assertion failed");
        }
    });
});
