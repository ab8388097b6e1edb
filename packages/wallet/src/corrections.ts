import { error, fail, ok, type Result, unixOfSlot } from "@meterseal/core";
import { type Fault, recordName } from "@meterseal/ledger";
import { type Correction, type CorrectionNote, GROUP, type MeterRecord } from "@meterseal/record";
import { type OwnerKeys, openNote } from "@meterseal/seal";
import type { Adjusted, OpenEpoch } from "./epoch.ts";

/** A correction as its record has it, opened. */
export type EnteredCorrection = {
    readonly record: MeterRecord;
    readonly correction: Correction;
    readonly note: CorrectionNote;
};

/** A correction of a household's registers, as its meter entered it. */
export type OwnCorrection = {
    /** When it was entered, by the meter's clock; seconds since 1970. */
    readonly enteredUnix: number;
    /** The interval that was metered wrong. */
    readonly fromUnix: number;
    readonly toUnix: number;
    /** Whole Wh; finer units are rounded down. */
    readonly plusWh: bigint;
    readonly minusWh: bigint;
    readonly reason: string;
    /** Instant of the first registers that count it; null before the next reading. */
    readonly countedUnix: number | null;
};

/**
 * Opens the note of a correction.
 * @param keys - of its seal epoch; null for an open stream.
 * @returns MS_CORRECTION for a stream without adjustments, or for a note that is plain in a sealed
 * stream; MS_UNSEAL, MS_MALFORMED as {@link openNote}.
 */
export function openCorrection(
    correction: Correction,
    groups: readonly number[],
    keys: OwnerKeys | null,
): Result<CorrectionNote> {
    const { fromSlot, values } = correction;
    if (!groups.includes(GROUP.adjustments)) {
        return fail(error("MS_CORRECTION", { expected: "a stream with adjustments (group 15)" }));
    }
    if (values.mode === "open" && keys === null) return ok(values.note);
    if (values.mode === "sealed" && keys !== null) {
        return openNote(keys, { index: values.index, fromSlot }, values.bytes);
    }
    const expected = `a note as the stream is: ${keys === null ? "open" : "sealed"}`;
    return fail(error("MS_CORRECTION", { expected, got: values.mode }));
}

/** Corrections by the order of their records. */
export function ownCorrections(
    epochs: readonly OpenEpoch[],
    slotSeconds: number,
    toWh: (units: bigint) => bigint,
): OwnCorrection[] {
    return epochs.flatMap(({ boundaries, closing, corrections }) => {
        if (corrections.length === 0) return [];
        const slots = boundaries.map(({ slot }) => slot).sort((a, b) => a - b);
        const closedUnix = closing?.event.atUnix ?? null;
        return corrections.map(({ correction, note, record }) => {
            const slot = firstFrom(slots, correction.fromSlot);
            return {
                enteredUnix: record.timeUnix,
                fromUnix: note.fromUnix,
                toUnix: note.toUnix,
                plusWh: toWh(note.plus),
                minusWh: toWh(note.minus),
                reason: note.reason,
                countedUnix: slot === null ? closedUnix : unixOfSlot(slot, slotSeconds),
            };
        });
    });
}

/** First of ascending slots at or after another; null where there is none. */
function firstFrom(slots: readonly number[], slot: number): number | null {
    let [low, high] = [0, slots.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if ((slots[middle] as number) < slot) low = middle + 1;
        else high = middle;
    }
    return slots[low] ?? null;
}

/**
 * Whether the adjustments of each seal epoch grow by what its notes say, where they say so, and never
 * run backwards; and whether each note has a leaf of its own.
 */
export function correctionFaults(epochs: readonly OpenEpoch[], slotSeconds: number): Fault[] {
    return epochs.flatMap((epoch) => [
        ...repeatedLeaves(epoch.corrections),
        ...unexplained(epoch, slotSeconds),
    ]);
}

function repeatedLeaves(corrections: readonly EnteredCorrection[]): Fault[] {
    const seen = new Set<number>();
    return corrections.flatMap(({ correction: { values }, record }) => {
        if (values.mode === "open") return [];
        const isRepeated = seen.has(values.index);
        seen.add(values.index);
        const where = recordName(record);
        const expected = "a note under a leaf of its own";
        return isRepeated ? [{ error: error("MS_RESEALED", { where, expected }), where }] : [];
    });
}

/** Registers at one instant, and up to which slot the corrections are in them. */
type Step = { readonly unix: number; readonly slot: number; readonly adjusted: Adjusted | null };

function unexplained(epoch: OpenEpoch, slotSeconds: number): Fault[] {
    const { boundaries, closing, corrections, opening } = epoch;
    const hasNone = boundaries.every(({ adjusted }) => adjusted === null);
    if (hasNone && (closing?.adjusted ?? null) === null) return [];
    const steps: Step[] = [...boundaries]
        .sort((a, b) => a.slot - b.slot)
        .map(({ adjusted, slot }) => ({ adjusted, slot, unix: unixOfSlot(slot, slotSeconds) }));
    if (closing !== null) {
        const { adjusted, event } = closing;
        steps.push({ adjusted, slot: Number.POSITIVE_INFINITY, unix: event.atUnix });
    }
    const sorted = corrections.toSorted((a, b) => a.correction.fromSlot - b.correction.fromSlot);
    const faults: Fault[] = [];
    let next = 0;
    let before: Adjusted = opening?.adjusted ?? { plus: 0n, minus: 0n };
    for (const { adjusted, slot, unix } of steps) {
        if (adjusted === null) continue;
        const start = next;
        for (let each = sorted[next]; each !== undefined; each = sorted[++next]) {
            if (each.correction.fromSlot > slot) break;
        }
        const entered = sorted.slice(start, next);
        const fault = stepFault(before, adjusted, entered);
        if (fault !== null) {
            const where = `adjustments at ${new Date(unix * 1000).toISOString()}`;
            const { code, expected } = fault;
            faults.push({ error: error(code, { where, expected }), where });
        }
        before = adjusted;
    }
    return faults;
}

function stepFault(before: Adjusted, now: Adjusted, entered: readonly EnteredCorrection[]) {
    const plus = now.plus - before.plus;
    const minus = now.minus - before.minus;
    if (plus < 0n || minus < 0n) {
        const expected = "registers that never run backwards";
        return { code: "MS_REGISTER_DECREASED", expected } as const;
    }
    const said = (of: (note: CorrectionNote) => bigint): bigint =>
        entered.reduce((sum, { note }) => sum + of(note), 0n);
    const isSaid = plus === said((note) => note.plus) && minus === said((note) => note.minus);
    return isSaid
        ? null
        : ({ code: "MS_CORRECTION", expected: "a growth that its notes explain" } as const);
}
