import { error } from "../errors.ts";
import { fail, ok, type Result } from "../result.ts";

/** First instant that civil arithmetic covers: 2000-01-01T00:00Z, seconds since 1970. */
export const CIVIL_START_UNIX = 946_684_800;
/** First instant that civil arithmetic no longer covers: 2100-01-01T00:00Z. */
export const CIVIL_END_UNIX = 4_102_444_800;

/** Offsets of a zone from UTC: constant from one transition to the next. */
export type ZoneOffsets = {
    /** The zone's name as the time zone database spells it. */
    readonly zone: string;
    /** Start of each piece, seconds since 1970; the first one is minus infinity. */
    readonly startsUnix: Float64Array;
    /** Civil time minus UTC in each piece, seconds. */
    readonly offsetsSeconds: Float64Array;
    /**
     * Civil time, in seconds since the civil 1970-01-01T00:00, below which every reading of the
     * clock was shown before the piece began; it never falls, although civil time does.
     */
    readonly shownCivil: Float64Array;
};

/**
 * Reads the offsets of an IANA zone over 2000 … 2099 from the platform's time zone database.
 * @returns MS_ZONE where the zone is unknown or a bare offset, or the platform has no Temporal.
 */
export function readZoneOffsets(zone: string): Result<ZoneOffsets> {
    if (typeof Temporal === "undefined") {
        return fail(error("MS_ZONE", { got: zone, todo: "This platform has no Temporal." }));
    }
    let moment: Temporal.ZonedDateTime;
    try {
        moment = Temporal.Instant.fromEpochMilliseconds(CIVIL_START_UNIX * 1000) //
            .toZonedDateTimeISO(zone);
    } catch (cause) {
        return fail(error("MS_ZONE", { expected: "an IANA zone", got: zone, cause }));
    }
    if (/^[+-]/.test(moment.timeZoneId)) {
        return fail(error("MS_ZONE", { expected: "an IANA zone", got: zone }));
    }
    const known = offsetsOf.get(moment.timeZoneId);
    if (known !== undefined) return ok(known);
    const offsets = offsetsFrom(moment);
    offsetsOf.set(offsets.zone, offsets);
    return ok(offsets);
}

/** By the zone's name: at most as many as the database has. Reading one takes 200 steps of Temporal. */
const offsetsOf = new Map<string, ZoneOffsets>();

function offsetsFrom(start: Temporal.ZonedDateTime): ZoneOffsets {
    let moment = start;
    const startsUnix = [Number.NEGATIVE_INFINITY];
    const offsetsSeconds = [offsetOf(moment)];
    const shownCivil = [Number.NEGATIVE_INFINITY];
    for (;;) {
        const next = moment.getTimeZoneTransition("next");
        const startUnix = next === null ? CIVIL_END_UNIX : next.epochMilliseconds / 1000;
        if (next === null || startUnix >= CIVIL_END_UNIX) break;
        const before = startUnix + (offsetsSeconds.at(-1) ?? 0);
        shownCivil.push(Math.max(before, shownCivil.at(-1) ?? before));
        startsUnix.push(startUnix);
        offsetsSeconds.push(offsetOf(next));
        moment = next;
    }
    return {
        zone: moment.timeZoneId,
        startsUnix: Float64Array.from(startsUnix),
        offsetsSeconds: Float64Array.from(offsetsSeconds),
        shownCivil: Float64Array.from(shownCivil),
    };
}

function offsetOf(moment: Temporal.ZonedDateTime): number {
    return moment.offsetNanoseconds / 1e9;
}
