import type { UsageInterval } from "@meterseal/wallet";
import { civilDayOf, weekdayOf } from "../periods.ts";

/** A civil day on the sheet of a month. */
export type DayCell = {
    /** Days since 1970-01-01. */
    readonly civilDay: number;
    /** Column, 0 is Monday. */
    readonly weekday: number;
    /** What the day's readings say; null where the readings do not reach that day. */
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
        // A stretch without records may be longer than a day.
        const last = civilDayOf(interval.toUnix - 1, zone);
        for (let day = civilDayOf(interval.fromUnix, zone); day <= last; day++) {
            byDay.set(day, interval);
        }
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
