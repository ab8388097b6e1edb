import { error, fail, ok, type Result } from "@meterseal/core";
import { TREE_DEPTH, type Tree, type TreeAddress } from "./stream.ts";

/** Boundaries that take their keys from one tree. */
export type TreeLeaves = {
    readonly tree: Tree;
    /** Leaf of each boundary. */
    readonly indices: number[];
    /** Position of each boundary in the list that was sorted. */
    readonly positions: number[];
};

/** Number of leaves of each tree. */
export const LEAF_END: readonly number[] = TREE_DEPTH.map((depth) => 2 ** depth);

/**
 * Sorts boundaries by tree, keeping their order.
 * @returns MS_BOUNDARY_ADDRESS for a level or an index that no tree has.
 */
export function sortByTree(addresses: readonly TreeAddress[]): Result<TreeLeaves[]> {
    const sorted: (TreeLeaves | undefined)[] = [];
    for (let i = 0; i < addresses.length; i++) {
        const { level, index } = addresses[i] as TreeAddress;
        const end = LEAF_END[level];
        if (end === undefined || !Number.isInteger(index) || index < 0 || index >= end) {
            const where = `boundary ${i}`;
            return fail(error("MS_BOUNDARY_ADDRESS", { where, got: `level ${level}, ${index}` }));
        }
        let leaves = sorted[level];
        if (leaves === undefined) {
            leaves = { tree: level, indices: [], positions: [] };
            sorted[level] = leaves;
        }
        leaves.indices.push(index);
        leaves.positions.push(i);
    }
    return ok(sorted.filter((leaves) => leaves !== undefined));
}
