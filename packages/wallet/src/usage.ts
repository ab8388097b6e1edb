import { FLAG, LEVEL } from "@meterseal/record";
import { isUnmeasured, type OpenBoundary } from "./series.ts";

/** Ladder levels by the names that people use. */
export const USAGE_LEVELS = {
    slot: LEVEL.slot,
    hour: LEVEL.hour,
    day: LEVEL.day,
    month: LEVEL.month,
} as const;

/** Name of a level. */
export type UsageLevel = keyof typeof USAGE_LEVELS;

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

/** Energy between two boundaries. */
export type UsageInterval = {
    /** Seconds since 1970. */
    readonly fromUnix: number;
    readonly toUnix: number;
    /** Null where nothing was measured: a blank is not zero. */
    readonly importWh: bigint | null;
    /** Null where nothing was measured or the stream has no export register. */
    readonly exportWh: bigint | null;
    readonly quality: Quality;
    readonly marks: readonly Mark[];
};

/** What a household used over a range. */
export type Usage = {
    readonly level: UsageLevel;
    readonly intervals: readonly UsageInterval[];
    /** Register at the last boundary of the range less the one at its first, exact. */
    readonly totalImportWh: bigint;
    readonly totalExportWh: bigint | null;
    /** Measured slots of the range that was asked for, 0 … 1; slots without any record count. */
    readonly coverage: number;
    /** Estimated slots among them, 0 … 1, by the meter or by the reader. */
    readonly estimated: number;
};

/**
 * Cuts an opened series into the intervals of a level. Intervals lie between boundaries of that
 * level or coarser, so months, days and hours are civil ones; the first and last may be shorter.
 * Their sum is the register difference exactly.
 */
export function usageOfSeries(
    series: readonly OpenBoundary[],
    level: UsageLevel,
    fromUnix: number = Number.NEGATIVE_INFINITY,
    toUnix: number = Number.POSITIVE_INFINITY,
): Usage {
    const range = series.filter(({ unix }) => unix >= fromUnix && unix <= toUnix);
    const cuts: number[] = [];
    range.forEach((boundary, i) => {
        const isEnd = i === 0 || i === range.length - 1;
        if (isEnd || boundary.level >= USAGE_LEVELS[level]) cuts.push(i);
    });
    const intervals: UsageInterval[] = [];
    for (let i = 1; i < cuts.length; i++) {
        intervals.push(intervalOf(range, cuts[i - 1] as number, cuts[i] as number));
    }
    const first = range[0];
    const last = range.at(-1);
    const slots = slotsBetween(series, fromUnix, toUnix);
    const { estimated, measured } = countSlots(range, 0, range.length - 1);
    return {
        level,
        intervals,
        totalImportWh: (last?.importWh ?? 0n) - (first?.importWh ?? 0n),
        totalExportWh: difference(first?.exportWh ?? null, last?.exportWh ?? null),
        coverage: slots <= 0 ? 0 : measured / slots,
        estimated: slots <= 0 ? 0 : estimated / slots,
    };
}

function intervalOf(range: readonly OpenBoundary[], from: number, to: number): UsageInterval {
    const start = range[from] as OpenBoundary;
    const end = range[to] as OpenBoundary;
    const { estimated, measured } = countSlots(range, from, to);
    const quality = qualityOf(measured, estimated, end.slot - start.slot);
    // A blank is not zero; what a register moved by in it all the same is counted where it landed.
    const known = (moved: bigint | null): bigint | null =>
        quality === "missing" && moved === 0n ? null : moved;
    return {
        fromUnix: start.unix,
        toUnix: end.unix,
        importWh: known(end.importWh - start.importWh),
        exportWh: known(difference(start.exportWh, end.exportWh)),
        quality,
        marks: marksOf(range, from, to),
    };
}

function qualityOf(measured: number, estimated: number, slots: number): Quality {
    if (measured === slots) return "measured";
    if (measured + estimated === slots) return "estimated";
    return measured + estimated > 0 ? "partial" : "missing";
}

const MARK_OF_FLAG: ReadonlyMap<number, Mark> = new Map([
    [FLAG.late, "late"],
    [FLAG.clockAdjusted, "clock adjusted"],
    [FLAG.powerOff, "power off"],
]);

function marksOf(range: readonly OpenBoundary[], from: number, to: number): Mark[] {
    const flags = new Set(range.slice(from + 1, to + 1).map(({ flag }) => flag));
    const marks: Mark[] = [];
    // A register that was not read at the start lets in what flowed before.
    const hasValue = [...flags].some((flag) => !isUnmeasured(flag));
    if (range[from]?.flag === FLAG.missing && hasValue) marks.push("catch-up");
    for (const [flag, mark] of MARK_OF_FLAG) if (flags.has(flag)) marks.push(mark);
    return marks;
}

/** Whole slots of a range; a side that is open ends with the series. */
function slotsBetween(series: readonly OpenBoundary[], fromUnix: number, toUnix: number): number {
    const first = series[0];
    const last = series.at(-1);
    if (first === undefined || last === undefined || last.slot === first.slot) return 0;
    const slotSeconds = (last.unix - first.unix) / (last.slot - first.slot);
    const slotsTo = (unix: number): number => (unix - first.unix) / slotSeconds;
    const from = Number.isFinite(fromUnix) ? Math.ceil(slotsTo(fromUnix)) : 0;
    const to = Number.isFinite(toUnix) ? Math.floor(slotsTo(toUnix)) : last.slot - first.slot;
    return to - from;
}

/** Slots between two boundaries by how they are known; a hole between records counts as neither. */
function countSlots(
    range: readonly OpenBoundary[],
    from: number,
    to: number,
): { readonly measured: number; readonly estimated: number } {
    let measured = 0;
    let estimated = 0;
    for (let i = from + 1; i <= to; i++) {
        const { flag, slot } = range[i] as OpenBoundary;
        const before = range[i - 1] as OpenBoundary;
        if (slot !== before.slot + 1 || isUnmeasured(flag)) continue;
        if (flag === FLAG.estimated) estimated++;
        else measured++;
    }
    return { measured, estimated };
}

function difference(from: bigint | null, to: bigint | null): bigint | null {
    return from === null || to === null ? null : to - from;
}
