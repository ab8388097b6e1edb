import { FLAG } from "@meterseal/record";

/**
 * How an interval is known: measured throughout; in part or whole estimated, with nothing missing;
 * partly missing; or missing.
 */
export type Quality = "measured" | "estimated" | "partial" | "missing";

/** What else there is to know of an interval. */
export type Mark =
    /** It holds energy of the missing intervals before it as well. */
    | "catch-up"
    /** A reading of it arrived late. */
    | "late"
    /** The meter's clock was put right in it. */
    | "clock adjusted"
    /** The power was off in it. */
    | "power off";

/** Flags and none, 0 … 5: as many numbers has each list of a {@link Tally}. */
export const FLAG_COUNT = 6;

/** Boundaries of a stretch by their flags; its first boundary does not count, its last one does. */
export type Tally = {
    /** Slots from the first boundary to the last. */
    readonly slots: number;
    /** Boundaries whose slot before is a boundary too, by flag: each is one interval of a slot. */
    readonly intervals: readonly number[];
    /** Boundaries behind a hole, by flag: what they say stands for no slot. */
    readonly landings: readonly number[];
};

/**
 * Stands for {@link FLAG}.missing where a reader knows that no later register holds what flowed:
 * nothing catches up. No record carries it.
 */
export const LOST = 6;

/** True for a flag that says: no value for this interval. */
export function isUnmeasured(flag: number): boolean {
    return flag === FLAG.missing || flag === FLAG.powerOff || flag === LOST;
}

/** Slots of a stretch by how they are known; a hole between records counts as neither. */
export function knownSlots({ intervals }: Tally): {
    readonly measured: number;
    readonly estimated: number;
} {
    let measured = 0;
    for (const [flag, count] of intervals.entries()) {
        if (!isUnmeasured(flag) && flag !== FLAG.estimated) measured += count;
    }
    return { measured, estimated: intervals[FLAG.estimated] ?? 0 };
}

/** How the amount of a stretch is known. A blank is not zero: an empty stretch is missing. */
export function qualityOf(tally: Tally): Quality {
    const { estimated, measured } = knownSlots(tally);
    if (measured + estimated === 0) return "missing";
    if (measured === tally.slots) return "measured";
    return measured + estimated === tally.slots ? "estimated" : "partial";
}

const MARK_OF_FLAG: ReadonlyMap<number, Mark> = new Map([
    [FLAG.late, "late"],
    [FLAG.clockAdjusted, "clock adjusted"],
    [FLAG.powerOff, "power off"],
]);

/**
 * Marks of a stretch.
 * @param startFlag - flag of its first boundary: a register that was not read there lets in what
 * flowed before.
 */
export function marksOf({ intervals, landings }: Tally, startFlag: number): Mark[] {
    const has = (flag: number): boolean => (intervals[flag] ?? 0) + (landings[flag] ?? 0) > 0;
    const marks: Mark[] = [];
    const hasValue = [0, FLAG.clockAdjusted, FLAG.late, FLAG.estimated].some(has);
    if (startFlag === FLAG.missing && hasValue) marks.push("catch-up");
    for (const [flag, mark] of MARK_OF_FLAG) if (has(flag)) marks.push(mark);
    return marks;
}

/** Tally of a stretch of a list of boundaries, both ends named by their places in it. */
export function tallyOf(
    boundaries: readonly { readonly slot: number; readonly flag: number }[],
    from: number,
    to: number,
): Tally {
    const intervals: number[] = new Array(FLAG_COUNT).fill(0);
    const landings: number[] = new Array(FLAG_COUNT).fill(0);
    for (let i = from + 1; i <= to; i++) {
        const { flag, slot } = boundaries[i] as { slot: number; flag: number };
        const follows = slot === (boundaries[i - 1]?.slot ?? 0) + 1;
        const counts = follows ? intervals : landings;
        counts[flag] = (counts[flag] ?? 0) + 1;
    }
    const slots = (boundaries[to]?.slot ?? 0) - (boundaries[from]?.slot ?? 0);
    return { slots, intervals, landings };
}
