import { LIMITS, ok, type Result } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";
import type { OwnerKeys } from "../key-source.ts";
import { TREE_DEPTH, type Tree, type TreeAddress } from "../stream.ts";
import { KEY_BLOCK_BYTES } from "../suite.ts";
import { sortByTree } from "../tree-leaves.ts";
import type { Bridge } from "./bridge.ts";
import { encodeBridge, parseBridge } from "./cover-body.ts";
import { type GrantTerms, toChannelGroup } from "./terms.ts";

/** Keys of listed boundaries of one tree: ascending leaves, and their keys by group. */
export type LeafKeys = {
    readonly tree: Tree;
    readonly indices: readonly number[];
    /** For each granted group 8 bytes a register and leaf. */
    readonly keys: readonly Uint8Array[];
};

/** Keys of one span of an E grant. */
export type KeySpan = {
    readonly leaves: readonly LeafKeys[];
    /** How sums go on from the span before; in every span but the first. */
    readonly bridge?: Bridge;
};

/**
 * Keys of single boundaries: what an E grant carries for windows that no level of the ladder has.
 * @param addresses - of one seal epoch, none twice; never of the event tree.
 * @returns MS_BOUNDARY_ADDRESS, or errors of keysOf.
 */
export function keySpan(
    owner: OwnerKeys,
    addresses: readonly TreeAddress[],
    groups: readonly number[],
): Result<LeafKeys[]> {
    const sorted = sortByTree(addresses);
    if (!sorted.ok) return sorted;
    const leaves: LeafKeys[] = [];
    for (const { indices, tree } of sorted.value.sort((a, b) => a.tree - b.tree)) {
        indices.sort((a, b) => a - b);
        const keys: Uint8Array[] = [];
        for (const group of groups) {
            const blocks = owner.keysOf(group, tree, indices);
            if (!blocks.ok) return blocks;
            keys.push(narrow(blocks.value, toChannelGroup(group).channels));
        }
        leaves.push({ tree, indices, keys });
    }
    return ok(leaves);
}

/** CBOR body of an E grant: for each span its trees with leaves and keys, and the bridge. */
export function encodeKeyBody(spans: readonly KeySpan[]): Uint8Array {
    return encodeCbor(
        spans.map(({ bridge, leaves }) => {
            const trees = leaves.map(({ indices, keys, tree }) => [
                tree,
                indices.map((index, i) => index - (indices[i - 1] ?? 0)),
                ...keys,
            ]);
            return bridge === undefined ? [trees] : [trees, encodeBridge(bridge)];
        }),
    );
}

/** Reads {@link encodeKeyBody} strictly. */
export function parseKeyBody(body: Uint8Array, terms: GrantTerms): Result<KeySpan[]> {
    return attempt(() => {
        const spans = toArray(decodeCbor(body), "body", terms.spans.length);
        if (spans.length !== terms.spans.length) malformed("body", "one entry a span");
        return spans.map((value, i) => {
            const parts = toArray(value, "span", 2);
            if (parts.length !== (i === 0 ? 1 : 2)) malformed("span", "trees and bridge");
            const leaves = parseTrees(parts[0], terms.groups);
            if (i === 0) return { leaves };
            return { leaves, bridge: parseBridge(parts[1], terms, i) };
        });
    });
}

function parseTrees(value: unknown, groups: readonly number[]): LeafKeys[] {
    let nextTree = 0;
    return toArray(value, "trees", 4).map((entry) => {
        const [name, steps, ...strings] = toArray(entry, "tree", 2 + groups.length);
        const tree = toInteger(name, "tree", nextTree, 3) as Tree;
        nextTree = tree + 1;
        const end = 2 ** TREE_DEPTH[tree];
        let last = 0;
        const indices = toArray(steps, "leaves", LIMITS.grantBoundaries).map((step, i) => {
            last += toInteger(step, "leaves", i === 0 ? 0 : 1, end - 1 - last);
            return last;
        });
        if (indices.length === 0) malformed("leaves", "at least one leaf");
        if (strings.length !== groups.length) malformed("tree", "one string of keys a group");
        const keys = strings.map((bytes, i) => {
            const { channels } = toChannelGroup(groups[i] as number);
            return toBytes(bytes, "keys", 8 * channels * indices.length);
        });
        return { tree, indices, keys };
    });
}

/** Key blocks cut to the registers that a group has. */
function narrow(blocks: Uint8Array, channels: number): Uint8Array {
    if (channels === 2) return blocks;
    const keys = new Uint8Array(blocks.length / 2);
    for (let at = 0; at < keys.length; at += 8) {
        keys.set(blocks.subarray(2 * at, 2 * at + 8), at);
    }
    return keys;
}

/** Key block of one leaf among the keys of a group; the second half is zero where there is none. */
export function widen(keys: Uint8Array, place: number, channels: number): Uint8Array {
    const block = new Uint8Array(KEY_BLOCK_BYTES);
    block.set(keys.subarray(place * 8 * channels, (place + 1) * 8 * channels));
    return block;
}
