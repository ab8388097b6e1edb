import { assert } from "@meterseal/core";

/** A node of a key tree by its place: it spans the leaves prefix · 2^height … + 2^height − 1. */
export type NodePlace = {
    /** Levels above the leaves; a leaf has 0, the root the depth of the tree. */
    readonly height: number;
    /** Number of the node among those of its height, from the left. */
    readonly prefix: number;
};

/**
 * Canonical cover of a range of leaves: the fewest nodes whose leaves are exactly first … last, in
 * ascending order. At most 2 · depth nodes; the same range always has the same cover.
 * @see P3: granularities; TimeCrypt, TreeKeyRegression.
 * @param depth - of the tree, at most 32.
 */
export function coverOf(depth: number, first: number, last: number): NodePlace[] {
    const leaves = 2 ** depth;
    const inRange = Number.isInteger(first) && Number.isInteger(last);
    assert(inRange && first >= 0 && first <= last && last < leaves, "a range of the tree's leaves");
    const cover: NodePlace[] = [];
    let at = first;
    while (at <= last) {
        let height = 0;
        while (height < depth) {
            const span = 2 ** (height + 1);
            if (at % span !== 0 || at + span - 1 > last) break;
            height++;
        }
        cover.push({ height, prefix: at / 2 ** height });
        at += 2 ** height;
    }
    return cover;
}
