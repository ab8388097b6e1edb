import { error, fail, ok, type Result } from "@meterseal/core";
import type { KeySource, OwnerKeys } from "../key-source.ts";
import { SEALED_BYTES } from "../seal.ts";
import { findGroup, type TreeAddress } from "../stream.ts";
import { KEY_BLOCK_BYTES } from "../suite.ts";
import { sortByTree } from "../tree-leaves.ts";
import { blindOf } from "./commit.ts";
import {
    decodeElement,
    type ElementTerm,
    modulo,
    ORDER,
    pedersen,
    sumOfMultiples,
} from "./group.ts";

/** A boundary of one seal epoch and its weight v. The weights of an epoch add up to zero. */
export type WeightedAddress = { readonly address: TreeAddress; readonly weight: bigint };

/**
 * Key side of a weighted sum: Σ v · k mod 2^64 for each channel of a group. Added to the sum over the
 * sealed registers it gives Σ v · R and nothing else (privacy 3.5, kind W).
 * @param terms - of one seal epoch; their weights must add up to zero.
 * @returns MS_STREAM_RULE for a group that the stream lacks or weights that do not cancel, for then
 * the sum would open shifted registers; MS_NOT_ALLOWED, MS_BOUNDARY_ADDRESS.
 */
export function weighKeys(
    source: KeySource,
    group: number,
    terms: readonly WeightedAddress[],
): Result<BigUint64Array> {
    const member = findGroup(source.stream, group);
    if (member === null || !cancels(terms)) return fail(unbalanced(group));
    const sorted = sortByTree(terms.map(({ address }) => address));
    if (!sorted.ok) return sorted;
    const sums = new Array<bigint>(member.channels).fill(0n);
    for (const { indices, positions, tree } of sorted.value) {
        const keys = source.keysOf(group, tree, indices);
        if (!keys.ok) return keys;
        const view = new DataView(keys.value.buffer, keys.value.byteOffset);
        for (const [i, position] of positions.entries()) {
            const weight = terms[position]?.weight ?? 0n;
            for (let channel = 0; channel < sums.length; channel++) {
                const key = view.getBigUint64(i * KEY_BLOCK_BYTES + channel * 8);
                sums[channel] = (sums[channel] as bigint) + weight * key;
            }
        }
    }
    return ok(BigUint64Array.from(sums, (sum) => BigInt.asUintN(64, sum)));
}

/**
 * Blind of a weighted sum of commitments of a group: Σ v · s modulo the order of the group.
 * @returns errors as {@link weighKeys}.
 */
export function weighBlinds(
    owner: OwnerKeys,
    group: number,
    terms: readonly WeightedAddress[],
): Result<bigint> {
    const member = owner.stream.groups.find((known) => known.group === group);
    if (member === undefined || !cancels(terms)) return fail(unbalanced(group));
    let sum = 0n;
    for (const { address, weight } of terms) {
        if (weight === 0n) continue;
        const blind = blindOf(owner, member, address);
        if (!blind.ok) return blind;
        sum += weight * blind.value;
    }
    return ok(modulo(sum));
}

/** Blind of a sum of commitments: the sum of their blinds modulo the order of the group. */
export function addBlinds(blinds: readonly bigint[]): bigint {
    return modulo(blinds.reduce((sum, blind) => sum + blind, 0n));
}

/** The sealed registers of one boundary and its weight. */
export type WeightedRow = { readonly sealed: Uint8Array; readonly weight: bigint };

/**
 * Store side of a weighted sum: Σ v · P mod 2^64 for each register of a boundary. Needs no key.
 * @returns MS_STREAM_RULE where the boundaries do not have the same whole number of registers.
 */
export function weighSealed(rows: readonly WeightedRow[]): Result<BigUint64Array> {
    const length = rows[0]?.sealed.length ?? 0;
    if (length % SEALED_BYTES !== 0 || rows.some(({ sealed }) => sealed.length !== length)) {
        return fail(error("MS_STREAM_RULE", { expected: "boundaries of one stream" }));
    }
    const sums = new Array<bigint>(length / SEALED_BYTES).fill(0n);
    for (const { sealed, weight } of rows) {
        const view = new DataView(sealed.buffer, sealed.byteOffset, length);
        for (let i = 0; i < sums.length; i++) {
            sums[i] = (sums[i] as bigint) + weight * view.getBigUint64(i * SEALED_BYTES);
        }
    }
    return ok(BigUint64Array.from(sums, (sum) => BigInt.asUintN(64, sum)));
}

/** Opens a weighted sum: store side plus key side, as a signed number; |sum| < 2^63. */
export function openWeighted(store: bigint, keys: bigint): bigint {
    return BigInt.asIntN(64, store + keys);
}

/** A commitment, 32 bytes, and its weight. */
export type WeightedCommitment = { readonly commitment: Uint8Array; readonly weight: bigint };

/**
 * True where Σ v · Com = amount · G + blind · H: whoever made the blinds knew registers whose weighted
 * sum is the amount (privacy 4). Equal modulo the order of the group, which is beyond every sum of
 * registers below 2^63.
 * @param blind - below the order of the group; MS_COMMITMENT otherwise.
 * @returns MS_COMMITMENT for a commitment that is no element of the group.
 */
export function opensTo(
    terms: readonly WeightedCommitment[],
    amount: bigint,
    blind: bigint,
): Result<boolean> {
    if (blind < 0n || blind >= ORDER) {
        return fail(error("MS_COMMITMENT", { expected: "a blind below the order of the group" }));
    }
    const decoded: ElementTerm[] = [];
    for (const [i, { commitment, weight }] of terms.entries()) {
        if (weight === 0n) continue;
        const element = decodeElement(commitment, `commitment ${i}`);
        if (!element.ok) return element;
        decoded.push({ element: element.value, weight });
    }
    return ok(sumOfMultiples(decoded).equals(pedersen(amount, blind)));
}

function cancels(terms: readonly { readonly weight: bigint }[]): boolean {
    return terms.reduce((sum, { weight }) => sum + weight, 0n) === 0n;
}

function unbalanced(group: number) {
    const expected = "weights that add up to zero, and a group of the stream";
    return error("MS_STREAM_RULE", { where: `group ${group}`, expected });
}
