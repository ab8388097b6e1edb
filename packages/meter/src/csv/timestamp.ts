import { CIVIL_END_UNIX, CIVIL_START_UNIX } from "@meterseal/core";
import { BadRow } from "./bad-row.ts";

const TIMESTAMP =
    /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.0+)?)?(?:(Z)|([+-])(\d{2}):(\d{2}))?$/;

/**
 * Instant of an ISO 8601 timestamp with `Z` or an offset, in seconds since 1970.
 * One without offset is refused: it names two instants, or none, when clocks change.
 */
export function parseTimestamp(text: string): number | BadRow {
    const match = TIMESTAMP.exec(text);
    if (match === null) {
        return new BadRow("a timestamp such as 2026-03-29T03:00:00+02:00 in whole seconds", text);
    }
    const [, date = "", hour, minute, second = "0", zulu, sign, offsetHour, offsetMinute] = match;
    if (zulu === undefined && sign === undefined) {
        const why = "without it the hours in which clocks change are not clear";
        return new BadRow(`a timestamp with Z or an offset such as +01:00 (${why})`, text);
    }
    const day = parseDay(date);
    const clock = [Number(hour), Number(minute), Number(second)] as const;
    const offset = [Number(offsetHour ?? 0), Number(offsetMinute ?? 0)] as const;
    const isClock = clock[0] < 24 && clock[1] < 60 && clock[2] < 60;
    if (day === null || !isClock || offset[0] > 23 || offset[1] > 59) {
        return new BadRow("a date, a time of day and an offset that exist", text);
    }
    const offsetSeconds = (sign === "-" ? -60 : 60) * (offset[0] * 60 + offset[1]);
    const unix = day + clock[0] * 3600 + clock[1] * 60 + clock[2] - offsetSeconds;
    if (unix < CIVIL_START_UNIX || unix >= CIVIL_END_UNIX) {
        return new BadRow("a timestamp of the years 2000 to 2099", text);
    }
    return unix;
}

/** First second of a day `YYYY-MM-DD` in UTC, since 1970; null where the calendar has no such day. */
export function parseDay(date: string): number | null {
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return null;
    const ms = Date.parse(`${date}T00:00:00Z`);
    // A day that the month does not have is either no time at all or rolls over to another date.
    if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== date) return null;
    return ms / 1000;
}
