import {
    type OpenBoundary,
    type Usage,
    type UsageInterval,
    usageOfSeries,
} from "@meterseal/wallet";
import { formatDate } from "../format.ts";
import { type Calendar, type Period, periodsOf, periodsWithin, type View } from "./periods.ts";

/** A period beside the one before it, or why the two cannot be compared. */
export type Comparison =
    /** The series begins with this period. */
    | { readonly kind: "first" }
    /** The period before lies only partly within the series. */
    | { readonly kind: "cut"; readonly before: Period }
    /** Too much was not read in one of the two; `isBefore` tells in which. */
    | { readonly kind: "gaps"; readonly before: Period; readonly isBefore: boolean }
    | {
          readonly kind: "compared";
          /** The stretch compared with: of a running period, only as much of the one before. */
          readonly before: Period;
          readonly usage: Usage;
          /** Change of the mean power: 0.1 is ten per cent more. Null where nothing was used before. */
          readonly change: number | null;
          /** False where the compared stretch is not the whole period before. */
          readonly isWholeBefore: boolean;
      };

/** Share of a period that must be measured, or its total says too little. */
const COMPARABLE_COVERAGE = 0.99;

/**
 * Compares a period with the one before it by mean power, so that months of 28 and 31 days and days
 * of 23 and 25 hours are measured alike. A period that still runs meets the same stretch of the one
 * before: as many whole days, and as much of the last one.
 * @param now - usage of the period itself.
 */
export function compareWithBefore(
    series: readonly OpenBoundary[],
    calendar: Calendar,
    view: View,
    position: number,
    now: Usage,
): Comparison {
    const periods = periodsOf(calendar, view);
    const period = periods[position];
    const whole = periods[position - 1];
    if (period === undefined || whole === undefined) return { kind: "first" };
    if (!whole.isWhole) return { kind: "cut", before: whole };
    const before = period.isWhole ? whole : sameStretch(period, whole, calendar);
    if (now.coverage < COMPARABLE_COVERAGE) return { kind: "gaps", before, isBefore: false };
    const then = usageOfSeries(series, now.level, before.fromUnix, before.toUnix);
    if (then.coverage < COMPARABLE_COVERAGE) return { kind: "gaps", before, isBefore: true };
    return {
        kind: "compared",
        before,
        usage: then,
        change: changeOf(meanPower(now, period), meanPower(then, before)),
        isWholeBefore: before.toUnix === whole.toUnix,
    };
}

/** The part of the period before that is as long, in civil days and time of day, as a running one. */
function sameStretch(period: Period, whole: Period, { days }: Calendar): Period {
    const passed = periodsWithin(days, period);
    const last = passed.at(-1);
    const match = periodsWithin(days, whole)[passed.length - 1];
    if (last === undefined || match === undefined) return whole;
    const toUnix = last.isWhole
        ? match.toUnix
        : Math.min(match.toUnix, match.fromUnix + last.toUnix - last.fromUnix);
    return { fromUnix: whole.fromUnix, toUnix, isWhole: toUnix === whole.toUnix };
}

/** Watt-hours per second; a ratio of two of them needs no other unit. */
function meanPower({ totalImportWh }: Usage, { fromUnix, toUnix }: Period): number {
    return Number(totalImportWh) / (toUnix - fromUnix);
}

function changeOf(now: number, then: number): number | null {
    return then === 0 ? null : now / then - 1;
}

/** What is the same in two intervals that stand beside one another. */
const PLACES: Readonly<Record<View, Intl.DateTimeFormatOptions>> = {
    day: { hour: "2-digit", minute: "2-digit" },
    week: { weekday: "short", hour: "2-digit", minute: "2-digit" },
    month: { day: "numeric" },
    year: { month: "short" },
};

/**
 * Puts beside each interval the one of the same civil place in the period before: the same time of
 * day, weekday, day of the month or month. Null where there is none, such as on the 31st.
 */
export function alignBefore(
    intervals: readonly UsageInterval[],
    before: readonly UsageInterval[],
    view: View,
    zone: string,
): readonly (UsageInterval | null)[] {
    const placeOf = ({ fromUnix }: UsageInterval): string =>
        formatDate(fromUnix, zone, PLACES[view]);
    const places = new Map<string, UsageInterval>();
    for (const interval of before) {
        const place = placeOf(interval);
        if (!places.has(place)) places.set(place, interval);
    }
    return intervals.map((interval) => places.get(placeOf(interval)) ?? null);
}
