import type { MediumUnit } from "@meterseal/record";
import type { UsageInterval } from "@meterseal/wallet";
import { formatDate } from "../../format.ts";
import { datesLabel, energyLabel, FULL_DATE } from "../labels.ts";
import { civilDayOf, DAY_SECONDS, weekdayOf } from "../periods.ts";

/** A civil day on the sheet of a month. */
export type DayCell = {
    /** Days since 1970-01-01. */
    readonly civilDay: number;
    /** Column, 0 is Monday. */
    readonly weekday: number;
    /** What the readings of the day, or of the stretch of days around it, say; null where they do not reach it. */
    readonly interval: UsageInterval | null;
};

/** A month as rows of weeks. */
export type MonthSheet = {
    /** 0 … 11. */
    readonly month: number;
    readonly weeks: readonly (readonly DayCell[])[];
};

const DAY_MS = 86_400_000;

/** Lays the days of a year out as twelve sheets of weeks that begin on Monday. */
export function sheetsOf(
    year: number,
    days: readonly UsageInterval[],
    zone: string,
): readonly MonthSheet[] {
    const byDay = new Map<number, UsageInterval>();
    for (const interval of days) {
        const { first, last } = daysOf(interval, zone);
        for (let day = first; day <= last; day++) byDay.set(day, interval);
    }
    return Array.from({ length: 12 }, (_, month) => {
        const first = Date.UTC(year, month) / DAY_MS;
        const end = Date.UTC(year, month + 1) / DAY_MS;
        const weeks: DayCell[][] = [];
        for (let civilDay = first; civilDay < end; civilDay++) {
            const weekday = weekdayOf(civilDay);
            if (weekday === 0 || civilDay === first) weeks.push([]);
            weeks.at(-1)?.push({ civilDay, weekday, interval: byDay.get(civilDay) ?? null });
        }
        return { month, weeks };
    });
}

/** Civil days that an interval is of: several where it is a stretch without records. */
function daysOf({ fromUnix, toUnix }: UsageInterval, zone: string) {
    return { first: civilDayOf(fromUnix, zone), last: civilDayOf(toUnix - 1, zone) };
}

/** Amount of a day in Wh; null where none was read, or only that of several days together. */
export function dayWh(
    interval: UsageInterval,
    direction: "importWh" | "exportWh",
    zone: string,
): bigint | null {
    const { first, last } = daysOf(interval, zone);
    return first === last ? interval[direction] : null;
}

/** A day and its amount in words; an amount of several days is named with all of them. */
export function dayLabel(
    civilDay: number,
    interval: UsageInterval,
    zone: string,
    unit: MediumUnit,
): string {
    const date = formatDate(civilDay * DAY_SECONDS, "UTC", FULL_DATE);
    const { first, last } = daysOf(interval, zone);
    const stretch = first === last ? "" : `, within ${datesLabel(interval, zone)}`;
    return `${date}${stretch}: ${energyLabel(interval, unit)}`;
}

/** Month of a civil day, 0 … 11. */
export function monthOf(civilDay: number): number {
    return new Date(civilDay * DAY_MS).getUTCMonth();
}

/** Civil day that a key leads to from another one; undefined for keys that lead nowhere. */
export function dayAfterKey(
    key: string,
    civilDay: number,
    days: readonly number[],
): number | undefined {
    const first = days[0];
    const last = days.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const moves: Readonly<Record<string, () => number>> = {
        ArrowLeft: () => civilDay - 1,
        ArrowRight: () => civilDay + 1,
        ArrowUp: () => civilDay - 7,
        ArrowDown: () => civilDay + 7,
        PageUp: () => sameDateIn(civilDay, -1),
        PageDown: () => sameDateIn(civilDay, 1),
        Home: () => first,
        End: () => last,
    };
    const to = moves[key]?.();
    return to === undefined ? undefined : Math.min(last, Math.max(first, to));
}

/** The same date some months on, or the last of a month that is shorter. */
function sameDateIn(civilDay: number, months: number): number {
    const date = new Date(civilDay * DAY_MS);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + months];
    const longest = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    return Date.UTC(year, month, Math.min(date.getUTCDate(), longest)) / DAY_MS;
}
