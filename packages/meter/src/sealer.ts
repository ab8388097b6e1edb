import {
    error,
    fail,
    type Ladder,
    LIMITS,
    type MetersealError,
    ok,
    type Result,
} from "@meterseal/core";
import {
    channelCount,
    channelsOfGroup,
    GROUP,
    STREAM_MODE,
    type StreamDescriptor,
    type UsageBody,
} from "@meterseal/record";
import {
    commitBoundaries,
    compactAddresses,
    encodeFlags,
    type Flag,
    type OwnerKeys,
    planBoundaries,
    REGISTER_END,
    sealBoundaries,
} from "@meterseal/seal";
import type { MeterProfile } from "./profile.ts";
import type { MeterState } from "./state.ts";

/** The registers at one slot boundary. */
export type Boundary = {
    readonly slot: number;
    /** One register a channel, in stream units. */
    readonly registers: readonly bigint[];
    /** Quality of the interval that ends here; 0 = measured. */
    readonly flag: Flag;
};

/** A usage body and the state that must be on disk before it leaves the meter. */
export type SealedBatch = { readonly usage: UsageBody; readonly state: MeterState };

/**
 * Why a boundary may not follow another one: MS_STREAM_RULE for another number of registers than
 * the stream has, MS_REGISTER_DECREASED, MS_REGISTER_CAP; null where it may. Values are not quoted.
 *
 * @param stream - of which the registers are; see {@link import("./adjustments.ts").measuredOf}.
 * @param previous - registers of the boundary before; empty before the first.
 */
export function boundaryFault(
    { groups, mode }: Pick<StreamDescriptor, "groups" | "mode">,
    previous: readonly bigint[],
    boundary: Boundary,
): MetersealError | null {
    const channels = groups.flatMap((group) => Array(channelsOfGroup(group)).fill(group));
    const where = `slot ${boundary.slot}`;
    if (boundary.registers.length !== channels.length) {
        const expected = `${channels.length} registers`;
        return error("MS_STREAM_RULE", { where, expected, got: `${boundary.registers.length}` });
    }
    for (const [channel, register] of boundary.registers.entries()) {
        const growth = register - (previous[channel] ?? register);
        if (growth < 0n) return error("MS_REGISTER_DECREASED", { where });
        const cap =
            BigInt(LIMITS.slotDelta) ** (channels[channel] === GROUP.importSquares ? 2n : 1n);
        const tooFast = mode === STREAM_MODE.sealed && growth > cap;
        if (register < 0n || register >= REGISTER_END || tooFast) {
            return error("MS_REGISTER_CAP", { where });
        }
    }
    return null;
}

/** Bytes of a usage record beside its registers, their addresses and their commitments. */
const RECORD_FRAME_BYTES = 2_048;
/** Bytes of an address and a flag of a boundary, at most. */
const BOUNDARY_NOTES_BYTES = 24;

/** Boundaries of a stream that surely fit one record: {@link LIMITS.usageBoundaries} or fewer. */
export function mostBoundaries({ committed = 0, groups }: StreamDescriptor): number {
    const boundaryBytes = channelCount(groups) * 8 + committed * 32 + BOUNDARY_NOTES_BYTES;
    const fitting = Math.floor((LIMITS.recordBytes - RECORD_FRAME_BYTES) / boundaryBytes);
    return Math.min(LIMITS.usageBoundaries, fitting);
}

/**
 * Makes the usage body of consecutive boundaries: addresses, sealed (or, in an open stream, plain)
 * registers, flags, and commitments where the stream has them.
 * @returns MS_TOO_LARGE beyond {@link LIMITS.usageBoundaries}, MS_SEAL_ORDER for slots that are not
 * consecutive or were sealed before, and what {@link boundaryFault} says of the registers.
 */
export function sealBatch(
    profile: MeterProfile,
    ladder: Ladder,
    keys: OwnerKeys | null,
    state: MeterState,
    batch: readonly Boundary[],
): Result<SealedBatch> {
    const first = batch[0];
    const last = batch.at(-1);
    if (first === undefined || last === undefined || batch.length > LIMITS.usageBoundaries) {
        return fail(
            error("MS_TOO_LARGE", { expected: `1 … ${LIMITS.usageBoundaries} boundaries` }),
        );
    }
    if (batch.some((boundary, i) => boundary.slot !== first.slot + i)) {
        return fail(error("MS_SEAL_ORDER", { expected: "consecutive slots" }));
    }
    let previous = state.registers;
    for (const boundary of batch) {
        const fault = boundaryFault(profile.stream, previous, boundary);
        if (fault !== null) return fail(fault);
        previous = boundary.registers;
    }
    const plan = planBoundaries(state.seal, ladder, first.slot, batch.length);
    if (!plan.ok) return plan;
    const registers = batch.flatMap((boundary) => boundary.registers);
    const { addresses } = plan.value;
    const values = sealValues(profile, keys, state, { addresses, registers });
    if (!values.ok) return values;
    const { committed, slotSeconds } = profile.stream;
    const commitments = commitTo(keys, committed, { addresses, registers });
    if (!commitments.ok) return commitments;
    const addressed = compactAddresses(slotSeconds, first.slot, addresses);
    if (!addressed.ok) return addressed;
    const usage: UsageBody = {
        stream: profile.stream.stream,
        sealEpoch: profile.stream.sealEpoch,
        ...addressed.value,
        groups: profile.stream.groups,
        values: values.value,
        flags: encodeFlags(batch.map((boundary) => boundary.flag)),
        ...commitments.value,
        ...(profile.stream.scale === 0 ? {} : { scale: profile.stream.scale }),
        ...(profile.medium === undefined ? {} : { medium: profile.medium }),
    };
    return ok({ usage, state: { ...state, seal: plan.value.state, registers: last.registers } });
}

/** The field of the commitments to the first groups; none in a stream that has none. */
export function commitTo(
    keys: OwnerKeys | null,
    committed: number | undefined,
    boundaries: Parameters<typeof commitBoundaries>[2],
): Result<Pick<UsageBody, "commitments">> {
    if (committed === undefined || keys === null) return ok({});
    const made = commitBoundaries(keys, committed, boundaries);
    return made.ok ? ok({ commitments: made.value }) : made;
}

/** Registers of one or more boundaries as they travel: sealed, or plain in an open stream. */
export function sealValues(
    profile: MeterProfile,
    keys: OwnerKeys | null,
    state: MeterState,
    boundaries: {
        addresses: Parameters<typeof sealBoundaries>[1]["addresses"];
        registers: bigint[];
    },
): Result<UsageBody["values"]> {
    if (profile.stream.mode === STREAM_MODE.open || keys === null) {
        return ok({ mode: "open", registers: boundaries.registers });
    }
    const previous = state.registers.length === 0 ? {} : { previous: state.registers };
    const bytes = sealBoundaries(keys, { ...boundaries, ...previous });
    return bytes.ok ? ok({ mode: "sealed", bytes: bytes.value }) : bytes;
}
