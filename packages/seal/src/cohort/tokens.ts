import { bytesEqual, error, fail, ok, type Result } from "@meterseal/core";
import { channelsOfGroup } from "@meterseal/record";
import type { KeySource } from "../key-source.ts";
import { KEY_BLOCK_BYTES } from "../suite.ts";
import { sortByTree } from "../tree-leaves.ts";
import type { Cohort } from "./body.ts";
import { masksOf } from "./masks.ts";
import type { CohortBoundaries } from "./windows.ts";

/** Numbers mod 2^64 of one group: window-major, one per channel. */
export type GroupTokens = { readonly group: number; readonly tokens: BigUint64Array };

/**
 * Tokens of one member for the whole month: per window and channel the key difference that opens
 * its sealed difference, plus its mask (privacy 3.7). They hang on keys alone, so they are made
 * before the month begins; without those of all other members they open nothing.
 *
 * **A member makes them once**: two sets of tokens for one window under different masks give their
 * difference away. Whoever calls this has written down that it does.
 * @param keys - of the member's stream, at the seal epoch that the cohort names.
 * @param own - place of the member in the cohort.
 * @param secrets - of {@link import("./masks.ts").pairSecrets}.
 * @returns MS_COHORT where the keys are another stream's or epoch's; MS_NOT_ALLOWED where the
 * source lacks one.
 */
export function cohortTokens(
    cohort: Cohort,
    boundaries: CohortBoundaries,
    keys: KeySource,
    own: number,
    secrets: readonly (Uint8Array | null)[],
): Result<GroupTokens[]> {
    const member = cohort.members[own];
    const { stream } = keys;
    const isOwn =
        member !== undefined &&
        bytesEqual(member.stream, stream.streamId) &&
        member.sealEpoch === stream.sealEpoch;
    if (!isOwn || cohort.groups.some((group) => !stream.groups.some((g) => g.group === group))) {
        const expected = "keys of the member's stream, seal epoch and groups";
        return fail(error("MS_COHORT", { expected }));
    }
    const made: GroupTokens[] = [];
    for (const group of cohort.groups) {
        const blocks = keyBlocks(keys, group, boundaries);
        if (!blocks.ok) return blocks;
        const masks = masksOf(cohort, group, boundaries.indices, own, secrets);
        const channels = channelsOfGroup(group);
        const tokens = new BigUint64Array(boundaries.indices.length * channels);
        const view = new DataView(blocks.value.buffer, blocks.value.byteOffset);
        for (let window = 0; window < boundaries.indices.length; window++) {
            for (let channel = 0; channel < channels; channel++) {
                const at = window * KEY_BLOCK_BYTES + 8 * channel;
                const word = 2 * (window * channels + channel);
                const high = BigInt(masks[word] as number);
                const mask = (high << 32n) | BigInt(masks[word + 1] as number);
                const difference = view.getBigUint64(at + KEY_BLOCK_BYTES) - view.getBigUint64(at);
                tokens[window * channels + channel] = BigInt.asUintN(64, difference + mask);
            }
        }
        made.push({ group, tokens });
    }
    return ok(made);
}

/** Key blocks of all boundaries, in their order. */
function keyBlocks(
    keys: KeySource,
    group: number,
    { addresses }: CohortBoundaries,
): Result<Uint8Array> {
    const sorted = sortByTree(addresses);
    if (!sorted.ok) return sorted;
    const blocks = new Uint8Array(addresses.length * KEY_BLOCK_BYTES);
    for (const { tree, indices, positions } of sorted.value) {
        const found = keys.keysOf(group, tree, indices);
        if (!found.ok) return found;
        for (const [i, position] of positions.entries()) {
            const block = found.value.subarray(i * KEY_BLOCK_BYTES, (i + 1) * KEY_BLOCK_BYTES);
            blocks.set(block, position * KEY_BLOCK_BYTES);
        }
    }
    return ok(blocks);
}
