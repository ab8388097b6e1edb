import { bytesEqual, error, fail, LIMITS, ok, type Result, sha256 } from "@meterseal/core";
import {
    type Correction,
    type CorrectionNote,
    channelsOfGroup,
    decodeCorrection,
    encodeCorrectionNote,
    GROUP,
    isReason,
    type StreamDescriptor,
} from "@meterseal/record";
import { type OwnerKeys, planEvent, REGISTER_END, sealNote } from "@meterseal/seal";
import type { MeterProfile } from "./profile.ts";
import type { MeterState } from "./state.ts";

/** Registers of a stream that count corrections and not energy: plus and minus, or none. */
export function adjustmentCount({ groups }: Pick<StreamDescriptor, "groups">): number {
    return groups.includes(GROUP.adjustments) ? channelsOfGroup(GROUP.adjustments) : 0;
}

/** The stream without its adjustments, which a meter counts itself: what is given to it. */
export function measuredOf(stream: StreamDescriptor): Pick<StreamDescriptor, "groups" | "mode"> {
    const { groups, mode } = stream;
    return { groups: groups.filter((group) => group !== GROUP.adjustments), mode };
}

/** A correction, and the state that must be on disk before it leaves the meter. */
export type SealedCorrection = { readonly correction: Correction; readonly state: MeterState };

/**
 * Enters a correction: from the next boundary on the adjustment registers are higher. The note about it
 * is sealed under a leaf of the event tree, which nothing else takes.
 * @returns MS_STREAM_RULE for a stream without adjustment registers; MS_CORRECTION for a note without
 * reason, amount or interval of the past, or before the first reading; MS_REGISTER_CAP where corrections before one boundary exceed
 * {@link LIMITS.slotDelta}; MS_SEAL_ORDER where the event tree is used up.
 */
export function sealCorrection(
    { stream }: MeterProfile,
    keys: OwnerKeys | null,
    state: MeterState,
    note: CorrectionNote,
): Result<SealedCorrection> {
    if (adjustmentCount(stream) === 0) {
        const expected = "a stream with adjustments (group 15)";
        return fail(error("MS_STREAM_RULE", { expected, got: `groups ${stream.groups.join()}` }));
    }
    const adjustments = [note.plus, note.minus].map(
        (amount, channel) => amount + (state.adjustments[channel] ?? 0n),
    );
    const fault = noteFault(note) ?? capFault(state, adjustments) ?? orderFault(state);
    if (fault !== null) return fail(fault);
    const plan = planEvent(state.seal);
    if (!plan.ok) return plan;
    const fromSlot = state.seal.nextSlot;
    const index = plan.value.addresses[0]?.index ?? 0;
    const sealed = keys === null ? null : sealNote(keys, { index, fromSlot }, note);
    if (sealed !== null && !sealed.ok) return sealed;
    const values: Correction["values"] =
        sealed === null ? { mode: "open", note } : { mode: "sealed", index, bytes: sealed.value };
    const entered = [...state.corrections, { seq: state.nextSeq, hash: noteHash(note) }];
    const corrections = entered.slice(-LIMITS.rememberedCorrections);
    return ok({
        correction: { stream: stream.stream, sealEpoch: stream.sealEpoch, fromSlot, values },
        state: { ...state, seal: plan.value.state, adjustments, corrections },
    });
}

function noteFault({ fromUnix, minus, plus, reason, toUnix }: CorrectionNote) {
    const expected =
        plus < 0n || minus < 0n || plus + minus === 0n
            ? "an amount above zero"
            : !isReason(reason)
              ? `a reason in one line of at most ${LIMITS.correctionCharacters} characters`
              : fromUnix < 0 || toUnix <= fromUnix
                ? "an interval that ends after it begins"
                : null;
    return expected === null ? null : error("MS_CORRECTION", { expected });
}

/** Registers of the boundary before bound the growth to the next one. */
function capFault({ registers }: MeterState, adjustments: readonly bigint[]) {
    const before = registers.slice(-adjustments.length);
    const isBeyond = adjustments.some(
        (register, channel) =>
            register >= REGISTER_END ||
            register - (before[channel] ?? 0n) > BigInt(LIMITS.slotDelta),
    );
    if (!isBeyond) return null;
    const expected = `corrections of at most ${LIMITS.slotDelta} units before the next reading`;
    return error("MS_REGISTER_CAP", { expected });
}

/** Hash by which a meter knows a note again, 32 bytes: of its amount, its interval and its reason. */
export function noteHash(note: CorrectionNote): Uint8Array {
    return sha256(encodeCorrectionNote(note));
}

/** A correction counts as a growth between two boundaries: before the first one there is none to count in. */
function orderFault({ registers }: MeterState) {
    if (registers.length > 0) return null;
    const expected = "a correction behind the first record with a register";
    const todo = "Send the meter's first readings before: by meterseal meter run, or its bridge.";
    return error("MS_CORRECTION", { expected, todo });
}

/** Whether the body of a record enters a correction with just this note. */
export function entersNote(keys: OwnerKeys | null, body: unknown, note: CorrectionNote): boolean {
    const correction = decodeCorrection(body);
    if (!correction.ok) return false;
    const { fromSlot, values } = correction.value;
    const [own, other] =
        values.mode === "open"
            ? [ok(encodeCorrectionNote(note)), encodeCorrectionNote(values.note)]
            : keys === null
              ? [null, values.bytes]
              : [sealNote(keys, { index: values.index, fromSlot }, note), values.bytes];
    return own?.ok === true && bytesEqual(own.value, other);
}
