import { bytesEqual, error, fail, ok, type Result } from "@meterseal/core";
import type { OwnerKeys } from "../key-source.ts";
import { openRegisters, type SealedBoundaries } from "../open.ts";
import { type ChannelGroup, channelCount, type TreeAddress } from "../stream.ts";
import { COMMITMENT_BYTES, modulo, pedersen } from "./group.ts";

/** Boundaries whose registers are committed to, as they are sealed. */
export type CommittedBoundaries = {
    readonly addresses: readonly TreeAddress[];
    /** Boundary-major, groups in the stream's order: one register per channel, in stream units. */
    readonly registers: ArrayLike<bigint>;
};

/**
 * Commits to the registers of the first groups of a stream: (R + ρ) · G + s · H per boundary, where
 * the blind s comes from the leaf that keys the boundary (privacy 3.2, 4). A group of two channels
 * has one commitment, to the first register minus the second: plus and minus of the adjustments.
 * @param committed - 1 … number of groups.
 * @returns one list per group, 32 bytes per boundary; MS_STREAM_RULE, MS_BOUNDARY_ADDRESS.
 */
export function commitBoundaries(
    owner: OwnerKeys,
    committed: number,
    boundaries: CommittedBoundaries,
): Result<Uint8Array[]> {
    const { addresses, registers } = boundaries;
    const { stream } = owner;
    const width = channelCount(stream);
    const groups = stream.groups.slice(0, committed);
    if (registers.length !== addresses.length * width || groups.length !== committed) {
        const expected = `${width} registers per boundary and at most ${groups.length} groups`;
        return fail(
            error("MS_STREAM_RULE", { expected, got: `${registers.length}, ${committed}` }),
        );
    }
    const commitments: Uint8Array[] = [];
    let first = 0;
    for (const group of groups) {
        const list = new Uint8Array(addresses.length * COMMITMENT_BYTES);
        for (const [i, address] of addresses.entries()) {
            const blind = blindOf(owner, group, address);
            if (!blind.ok) return blind;
            const at = i * width + first;
            const value = committedValue(owner, group, [
                registers[at] as bigint,
                registers[at + 1] ?? 0n,
            ]);
            list.set(pedersen(value, blind.value).toBytes(), i * COMMITMENT_BYTES);
        }
        commitments.push(list);
        first += group.channels;
    }
    return ok(commitments);
}

/**
 * Boundaries whose commitments do not hide what was sealed: the household's check of its meter.
 * @param commitments - of the first groups, 32 bytes per boundary.
 * @returns places of the false boundaries, ascending; errors as {@link openRegisters}, and
 * MS_STREAM_RULE where there is not one commitment per boundary.
 */
export function falseCommitments(
    owner: OwnerKeys,
    boundaries: SealedBoundaries,
    commitments: readonly Uint8Array[],
): Result<number[]> {
    const { addresses } = boundaries;
    const columns: ArrayLike<bigint>[] = [];
    for (const { channels, group } of owner.stream.groups) {
        const opened = openRegisters(owner, group, boundaries);
        if (!opened.ok) return opened;
        for (let channel = 0; channel < channels; channel++) {
            columns.push(opened.value.filter((_, i) => i % channels === channel));
        }
    }
    const registers = addresses.flatMap((_, i) => columns.map((column) => column[i] as bigint));
    const expected = commitBoundaries(owner, commitments.length, { addresses, registers });
    if (!expected.ok) return expected;
    const length = addresses.length * COMMITMENT_BYTES;
    if (commitments.some((list) => list.length !== length)) {
        return fail(error("MS_STREAM_RULE", { expected: "one commitment per boundary" }));
    }
    const places = addresses.map((_, i) => i);
    return ok(
        places.filter((i) => !commitments.every((list, g) => same(list, expected.value[g], i))),
    );
}

function same(list: Uint8Array, expected: Uint8Array | undefined, place: number): boolean {
    const [from, to] = [place * COMMITMENT_BYTES, (place + 1) * COMMITMENT_BYTES];
    return (
        expected !== undefined && bytesEqual(list.subarray(from, to), expected.subarray(from, to))
    );
}

/** What a commitment of a group hides: the shifted register, or the difference of the two. */
export function committedValue(
    owner: OwnerKeys,
    { channels, group }: ChannelGroup,
    [first, second]: readonly [bigint, bigint],
): bigint {
    const shifts = owner.shiftsOf(group);
    const value = first + (shifts[0] as bigint);
    return channels === 1 ? value : value - second - (shifts[1] as bigint);
}

/**
 * Blind of the commitment of a boundary: the 64 bytes of its leaf, big-endian, modulo the order of
 * the group; in a group of two channels that of the first minus that of the second.
 * @returns MS_NOT_ALLOWED or MS_BOUNDARY_ADDRESS as the key source says.
 */
export function blindOf(
    owner: OwnerKeys,
    { channels, group }: ChannelGroup,
    address: TreeAddress,
): Result<bigint> {
    const first = owner.blindingOf(group, 0, address);
    if (!first.ok || channels === 1) return first.ok ? ok(modulo(toNumber(first.value))) : first;
    const second = owner.blindingOf(group, 1, address);
    return second.ok ? ok(modulo(toNumber(first.value) - toNumber(second.value))) : second;
}

function toNumber(bytes: Uint8Array): bigint {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let number = 0n;
    for (let at = 0; at < bytes.length; at += 8) number = (number << 64n) | view.getBigUint64(at);
    return number;
}
