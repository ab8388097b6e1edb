import { error, fail, type MetersealError, ok, type Result } from "@meterseal/core";
import { coverKeys, type KeySource } from "../key-source.ts";
import type { Tree } from "../stream.ts";
import { KEY_BLOCK_BYTES } from "../suite.ts";
import type { CoverSpan } from "./cover-body.ts";
import { type KeySpan, type LeafKeys, widen } from "./key-body.ts";
import { type GrantTerms, streamOfTerms, toChannelGroup } from "./terms.ts";

/**
 * Keys of one span of a K grant.
 * @returns errors of coverKeys; the source's own keysOf answers MS_NOT_ALLOWED for a group that is
 * not granted, MS_GRANT_LEVEL for a level finer than granted, MS_GRANT_RANGE outside of the span.
 */
export function coverSource(
    terms: GrantTerms,
    sealEpoch: number,
    { covers }: CoverSpan,
): Result<KeySource> {
    const inner = coverKeys(streamOfTerms(terms, sealEpoch), covers);
    if (!inner.ok) return inner;
    const { level = 0 } = terms;
    return ok({
        stream: inner.value.stream,
        keysOf(group, tree, indices) {
            if (!terms.groups.includes(group)) return fail(groupError(group));
            if (tree < level || tree === 4) return fail(levelError(tree, level));
            const keys = inner.value.keysOf(group, tree, indices);
            const isOutside = !keys.ok && keys.error.code === "MS_NOT_ALLOWED";
            return isOutside ? fail(rangeError(keys.error.details.where)) : keys;
        },
    });
}

/**
 * Keys of one span of an E grant.
 * @returns the source's keysOf answers MS_NOT_ALLOWED for a group that is not granted and
 * MS_GRANT_RANGE for a boundary that is not among the listed ones.
 */
export function listedSource(terms: GrantTerms, sealEpoch: number, { leaves }: KeySpan): KeySource {
    const places = new Map<Tree, ReadonlyMap<number, number>>(
        leaves.map(({ indices, tree }) => [tree, new Map(indices.map((index, i) => [index, i]))]),
    );
    return {
        stream: streamOfTerms(terms, sealEpoch),
        keysOf(group, tree, indices) {
            const position = terms.groups.indexOf(group);
            if (position < 0) return fail(groupError(group));
            const own = leaves.find((one) => one.tree === tree);
            const keys = new Uint8Array(indices.length * KEY_BLOCK_BYTES);
            for (let i = 0; i < indices.length; i++) {
                const place = places.get(tree)?.get(indices[i] as number);
                if (own === undefined || place === undefined) {
                    return fail(rangeError(`leaf ${indices[i]} of tree ${tree}`));
                }
                keys.set(blockOf(own, position, place, group), i * KEY_BLOCK_BYTES);
            }
            return ok(keys);
        },
    };
}

function blockOf(own: LeafKeys, position: number, place: number, group: number): Uint8Array {
    return widen(own.keys[position] as Uint8Array, place, toChannelGroup(group).channels);
}

function groupError(group: number): MetersealError {
    return error("MS_NOT_ALLOWED", { where: `group ${group}`, expected: "a group of the grant" });
}

function levelError(tree: Tree, level: number): MetersealError {
    return error("MS_GRANT_LEVEL", {
        where: `a boundary of tree ${tree}`,
        expected: `boundaries of level ${level} or coarser`,
    });
}

function rangeError(where: string | undefined): MetersealError {
    return error("MS_GRANT_RANGE", where === undefined ? {} : { where });
}
