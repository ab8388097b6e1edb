import { type OpenBoundary, USAGE_LEVELS, type UsageLevel } from "@meterseal/wallet";
import { formatDate } from "../format.ts";

/** A stretch of time from one boundary of the series to another, seconds since 1970. */
export type Period = {
    readonly fromUnix: number;
    readonly toUnix: number;
    /** False at the ends of the series, where a day, week or month was cut. */
    readonly isWhole: boolean;
};

/** The civil days, weeks and months of a series. */
export type Calendar = {
    readonly days: readonly Period[];
    readonly weeks: readonly Period[];
    readonly months: readonly Period[];
};

/** Stretches that the chart shows at once. */
export const VIEWS = ["day", "week", "month"] as const;

/** One of {@link VIEWS}. */
export type View = (typeof VIEWS)[number];

/** Level of the intervals in each view. */
export const LEVEL_OF_VIEW: Readonly<Record<View, UsageLevel>> = {
    day: "slot",
    week: "hour",
    month: "day",
};

const DAY_SECONDS = 86_400;
/** 1970-01-01 was a Thursday: three days into a week that begins on Monday. */
const EPOCH_WEEKDAY = 3;

/**
 * Finds the civil days and months of a series by the signed levels of its boundaries, so that days
 * of 23 and 25 hours come out right without time zone arithmetic; weeks are days from Monday on.
 */
export function calendarOf(series: readonly OpenBoundary[], zone: string): Calendar {
    const days = cut(series, USAGE_LEVELS.day);
    return { days, weeks: weeksOf(days, zone), months: cut(series, USAGE_LEVELS.month) };
}

/** Periods of a calendar by view. */
export function periodsOf(calendar: Calendar, view: View): readonly Period[] {
    return { day: calendar.days, week: calendar.weeks, month: calendar.months }[view];
}

/** Position of the period that holds an instant; the nearest one where none does, −1 of none. */
export function indexAt(periods: readonly Period[], unix: number): number {
    const after = periods.findIndex((period) => unix < period.toUnix);
    return after < 0 ? periods.length - 1 : after;
}

function cut(series: readonly OpenBoundary[], level: number): Period[] {
    const last = series.length - 1;
    const ends = series.filter((boundary, i) => i === 0 || i === last || boundary.level >= level);
    return ends.slice(1).map((end, i) => {
        const start = ends[i] as OpenBoundary;
        const isWhole = start.level >= level && end.level >= level;
        return { fromUnix: start.unix, toUnix: end.unix, isWhole };
    });
}

function weeksOf(days: readonly Period[], zone: string): Period[] {
    const weeks: { week: number; days: Period[] }[] = [];
    for (const day of days) {
        const week = weekOf(day.fromUnix, zone);
        if (weeks.at(-1)?.week === week) weeks.at(-1)?.days.push(day);
        else weeks.push({ week, days: [day] });
    }
    return weeks.map(({ days: members }) => ({
        fromUnix: members[0]?.fromUnix ?? 0,
        toUnix: members.at(-1)?.toUnix ?? 0,
        isWhole: members.length === 7 && members.every(({ isWhole }) => isWhole),
    }));
}

/** Number of the civil week of an instant, counted in weeks from Monday. */
function weekOf(unix: number, zone: string): number {
    const part = (options: Intl.DateTimeFormatOptions): number =>
        Number(formatDate(unix, zone, options));
    const civil = Date.UTC(
        part({ year: "numeric" }),
        part({ month: "numeric" }) - 1,
        part({ day: "numeric" }),
    );
    return Math.floor((civil / 1000 / DAY_SECONDS + EPOCH_WEEKDAY) / 7);
}
