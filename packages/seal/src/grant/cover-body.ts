import { type Ladder, type Level, ok, type Result, slotOfUnix } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";
import { coverOf } from "../cover.ts";
import type { OwnerKeys, TreeCover } from "../key-source.ts";
import { TREE_DEPTH, type Tree } from "../stream.ts";
import { NODE_BYTES } from "../suite.ts";
import { type Bridge, encodeEnds, encodeTokens, parseEnds, parseTokens } from "./bridge.ts";
import { type LeafRange, leavesWithin } from "./leaves.ts";
import { type GrantSpan, type GrantTerms, grantedChannels } from "./terms.ts";

/** Keys of one span of a K grant. */
export type CoverSpan = {
    readonly covers: readonly TreeCover[];
    /** How sums go on from the span before; in every span but the first. */
    readonly bridge?: Bridge;
};

/**
 * Covers of the trees from a level on over one span (privacy note 3.5), of every granted group. Never
 * of the event tree. Boundaries at both ends are included; none where the span has no boundary of the
 * level, as behind an exchange in the last month of a grant of months.
 */
export function coverSpan(
    owner: OwnerKeys,
    ladder: Ladder,
    span: GrantSpan,
    level: Level,
    groups: readonly number[],
): Result<TreeCover[]> {
    const { slotSeconds } = ladder;
    const fromSlot = slotOfUnix(span.fromUnix + slotSeconds - 1, slotSeconds);
    const toSlot = slotOfUnix(span.toUnix, slotSeconds);
    const covers: TreeCover[] = [];
    for (let tree = level; tree <= 3; tree++) {
        const range = leavesWithin(ladder, tree as Level, fromSlot, toSlot);
        if (range === null) continue;
        for (const group of groups) {
            const cover = owner.coverOf(group, tree, range.first, range.last);
            if (!cover.ok) return cover;
            covers.push(cover.value);
        }
    }
    return ok(covers);
}

/** CBOR body of a K grant: for each span the ranges of its trees, the seeds by group, the bridge. */
export function encodeCoverBody(
    spans: readonly CoverSpan[],
    level: Level,
    groups: readonly number[],
): Uint8Array {
    return encodeCbor(
        spans.map(({ bridge, covers }) => {
            const ranges: number[][] = [];
            for (let tree = level; tree <= 3; tree++) {
                const cover = covers.find((one) => one.tree === tree);
                ranges.push(cover === undefined ? [] : [cover.first, cover.last - cover.first]);
            }
            const seeds = groups.map((group) => seedsOf(covers, group));
            return bridge === undefined ? [ranges, seeds] : [ranges, seeds, encodeBridge(bridge)];
        }),
    );
}

/**
 * Reads {@link encodeCoverBody} strictly; the places of the seeds follow from the ranges.
 * @returns MS_MALFORMED.
 */
export function parseCoverBody(body: Uint8Array, terms: GrantTerms): Result<CoverSpan[]> {
    return attempt(() => {
        const spans = toArray(decodeCbor(body), "body", terms.spans.length);
        if (spans.length !== terms.spans.length) malformed("body", "one entry a span");
        const read = spans.map((value, i): CoverSpan => {
            const parts = toArray(value, "span", 3);
            if (parts.length !== (i === 0 ? 2 : 3)) malformed("span", "ranges, seeds and bridge");
            const covers = parseCovers(parts[0], parts[1], terms);
            if (i === 0) return { covers };
            return { covers, bridge: parseBridge(parts[2], terms, i) };
        });
        if (read.every(({ covers }) => covers.length === 0)) malformed("body", "a cover");
        return read;
    });
}

function seedsOf(covers: readonly TreeCover[], group: number): Uint8Array {
    const own = covers.filter((cover) => cover.group === group);
    const seeds = new Uint8Array(own.reduce((sum, cover) => sum + cover.seeds.length, 0));
    let at = 0;
    for (const cover of own) {
        seeds.set(cover.seeds, at);
        at += cover.seeds.length;
    }
    return seeds;
}

function parseCovers(ranges: unknown, seeds: unknown, terms: GrantTerms): TreeCover[] {
    const level = terms.level ?? 0;
    const trees = toArray(ranges, "ranges", 4 - level).map((value, i) => {
        const tree = (level + i) as Tree;
        const range = parseRange(value, tree);
        return range === null ? null : { tree, ...range };
    });
    const lists = toArray(seeds, "seeds", terms.groups.length);
    const present = trees.filter((tree) => tree !== null);
    if (trees.length !== 4 - level) malformed("ranges", "one a tree");
    if (lists.length !== terms.groups.length) malformed("seeds", "one string a group");
    return lists.flatMap((list, i) => {
        const group = terms.groups[i] as number;
        const sizes = present.map(({ first, last, tree }) => {
            return NODE_BYTES * coverOf(TREE_DEPTH[tree], first, last).length;
        });
        const bytes = toBytes(
            list,
            "seeds",
            sizes.reduce((sum, size) => sum + size, 0),
        );
        let at = 0;
        return present.map(({ first, last, tree }, place): TreeCover => {
            const end = at + (sizes[place] as number);
            const own = bytes.slice(at, end);
            at = end;
            return { group, tree, first, last, seeds: own };
        });
    });
}

function parseRange(value: unknown, tree: Tree): LeafRange | null {
    const parts = toArray(value, "range", 2);
    if (parts.length === 0) return null;
    if (parts.length !== 2) malformed("range", "a first leaf and how many follow");
    const end = 2 ** TREE_DEPTH[tree];
    const first = toInteger(parts[0], "range", 0, end - 1);
    return { first, last: first + toInteger(parts[1], "range", 0, end - 1 - first) };
}

/** A bridge with its tokens as CBOR: the two ends and the tokens. */
export function encodeBridge(bridge: Bridge): unknown[] {
    return [...encodeEnds(bridge), encodeTokens(bridge.tokens)];
}

/**
 * Reads {@link encodeBridge}: the bridge into a span of a grant.
 * @param into - place of the span, from 1.
 * @throws MetersealError MS_MALFORMED.
 */
export function parseBridge(value: unknown, terms: GrantTerms, into: number): Bridge {
    const parts = toArray(value, "bridge", 3);
    if (parts.length !== 3) malformed("bridge", "two ends and tokens");
    const [before, after] = [terms.spans[into - 1], terms.spans[into]] as [GrantSpan, GrantSpan];
    return {
        ...parseEnds(parts, before.sealEpoch, after.sealEpoch, "bridge"),
        tokens: parseTokens(parts[2], grantedChannels(terms), "bridge"),
    };
}
