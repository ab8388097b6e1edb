import { type OpenBoundary, USAGE_LEVELS, type UsageLevel } from "@meterseal/wallet";
import { formatDate } from "../format.ts";

/** A stretch of time from one boundary of the series to another, seconds since 1970. */
export type Period = {
    readonly fromUnix: number;
    readonly toUnix: number;
    /** False at the ends of the series, where a day, week or month was cut. */
    readonly isWhole: boolean;
};

/** The civil days, weeks, months and years of a series. */
export type Calendar = {
    readonly days: readonly Period[];
    readonly weeks: readonly Period[];
    readonly months: readonly Period[];
    readonly years: readonly Period[];
};

/** Stretches that the chart shows at once. */
export const VIEWS = ["day", "week", "month", "year"] as const;

/** One of {@link VIEWS}. */
export type View = (typeof VIEWS)[number];

/** Level of the intervals in each view. */
export const LEVEL_OF_VIEW: Readonly<Record<View, UsageLevel>> = {
    day: "slot",
    week: "hour",
    month: "day",
    year: "month",
};

/** View that a bar of each view opens; a half-hour holds nothing finer. */
export const FINER_VIEW: Readonly<Record<View, View | null>> = {
    day: null,
    week: "day",
    month: "day",
    year: "month",
};

/** Seconds of an hour. */
export const HOUR_SECONDS = 3600;
/** Seconds of a day on which no clock changes. */
export const DAY_SECONDS = 86_400;

const MONTHS_A_YEAR = 12;
const DAYS_A_WEEK = 7;
/** 1970-01-01 was a Thursday: three days into a week that begins on Monday. */
const EPOCH_WEEKDAY = 3;

/**
 * Finds the civil days and months of a series by the signed levels of its boundaries, so that days
 * of 23 and 25 hours come out right without time zone arithmetic; weeks are days from Monday on,
 * years are months from January on.
 */
export function calendarOf(series: readonly OpenBoundary[], zone: string): Calendar {
    const days = cut(series, USAGE_LEVELS.day);
    const months = cut(series, USAGE_LEVELS.month);
    return {
        days,
        weeks: gather(days, ({ fromUnix }) => weekOf(fromUnix, zone), DAYS_A_WEEK),
        months,
        years: gather(months, ({ fromUnix }) => yearOf(fromUnix, zone), MONTHS_A_YEAR),
    };
}

/** Periods of a calendar by view. */
export function periodsOf(calendar: Calendar, view: View): readonly Period[] {
    const { days, weeks, months, years } = calendar;
    return { day: days, week: weeks, month: months, year: years }[view];
}

/** Periods that lie within another one. */
export function periodsWithin(periods: readonly Period[], whole: Period): readonly Period[] {
    return periods.filter(
        ({ fromUnix, toUnix }) => fromUnix >= whole.fromUnix && toUnix <= whole.toUnix,
    );
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

/** Joins neighbours of one number; whole where all that belong to it are there and whole. */
function gather(
    parts: readonly Period[],
    numberOf: (part: Period) => number,
    wanted: number,
): Period[] {
    const groups: { number: number; parts: Period[] }[] = [];
    for (const part of parts) {
        const number = numberOf(part);
        if (groups.at(-1)?.number === number) groups.at(-1)?.parts.push(part);
        else groups.push({ number, parts: [part] });
    }
    return groups.map(({ parts: members }) => ({
        fromUnix: members[0]?.fromUnix ?? 0,
        toUnix: members.at(-1)?.toUnix ?? 0,
        isWhole: members.length === wanted && members.every(({ isWhole }) => isWhole),
    }));
}

/** Number of the civil week of an instant, counted in weeks from Monday. */
function weekOf(unix: number, zone: string): number {
    return Math.floor((civilDayOf(unix, zone) + EPOCH_WEEKDAY) / DAYS_A_WEEK);
}

/** Civil year of an instant in a zone. */
export function yearOf(unix: number, zone: string): number {
    return Number(formatDate(unix, zone, { year: "numeric" }));
}

/** Civil date of an instant in a zone, as a number of days since 1970-01-01. */
export function civilDayOf(unix: number, zone: string): number {
    const part = (options: Intl.DateTimeFormatOptions): number =>
        Number(formatDate(unix, zone, options));
    const civil = Date.UTC(
        part({ year: "numeric" }),
        part({ month: "numeric" }) - 1,
        part({ day: "numeric" }),
    );
    return civil / 1000 / DAY_SECONDS;
}

/** Position in its week of a civil day of {@link civilDayOf}: 0 is Monday. */
export function weekdayOf(civilDay: number): number {
    return (civilDay + EPOCH_WEEKDAY) % DAYS_A_WEEK;
}
