import { error } from "../errors.ts";
import { fail, ok, type Result } from "../result.ts";
import { readZoneOffsets } from "./zone-offsets.ts";

const INSTANT =
    /^(\d{4}-\d{2}-\d{2})(?:[T ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * Instant of an ISO 8601 text in seconds since 1970: a date (its first instant in the zone), a date
 * and time of day in the zone, or a date and time with `Z` or an offset such as `+02:00`.
 * @returns MS_USAGE where the text is none of these, or names a civil time that the zone skips or
 * shows twice; MS_ZONE where the zone is unknown.
 * @example parseInstant("2026-03-29T03:00", "Europe/Berlin"); // { ok: true, value: 1774746000 }
 */
export function parseInstant(text: string, zone: string): Result<number> {
    const match = INSTANT.exec(text);
    if (match === null) {
        const expected = "a date, or a date and time such as 2026-03-29T03:00+02:00";
        return fail(error("MS_USAGE", { expected, got: JSON.stringify(text.slice(0, 64)) }));
    }
    const [, date = "", time, offset] = match;
    try {
        return ok(Math.floor(instantOf(date, time, offset, zone) / 1000));
    } catch (cause) {
        const known = readZoneOffsets(zone);
        if (!known.ok) return known;
        const todo =
            offset === undefined && isDate(date)
                ? `In ${zone} this time does not exist or comes twice: add an offset such as +01:00.`
                : "There is no such date or offset.";
        return fail(error("MS_USAGE", { got: text, todo, cause }));
    }
}

/** True for a day of the calendar, which 2013-02-30 is not. */
function isDate(date: string): boolean {
    try {
        Temporal.PlainDate.from(date, { overflow: "reject" });
        return true;
    } catch {
        return false;
    }
}

function instantOf(
    date: string,
    time: string | undefined,
    offset: string | undefined,
    zone: string,
): number {
    if (time === undefined) {
        const day = Temporal.PlainDate.from(date, { overflow: "reject" });
        const start = day.toZonedDateTime(zone);
        if (!start.toPlainDate().equals(day)) throw new RangeError("a day that the zone skips");
        return start.epochMilliseconds;
    }
    const civil = `${date}T${time}`;
    if (offset !== undefined) return Temporal.Instant.from(civil + offset).epochMilliseconds;
    return Temporal.PlainDateTime.from(civil, { overflow: "reject" }) //
        .toZonedDateTime(zone, { disambiguation: "reject" }).epochMilliseconds;
}

/**
 * ISO 8601 text of an instant in a zone, with its offset and whole seconds.
 * @param unixSeconds - seconds since 1970-01-01T00:00Z.
 * @throws MetersealError MS_ZONE where the zone is unknown.
 * @example formatInstant(1_774_746_000, "Europe/Berlin"); // "2026-03-29T03:00:00+02:00"
 */
export function formatInstant(unixSeconds: number, zone: string): string {
    try {
        return Temporal.Instant.fromEpochMilliseconds(unixSeconds * 1000)
            .toZonedDateTimeISO(zone)
            .toString({ timeZoneName: "never", smallestUnit: "second" });
    } catch (cause) {
        throw error("MS_ZONE", { expected: "an IANA zone", got: zone, cause });
    }
}
