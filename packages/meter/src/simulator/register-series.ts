import { LONDON_INTERVALS_PER_DAY, type LondonHome, londonSeries } from "../csv/london-csv.ts";
import { seriesBoundaries } from "../csv/series.ts";

/** What the meter's register shows at one slot boundary. */
export type RegisterBoundary = {
    /** Number of the boundary: half-hours since 2000-01-01T00:00Z. */
    readonly slot: number;
    /** Energy imported since the first boundary, in whole Wh, rounded down from the exact sum. */
    readonly registerWh: bigint;
    /**
     * Whether the value of the interval that **ends** at this boundary is missing; the register then
     * stands where it stood. Never at the first boundary, which ends no interval of the series.
     */
    readonly missing: boolean;
};

/** Which days a register series covers. */
export type RegisterSeriesOptions = {
    /** First day, in whole days since 2000-01-01; its first boundary has the register 0. */
    readonly firstDay: number;
    /** Number of days; the last boundary is the end of the last day. */
    readonly days: number;
};

/** The calendar year 2013 in UTC: from 2013-01-01T00:00Z to 2014-01-01T00:00Z. */
export const LONDON_YEAR: RegisterSeriesOptions = { firstDay: 4_749, days: 365 };

/** Number of boundaries that {@link registerSeries} yields: one more than the intervals. */
export function registerSeriesLength(options: RegisterSeriesOptions = LONDON_YEAR): number {
    return options.days * LONDON_INTERVALS_PER_DAY + 1;
}

/**
 * Walks through a home's register, one slot boundary after the other.
 *
 * The register is `floor(exact sum / 1 Wh)`: what is below 1 Wh is carried on, never lost. Days
 * before the home's first and after its last are missing like any other day without readings.
 *
 * @example
 * for (const { slot, registerWh, missing } of registerSeries(home)) meter.read(slot, registerWh, missing);
 */
export function* registerSeries(
    home: LondonHome,
    options: RegisterSeriesOptions = LONDON_YEAR,
): Generator<RegisterBoundary, void, undefined> {
    const fromSlot = options.firstDay * LONDON_INTERVALS_PER_DAY;
    const toSlot = fromSlot + registerSeriesLength(options) - 1;
    for (const boundary of seriesBoundaries(londonSeries(home), { fromSlot, toSlot })) {
        const { missing, registers, slot } = boundary;
        yield { slot, registerWh: registers[0] ?? 0n, missing };
    }
}
