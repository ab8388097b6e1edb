import { error, fail, ok, type Result } from "@meterseal/core";
import type { KeySource, OwnerKeys } from "./key-source.ts";
import { REGISTER_END, SEALED_BYTES } from "./seal.ts";
import { channelCount, findGroup, type TreeAddress } from "./stream.ts";
import { KEY_BLOCK_BYTES } from "./suite.ts";
import { sortByTree } from "./tree-leaves.ts";

/** Sealed boundaries as a usage record carries them. */
export type SealedBoundaries = {
    /** One per boundary. */
    readonly addresses: readonly TreeAddress[];
    /** 8 bytes per register, boundary-major, groups in the stream's order. */
    readonly sealed: Uint8Array;
};

/**
 * Opens one group to shifted registers R + ρ (below 2^62), boundary-major. A shift is constant in a
 * seal epoch, so differences are true amounts; the absolute register stays hidden from who does not
 * know ρ, which is everybody but the owner.
 * @param rows - positions of the boundaries to open, where not all: a grant opens those of its
 * levels only. The result follows their order.
 * @returns MS_NOT_ALLOWED where the source has no key; MS_REGISTER_CAP where a value comes out too
 * large, which means a wrong key or altered bytes; MS_BOUNDARY_ADDRESS, MS_STREAM_RULE.
 */
export function openShifted(
    source: KeySource,
    group: number,
    boundaries: SealedBoundaries,
    rows?: readonly number[],
): Result<BigUint64Array> {
    const { addresses, sealed } = boundaries;
    const width = channelCount(source.stream);
    const member = findGroup(source.stream, group);
    if (member === null || sealed.length !== addresses.length * width * SEALED_BYTES) {
        const expected = `${width} registers of 8 bytes per boundary, and a group of the stream`;
        return fail(error("MS_STREAM_RULE", { expected, got: `${sealed.length} bytes` }));
    }
    const chosen = rows === undefined ? ok(addresses) : pickRows(addresses, rows);
    if (!chosen.ok) return chosen;
    const sorted = sortByTree(chosen.value);
    if (!sorted.ok) return sorted;
    const { first, channels } = member;
    const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.length);
    const opened = new BigUint64Array(chosen.value.length * channels);
    for (const { tree, indices, positions } of sorted.value) {
        const keys = source.keysOf(group, tree, indices);
        if (!keys.ok) return keys;
        const keyView = new DataView(keys.value.buffer, keys.value.byteOffset);
        for (let channel = 0; channel < channels; channel++) {
            for (let i = 0; i < positions.length; i++) {
                const position = positions[i] as number;
                const row = rows === undefined ? position : (rows[position] as number);
                const value = view.getBigUint64((row * width + first + channel) * SEALED_BYTES);
                const key = keyView.getBigUint64(i * KEY_BLOCK_BYTES + channel * 8);
                opened[position * channels + channel] = BigInt.asUintN(64, value + key);
            }
        }
    }
    return checkBelow(opened, 2n * REGISTER_END);
}

/**
 * Opens one group to its registers, boundary-major; see {@link openShifted} for rows and errors.
 */
export function openRegisters(
    owner: OwnerKeys,
    group: number,
    boundaries: SealedBoundaries,
    rows?: readonly number[],
): Result<BigUint64Array> {
    const opened = openShifted(owner, group, boundaries, rows);
    if (!opened.ok) return opened;
    const shifts = owner.shiftsOf(group);
    const registers = opened.value;
    for (let channel = 0; channel < shifts.length; channel++) {
        const shift = shifts[channel] as bigint;
        for (let at = channel; at < registers.length; at += shifts.length) {
            registers[at] = BigInt.asUintN(64, (registers[at] as bigint) - shift);
        }
    }
    return checkBelow(registers, REGISTER_END);
}

/**
 * Range sum on ciphertext: P_to − P_from mod 2^64 for each register of two boundaries. Needs no
 * key; a store computes it without learning anything (privacy 3.3).
 * @param from - sealed registers of the earlier boundary, 8 bytes each.
 * @param to - those of the later boundary, as many.
 * @returns MS_STREAM_RULE where the lengths differ or hold no whole registers.
 */
export function differenceOf(from: Uint8Array, to: Uint8Array): Result<BigUint64Array> {
    if (from.length !== to.length || from.length % SEALED_BYTES !== 0) {
        const got = `${from.length} and ${to.length} bytes`;
        return fail(error("MS_STREAM_RULE", { expected: "two boundaries of one stream", got }));
    }
    const before = new DataView(from.buffer, from.byteOffset, from.length);
    const after = new DataView(to.buffer, to.byteOffset, to.length);
    const difference = new BigUint64Array(from.length / SEALED_BYTES);
    for (let i = 0; i < difference.length; i++) {
        const at = i * SEALED_BYTES;
        difference[i] = BigInt.asUintN(64, after.getBigUint64(at) - before.getBigUint64(at));
    }
    return ok(difference);
}

/**
 * Opens a range sum of one group with the keys of its two boundaries: R_to − R_from per channel.
 * @param difference - of {@link differenceOf}: all registers of the stream's boundary.
 * @returns errors as {@link openShifted}.
 */
export function openDifference(
    source: KeySource,
    group: number,
    from: TreeAddress,
    to: TreeAddress,
    difference: BigUint64Array,
): Result<BigUint64Array> {
    const member = findGroup(source.stream, group);
    if (member === null || difference.length !== channelCount(source.stream)) {
        const expected = "one difference per register, and a group of the stream";
        return fail(error("MS_STREAM_RULE", { expected, got: `${difference.length}` }));
    }
    const early = source.keysOf(group, from.level, [from.index]);
    if (!early.ok) return early;
    const late = source.keysOf(group, to.level, [to.index]);
    if (!late.ok) return late;
    const amounts = difference.slice(member.first, member.first + member.channels);
    const earlyView = new DataView(early.value.buffer, early.value.byteOffset);
    const lateView = new DataView(late.value.buffer, late.value.byteOffset);
    for (let channel = 0; channel < member.channels; channel++) {
        const keys = lateView.getBigUint64(8 * channel) - earlyView.getBigUint64(8 * channel);
        amounts[channel] = BigInt.asUintN(64, (amounts[channel] as bigint) + keys);
    }
    return checkBelow(amounts, REGISTER_END);
}

function pickRows(
    addresses: readonly TreeAddress[],
    rows: readonly number[],
): Result<TreeAddress[]> {
    const picked: TreeAddress[] = [];
    for (const row of rows) {
        const address = addresses[row];
        if (address === undefined) {
            const expected = `a boundary below ${addresses.length}`;
            return fail(error("MS_BOUNDARY_ADDRESS", { expected, got: String(row) }));
        }
        picked.push(address);
    }
    return ok(picked);
}

function checkBelow(values: BigUint64Array, end: bigint): Result<BigUint64Array> {
    for (let i = 0; i < values.length; i++) {
        if ((values[i] as bigint) >= end) {
            const todo = "The key is another stream's or epoch's, or the bytes were altered.";
            return fail(error("MS_REGISTER_CAP", { where: `opened value ${i}`, todo }));
        }
    }
    return ok(values);
}
