import { assert, error, fail, ok, type Result, unwrap } from "@meterseal/core";
import { coverOf } from "./cover.ts";
import { KeyTree, type TreeNode } from "./key-tree.ts";
import {
    type ChannelGroup,
    checkStream,
    deriveRoot,
    deriveShift,
    deriveTreeKey,
    findGroup,
    MASTER_BYTES,
    type SealedStream,
    TREE_DEPTH,
    type Tree,
    type TreeAddress,
} from "./stream.ts";
import { NODE_BYTES } from "./suite.ts";
import { suiteOf } from "./suites.ts";

/**
 * Who can open boundaries of one stream: its owner, or the holder of a grant. Keys of a stretch of
 * leaves stay in memory, so a source is worth keeping, and is as secret as what it was made from.
 */
export type KeySource = {
    readonly stream: SealedStream;
    /**
     * Key blocks of leaves in the order asked for, 16 bytes each: two u64 big-endian, the key of
     * channel 0 and that of channel 1 (of no use in a group of one channel).
     * @returns MS_NOT_ALLOWED for a leaf that this source has no key of; MS_BOUNDARY_ADDRESS for a
     * number that is no leaf of the tree.
     */
    keysOf(group: number, tree: Tree, indices: ArrayLike<number>): Result<Uint8Array>;
};

/** Nodes that open the leaves first … last of one tree: what a K-grant carries (privacy 3.5). */
export type TreeCover = {
    readonly group: number;
    readonly tree: Tree;
    readonly first: number;
    readonly last: number;
    /** 16 bytes per node of the canonical cover, ascending: places follow from the range. */
    readonly seeds: Uint8Array;
};

/** The household's own keys of one stream, from its master secret. */
export type OwnerKeys = KeySource & {
    /** Shift ρ of each channel of a group, below 2^61; stops the program for an unknown group. */
    shiftsOf(group: number): BigUint64Array;
    /** Canonical cover of the leaves first … last (both included) of a tree. */
    coverOf(group: number, tree: Tree, first: number, last: number): Result<TreeCover>;
    /** 64 bytes from which the commitment blinding of a boundary is reduced (privacy 3.2). */
    blindingOf(group: number, channel: 0 | 1, address: TreeAddress): Result<Uint8Array>;
};

/**
 * Leaves per stretch as a power of two, by tree. Slots and hours reach equally far at a quarter of
 * an hour (2.7 days); 7 KiB per stretch of all trees and group.
 */
const CHUNK_HEIGHT = [8, 6, 5, 4, 3] as const;

/**
 * Keys of a stream from its master secret.
 * @param master - 32 bytes; any other length stops the program.
 * @returns MS_VERSION or MS_STREAM_RULE where the descriptor is out of bounds.
 */
export function ownerKeys(master: Uint8Array, stream: SealedStream): Result<OwnerKeys> {
    assert(master.length === MASTER_BYTES, "a master secret of 32 bytes");
    const checked = checkStream(stream);
    if (!checked.ok) return checked;
    const trees = new Map<number, KeyTree>();
    const shifts = new Map<number, BigUint64Array>();
    const groupOf = (group: number): ChannelGroup | undefined =>
        stream.groups.find((member) => member.group === group);

    function treeOf(group: number, tree: Tree): Result<KeyTree> {
        const name = treeName(group, tree);
        const known = trees.get(name);
        if (known !== undefined) return ok(known);
        if (groupOf(group) === undefined) return fail(unknownTree(group, tree));
        const seed = deriveRoot(master, stream, group, tree);
        const root = { height: TREE_DEPTH[tree], prefix: 0, seed };
        const made = makeTree(stream, group, tree, [root]);
        trees.set(name, made);
        return ok(made);
    }

    return ok({
        stream,
        keysOf(group, tree, indices) {
            const found = treeOf(group, tree);
            return found.ok ? found.value.keysOf(indices) : found;
        },
        shiftsOf(group) {
            const known = shifts.get(group);
            if (known !== undefined) return known;
            const member = groupOf(group);
            assert(member !== undefined, "a group of the stream");
            const made = new BigUint64Array(member.channels);
            for (const channel of [0, 1] as const) {
                if (channel >= member.channels) break;
                made[channel] = deriveShift(master, stream, group, channel);
            }
            shifts.set(group, made);
            return made;
        },
        coverOf(group, tree, first, last) {
            const found = treeOf(group, tree);
            if (!found.ok) return found;
            const nodes = found.value.cover(first, last);
            if (!nodes.ok) return nodes;
            const seeds = new Uint8Array(nodes.value.length * NODE_BYTES);
            nodes.value.forEach(({ seed }, i) => {
                seeds.set(seed, i * NODE_BYTES);
            });
            return ok({ group, tree, first, last, seeds });
        },
        blindingOf(group, channel, { level, index }) {
            const found = treeOf(group, level);
            return found.ok ? found.value.blindingOf(index, channel) : found;
        },
    });
}

/**
 * Keys of a stream from covers, as a grant carries them.
 * @returns MS_VERSION or MS_STREAM_RULE where the descriptor is out of bounds; MS_MALFORMED where
 * a cover names no range of its tree, has not one seed per node, or covers a tree twice.
 */
export function coverKeys(stream: SealedStream, covers: readonly TreeCover[]): Result<KeySource> {
    const checked = checkStream(stream);
    if (!checked.ok) return checked;
    const trees = new Map<number, KeyTree>();
    for (const cover of covers) {
        const { group, tree } = cover;
        const nodes = nodesOfCover(stream, cover);
        if (nodes === null || trees.has(treeName(group, tree))) {
            const where = `cover of tree ${tree} of group ${group}`;
            return fail(error("MS_MALFORMED", { where, expected: "one canonical cover" }));
        }
        trees.set(treeName(group, tree), makeTree(stream, group, tree, nodes));
    }
    return ok({
        stream,
        keysOf(group, tree, indices) {
            const found = trees.get(treeName(group, tree));
            return found === undefined ? fail(unknownTree(group, tree)) : found.keysOf(indices);
        },
    });
}

/** One number per tree of a stream, as the key of a map. */
function treeName(group: number, tree: Tree): number {
    return group * TREE_DEPTH.length + tree;
}

function makeTree(
    stream: SealedStream,
    group: number,
    tree: Tree,
    nodes: readonly TreeNode[],
): KeyTree {
    const suite = unwrap(suiteOf(stream.suite));
    const treeKey = deriveTreeKey(stream, group, tree);
    return new KeyTree(suite, treeKey, TREE_DEPTH[tree], nodes, CHUNK_HEIGHT[tree]);
}

function nodesOfCover(stream: SealedStream, cover: TreeCover): TreeNode[] | null {
    const { group, tree, first, last, seeds } = cover;
    const depth = TREE_DEPTH[tree];
    if (depth === undefined || findGroup(stream, group) === null) return null;
    if (!Number.isInteger(first) || !Number.isInteger(last)) return null;
    if (first < 0 || first > last || last >= 2 ** depth) return null;
    const places = coverOf(depth, first, last);
    if (seeds.length !== places.length * NODE_BYTES) return null;
    return places.map((place, i) => ({
        ...place,
        seed: seeds.slice(i * NODE_BYTES, (i + 1) * NODE_BYTES),
    }));
}

function unknownTree(group: number, tree: Tree) {
    const where = `tree ${tree} of group ${group}`;
    return error("MS_NOT_ALLOWED", { where, expected: "a key that was granted" });
}
