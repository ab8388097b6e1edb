import { FLAG } from "@meterseal/record";
import type { Period } from "./prices.ts";
import { beginSlot, endSlot, type RecordedBoundary, type RecordedEpoch } from "./recorded.ts";

/** Why an interval was not measured as it flowed. */
export type Gap =
    | "missing"
    | "power off"
    | "clock adjusted"
    | "late"
    | "estimated"
    /** No boundary was recorded: what flowed is in the next recorded interval. */
    | "not recorded"
    /** Between two devices, or before the first reading: in no bill over commitments. */
    | "not in the bill";

/** Consecutive slots of one kind. */
export type GapRun = { readonly fromSlot: number; readonly toSlot: number; readonly gap: Gap };

/** How much of a period was measured; a blank is not zero. */
export type Coverage = {
    readonly slots: number;
    /** Slots whose interval was measured. */
    readonly measured: number;
    readonly runs: readonly GapRun[];
};

const GAPS: ReadonlyMap<number, Gap> = new Map([
    [FLAG.missing, "missing"],
    [FLAG.powerOff, "power off"],
    [FLAG.clockAdjusted, "clock adjusted"],
    [FLAG.late, "late"],
    [FLAG.estimated, "estimated"],
]);

/** Gaps that hold no value of their own; what is late or estimated has one. */
const UNMEASURED: ReadonlySet<Gap> = new Set([
    "missing",
    "power off",
    "not recorded",
    "not in the bill",
]);

/** Whether an interval of a flag was measured as it flowed; else its register stands still. */
export function isMeasured(flag: number): boolean {
    return hasValue(GAPS.get(flag) ?? null);
}

/** What the signed records say of the intervals of a period. */
export function coverageOf(epochs: readonly RecordedEpoch[], period: Period): Coverage {
    const gaps = gapsOf(epochs, period);
    return {
        slots: gaps.length,
        measured: gaps.filter(hasValue).length,
        runs: runsOf(gaps, period.fromSlot),
    };
}

function hasValue(gap: Gap | null): boolean {
    return gap === null || !UNMEASURED.has(gap);
}

/** What is wrong with each interval; null where it was measured as it flowed. */
function gapsOf(
    epochs: readonly RecordedEpoch[],
    { fromSlot, slotSeconds, toSlot }: Period,
): (Gap | null)[] {
    const gaps = new Array<Gap | null>(toSlot - fromSlot).fill("not in the bill");
    for (const { boundaries } of epochs) {
        for (let i = 1; i < boundaries.length; i++) {
            const before = boundaries[i - 1] as RecordedBoundary;
            const { atUnix, flag } = boundaries[i] as RecordedBoundary;
            const first = Math.max(beginSlot(before.atUnix, slotSeconds), fromSlot);
            const last = endSlot(atUnix, slotSeconds);
            for (let slot = first; slot <= Math.min(last, toSlot - 1); slot++) {
                gaps[slot - fromSlot] = slot < last ? "not recorded" : (GAPS.get(flag) ?? null);
            }
        }
    }
    return gaps;
}

function runsOf(gaps: readonly (Gap | null)[], fromSlot: number): GapRun[] {
    const runs: GapRun[] = [];
    for (const [i, gap] of gaps.entries()) {
        if (gap === null) continue;
        const slot = fromSlot + i;
        const last = runs.at(-1);
        if (last?.gap === gap && last.toSlot === slot) {
            runs[runs.length - 1] = { ...last, toSlot: slot + 1 };
        } else runs.push({ fromSlot: slot, toSlot: slot + 1, gap });
    }
    return runs;
}
