import {
    type OpenBoundary,
    USAGE_LEVELS,
    type UsageInterval,
    usageOfSeries,
} from "@meterseal/wallet";
import { type Calendar, HOUR_SECONDS } from "../household/periods.ts";
import type { Step } from "./words.ts";

/** A stretch of time, seconds since 1970. */
export type Stretch = { readonly fromUnix: number; readonly toUnix: number };

/**
 * The sums that somebody sees who is granted a step over a stretch, of what was measured already:
 * exactly the numbers that the recipient computes. A total is seen when all of it was measured.
 */
export function revealedBy(
    series: readonly OpenBoundary[],
    calendar: Calendar,
    step: Step,
    { fromUnix, toUnix }: Stretch,
): readonly UsageInterval[] {
    const begins = beginsOf(calendar, step);
    const isSeen = (boundary: OpenBoundary): boolean => {
        const { unix } = boundary;
        if (step === "total") return unix === fromUnix || unix === toUnix;
        return unix >= fromUnix && unix <= toUnix && opens(boundary, step, begins);
    };
    // What is seen cuts the series as months would, what is not as slots within them.
    const marked = series.map((boundary) => ({
        ...boundary,
        level: isSeen(boundary) ? USAGE_LEVELS.month : USAGE_LEVELS.slot,
    }));
    const isCut = ({ level }: OpenBoundary): boolean => level === USAGE_LEVELS.month;
    const seen = marked.slice(marked.findIndex(isCut), marked.findLastIndex(isCut) + 1);
    return usageOfSeries(seen, "month").intervals;
}

/** First instants of weeks and years, as far as the readings do not cut them; levels tell the others. */
function beginsOf({ weeks, years }: Calendar, step: Step): ReadonlySet<number> {
    const periods = step === "week" ? weeks : step === "year" ? years : [];
    const begins = new Set(periods.map(({ fromUnix }) => fromUnix));
    const [first, last] = [periods[0], periods.at(-1)];
    if (first?.isWhole === false) begins.delete(first.fromUnix);
    if (last?.isWhole === true) begins.add(last.toUnix);
    return begins;
}

function opens({ level, unix }: OpenBoundary, step: Step, begins: ReadonlySet<number>): boolean {
    switch (step) {
        case "slot":
            return true;
        case "half-hour":
            return unix % (HOUR_SECONDS / 2) === 0;
        case "hour":
        case "day":
        case "month":
            return level >= USAGE_LEVELS[step];
        case "week":
        case "year":
            return begins.has(unix);
        case "total":
            return false;
    }
}
