import {
    error,
    fail,
    formatInstant,
    type MetersealError,
    ok,
    type Result,
    slotOfUnix,
    unixOfSlot,
} from "@meterseal/core";
import { decodeEvent, EVENT_KIND, encodeEvent, type RegisterEvent } from "@meterseal/record";
import { type OwnerKeys, planEvent } from "@meterseal/seal";
import type { MeterProfile } from "./profile.ts";
import { type Boundary, boundaryFault, commitTo, sealValues } from "./sealer.ts";
import type { MeterState } from "./state.ts";

/** The registers of a device at the instant where its seal epoch ends. */
export type EpochClosing = {
    /** One register a channel, in stream units. */
    readonly registers: readonly bigint[];
    /** Instant of the registers, seconds since 1970. */
    readonly atUnix: number;
    /** One of EVENT_REASON. */
    readonly reason: number;
};

/** The registers of a device at the instant where its seal epoch begins, and what it follows. */
export type EpochOpening = EpochClosing & {
    readonly before: {
        readonly sealEpoch: number;
        /** Hash of the record that closed it, 32 bytes; absent where the old device signed none. */
        readonly closing?: Uint8Array;
        /**
         * Final registers as read off a dead device, of all channels: also its adjustments. Never
         * together with a closing.
         */
        readonly stated?: readonly bigint[];
    };
};

/** An event, and the state that must be on disk before it leaves the meter. */
export type SealedEvent = { readonly event: RegisterEvent; readonly state: MeterState };

/**
 * Seals the final registers of a device under the event tree (formats 3, 4); nothing may follow.
 * @returns MS_STREAM_RULE, MS_REGISTER_DECREASED or MS_REGISTER_CAP for the registers; MS_SEAL_ORDER
 * for an instant before what was sealed.
 */
export function sealClosing(
    profile: MeterProfile,
    keys: OwnerKeys | null,
    state: MeterState,
    closing: EpochClosing,
): Result<SealedEvent> {
    const fault = endFault(profile, state, closing.atUnix);
    if (fault !== null) return fail(fault);
    const sealed = sealEvent(profile, keys, state, { ...closing, kind: EVENT_KIND.closing });
    return sealed.ok
        ? ok({ ...sealed.value, state: { ...sealed.value.state, ended: true } })
        : sealed;
}

/**
 * Seals the initial registers of a device under the event tree, and those stated of a dead one at
 * the leaf after (formats 3, 4). Only boundaries from its instant on may follow.
 * @returns MS_SEAL_ORDER where something was sealed before; MS_STREAM_RULE or MS_REGISTER_CAP for the
 * registers; MS_MALFORMED for an epoch before that is none, or one closed and stated too.
 */
export function sealOpening(
    profile: MeterProfile,
    keys: OwnerKeys | null,
    state: MeterState,
    opening: EpochOpening,
): Result<SealedEvent> {
    if (state.nextSeq !== 1) {
        return fail(error("MS_SEAL_ORDER", { expected: "an opening before all else" }));
    }
    const { stated, ...before } = opening.before;
    const own = sealEvent(profile, keys, state, { ...opening, kind: EVENT_KIND.opening });
    if (!own.ok) return own;
    const nextSlot = firstSlotFrom(opening.atUnix, profile.stream.slotSeconds);
    const { event } = own.value;
    const opened = { ...own.value.state, seal: { ...own.value.state.seal, nextSlot } };
    if (stated === undefined) return checked({ event: { ...event, before }, state: opened });
    const other = sealEvent(
        profile,
        keys,
        { ...opened, registers: [] },
        { ...event, registers: stated },
    );
    if (!other.ok) return other;
    return checked({
        event: { ...event, before: { ...before, stated: other.value.event.values } },
        state: { ...other.value.state, registers: opened.registers },
    });
}

/** First slot boundary at or after an instant. */
export function firstSlotFrom(unix: number, slotSeconds: number): number {
    const slot = slotOfUnix(unix, slotSeconds);
    return unixOfSlot(slot, slotSeconds) < unix ? slot + 1 : slot;
}

/**
 * Why a seal epoch may not end, and the next one not begin, at an instant: MS_SEAL_ORDER before the last boundary
 * that the state knows, for what two epochs measure is in no bill; null where it may.
 * @param atUnix - seconds since 1970.
 */
export function endFault(
    profile: MeterProfile,
    state: MeterState,
    atUnix: number,
): MetersealError | null {
    const earliest = earliestEnd(profile, state);
    if (atUnix >= earliest) return null;
    const from = formatInstant(earliest, profile.stream.zone);
    const expected = `an instant from ${from} on: it was sealed until then`;
    return error("MS_SEAL_ORDER", { expected });
}

/** The last boundary; behind an opening alone the first slot after it, whose instant is not kept. */
function earliestEnd({ stream }: MeterProfile, { nextSeq, seal }: MeterState): number {
    if (nextSeq === 1) return 0;
    const hasBoundaries = seal.nextIndex.slice(0, 4).some((index) => index > 0);
    return unixOfSlot(hasBoundaries ? seal.nextSlot - 1 : seal.nextSlot, stream.slotSeconds);
}

function sealEvent(
    profile: MeterProfile,
    keys: OwnerKeys | null,
    state: MeterState,
    { atUnix, kind, reason, registers }: EpochClosing & { readonly kind: number },
): Result<SealedEvent> {
    const boundary: Boundary = { slot: state.seal.nextSlot, registers, flag: 0 };
    const fault = boundaryFault(profile.stream, state.registers, boundary);
    if (fault !== null) return fail(fault);
    const plan = planEvent(state.seal);
    if (!plan.ok) return plan;
    const { addresses } = plan.value;
    const values = sealValues(profile, keys, state, { addresses, registers: [...registers] });
    if (!values.ok) return values;
    const { committed, groups, scale, sealEpoch, stream } = profile.stream;
    const commitments = commitTo(keys, committed, { addresses, registers });
    if (!commitments.ok) return commitments;
    const event: RegisterEvent = {
        ...{ stream, sealEpoch, kind, reason, atUnix, groups },
        index: addresses[0]?.index ?? 0,
        values: values.value,
        ...(scale === 0 ? {} : { scale }),
        ...commitments.value,
    };
    return ok({ event, state: { ...state, seal: plan.value.state, registers } });
}

/** What no reader would take is not signed either. */
function checked(sealed: SealedEvent): Result<SealedEvent> {
    const read = decodeEvent(encodeEvent(sealed.event));
    return read.ok ? ok(sealed) : read;
}
