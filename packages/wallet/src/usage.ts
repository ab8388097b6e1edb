import { LEVEL } from "@meterseal/record";
import { knownSlots, type Mark, marksOf, type Quality, qualityOf, tallyOf } from "@meterseal/seal";
import type { OpenBoundary } from "./series.ts";

/** Ladder levels by the names that people use. */
export const USAGE_LEVELS = {
    slot: LEVEL.slot,
    hour: LEVEL.hour,
    day: LEVEL.day,
    month: LEVEL.month,
} as const;

/** Name of a level. */
export type UsageLevel = keyof typeof USAGE_LEVELS;

/** Energy between two boundaries. */
export type UsageInterval = {
    /** Seconds since 1970. */
    readonly fromUnix: number;
    readonly toUnix: number;
    /** Null where nothing was measured: a blank is not zero. */
    readonly importWh: bigint | null;
    /** Null where nothing was measured or the stream has no export register. */
    readonly exportWh: bigint | null;
    /**
     * What corrections that count from here on add (below zero: take away), whichever interval they
     * correct; absent in a stream without adjustments.
     */
    readonly correctionWh?: bigint;
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
    /** Corrections that count in the range; absent in a stream without adjustments. */
    readonly totalCorrectionWh?: bigint;
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
    const totalCorrectionWh = correctionBetween(first, last);
    const { estimated, measured } = knownSlots(tallyOf(range, 0, range.length - 1));
    return {
        level,
        intervals,
        totalImportWh: (last?.importWh ?? 0n) - (first?.importWh ?? 0n),
        totalExportWh: difference(first?.exportWh ?? null, last?.exportWh ?? null),
        ...(totalCorrectionWh === undefined ? {} : { totalCorrectionWh }),
        coverage: slots <= 0 ? 0 : measured / slots,
        estimated: slots <= 0 ? 0 : estimated / slots,
    };
}

function intervalOf(range: readonly OpenBoundary[], from: number, to: number): UsageInterval {
    const start = range[from] as OpenBoundary;
    const end = range[to] as OpenBoundary;
    const tally = tallyOf(range, from, to);
    const quality = qualityOf(tally);
    const correctionWh = correctionBetween(start, end);
    // A blank is not zero; what a register moved by in it all the same is counted where it landed.
    const known = (moved: bigint | null): bigint | null =>
        quality === "missing" && moved === 0n ? null : moved;
    return {
        fromUnix: start.unix,
        toUnix: end.unix,
        importWh: known(end.importWh - start.importWh),
        exportWh: known(difference(start.exportWh, end.exportWh)),
        ...(correctionWh === undefined ? {} : { correctionWh }),
        quality,
        marks: marksOf(tally, start.flag),
    };
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

function difference(from: bigint | null, to: bigint | null): bigint | null {
    return from === null || to === null ? null : to - from;
}

function correctionBetween(
    from: OpenBoundary | undefined,
    to: OpenBoundary | undefined,
): bigint | undefined {
    if (from?.adjusted === undefined || to?.adjusted === undefined) return undefined;
    const netWh = ({ minusWh, plusWh }: NonNullable<OpenBoundary["adjusted"]>): bigint =>
        plusWh - minusWh;
    return netWh(to.adjusted) - netWh(from.adjusted);
}
