import { error, fail, LIMITS, type MetersealError, ok, type Result } from "@meterseal/core";
import type { OwnerKeys } from "./key-source.ts";
import { channelCount, type SealedStream, type TreeAddress } from "./stream.ts";
import { KEY_BLOCK_BYTES } from "./suite.ts";
import { sortByTree, type TreeLeaves } from "./tree-leaves.ts";

/** Registers stay below 2^61, so that a register plus its shift never wraps (privacy 3.1). */
export const REGISTER_END = 2n ** 61n;
/** Bytes of one sealed register. */
export const SEALED_BYTES = 8;

/** What a meter seals in one go: consecutive boundaries, or single events. */
export type Boundaries = {
    /** From {@link import("./plan.ts").planBoundaries}; per tree the indices increase. */
    readonly addresses: readonly TreeAddress[];
    /** Boundary-major, groups in the stream's order: one register per channel, in stream units. */
    readonly registers: ArrayLike<bigint>;
    /** Registers of the boundary before the first one, if there was one: they bound its growth. */
    readonly previous?: ArrayLike<bigint>;
};

/**
 * Seals registers: P = (R + ρ − k) mod 2^64, 8 bytes big-endian each, boundary-major, groups in the
 * stream's order (formats 4, privacy 3.3).
 * @returns MS_REGISTER_CAP where a register is not below 2^61 or grows by more than
 * {@link LIMITS.slotDelta} from one boundary to the next (its square in group 2, sums of squares);
 * MS_REGISTER_DECREASED where one runs backwards: a reset opens a new seal epoch; MS_SEAL_ORDER
 * where a leaf does not follow the one before it in its tree; MS_BOUNDARY_ADDRESS, MS_STREAM_RULE.
 */
export function sealBoundaries(owner: OwnerKeys, boundaries: Boundaries): Result<Uint8Array> {
    const { addresses, registers, previous } = boundaries;
    const { stream } = owner;
    const width = channelCount(stream);
    if (registers.length !== addresses.length * width || (previous?.length ?? width) !== width) {
        const expected = `${width} registers per boundary`;
        const got = `${registers.length} for ${addresses.length} boundaries`;
        return fail(error("MS_STREAM_RULE", { expected, got }));
    }
    const sorted = sortByTree(addresses);
    if (!sorted.ok) return sorted;
    const problem = findDisorder(sorted.value) ?? findCapBreach(stream, registers, previous);
    if (problem !== null) return fail(problem);

    const sealed = new Uint8Array(registers.length * SEALED_BYTES);
    const view = new DataView(sealed.buffer);
    let first = 0;
    for (const { group, channels } of stream.groups) {
        const shifts = owner.shiftsOf(group);
        for (const { tree, indices, positions } of sorted.value) {
            const keys = owner.keysOf(group, tree, indices);
            if (!keys.ok) return keys;
            for (let channel = 0; channel < channels; channel++) {
                const column = { width, first: first + channel, channel, shifts, positions };
                sealColumn(column, registers, keys.value, view);
            }
        }
        first += channels;
    }
    return ok(sealed);
}

/** One channel of the boundaries of one tree. */
type Column = {
    /** Registers per boundary, and which of them this is. */
    readonly width: number;
    readonly first: number;
    /** Place in the group: which shift, and which half of the key block. */
    readonly channel: number;
    readonly shifts: BigUint64Array;
    readonly positions: readonly number[];
};

/** A function of its own, and cut to 64 bits at each step: so it is compiled to machine words. */
function sealColumn(
    column: Column,
    registers: ArrayLike<bigint>,
    keys: Uint8Array,
    sealed: DataView,
): void {
    const { width, first, channel, shifts, positions } = column;
    const shift = shifts[channel] as bigint;
    const keyView = new DataView(keys.buffer, keys.byteOffset);
    for (let i = 0; i < positions.length; i++) {
        const at = (positions[i] as number) * width + first;
        const key = keyView.getBigUint64(i * KEY_BLOCK_BYTES + channel * 8);
        const mask = BigInt.asUintN(64, shift - key);
        const value = BigInt.asUintN(64, (registers[at] as bigint) + mask);
        sealed.setBigUint64(at * SEALED_BYTES, value);
    }
}

function findDisorder(sorted: readonly TreeLeaves[]): MetersealError | null {
    for (const { tree, indices, positions } of sorted) {
        for (let i = 1; i < indices.length; i++) {
            if ((indices[i] as number) > (indices[i - 1] as number)) continue;
            const where = `boundary ${positions[i]}`;
            const expected = `a leaf after ${indices[i - 1]} in tree ${tree}`;
            return error("MS_SEAL_ORDER", { where, expected, got: String(indices[i]) });
        }
    }
    return null;
}

function findCapBreach(
    stream: SealedStream,
    registers: ArrayLike<bigint>,
    previous: ArrayLike<bigint> | undefined,
): MetersealError | null {
    const caps = growthCaps(stream);
    for (let channel = 0; channel < caps.length; channel++) {
        const cap = caps[channel] as bigint;
        let before = previous?.[channel];
        for (let at = channel; at < registers.length; at += caps.length) {
            const register = registers[at] as bigint;
            if (register < 0n || register >= REGISTER_END) return capError(at, caps.length);
            const growth = before === undefined ? 0n : register - before;
            if (growth < 0n) return decreaseError(at, caps.length);
            if (growth > cap) return capError(at, caps.length);
            before = register;
        }
    }
    return null;
}

/** Largest growth of each register from one boundary to the next. */
function growthCaps(stream: SealedStream): bigint[] {
    const cap = BigInt(LIMITS.slotDelta);
    return stream.groups.flatMap(({ group, channels }) =>
        new Array<bigint>(channels).fill(group === 2 ? cap * cap : cap),
    );
}

// A register value is not part of an error: it would reach logs in plain.

function capError(at: number, width: number): MetersealError {
    const where = `boundary ${Math.floor(at / width)}, register ${at % width}`;
    const expected = `a register below 2^61 that grows by at most ${LIMITS.slotDelta}`;
    return error("MS_REGISTER_CAP", { where, expected });
}

function decreaseError(at: number, width: number): MetersealError {
    const where = `boundary ${Math.floor(at / width)}, register ${at % width}`;
    return error("MS_REGISTER_DECREASED", { where, todo: "After a reset, open a new seal epoch." });
}
