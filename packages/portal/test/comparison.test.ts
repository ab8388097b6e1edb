import { usageOfSeries } from "@meterseal/wallet";
import { describe, expect, it } from "vitest";
import { alignBefore, compareWithBefore } from "../src/household/comparison.ts";
import {
    calendarOf,
    indexAt,
    LEVEL_OF_VIEW,
    periodsOf,
    type View,
} from "../src/household/periods.ts";
import { FLAG_MISSING, seriesOf, ZONE } from "./series.ts";

/** Compares the period that holds an instant in a series of a watt-hour for each slot. */
function compare(view: View, at: string, series = YEAR) {
    const calendar = calendarOf(series, ZONE);
    const position = indexAt(periodsOf(calendar, view), Date.parse(at) / 1000);
    const period = periodsOf(calendar, view)[position];
    const usage = usageOfSeries(series, LEVEL_OF_VIEW[view], period?.fromUnix, period?.toUnix);
    return { comparison: compareWithBefore(series, calendar, view, position, usage), period };
}

const YEAR = seriesOf("2013-01-01T00:00Z", "2014-01-01T00:00Z");
const iso = (unix: number): string => new Date(unix * 1000).toISOString().slice(0, 16);

describe("compareWithBefore", () => {
    it.each<[View, string]>([
        ["month", "2013-03-15T12:00Z"],
        ["day", "2013-03-31T12:00Z"],
        ["day", "2013-10-27T12:00Z"],
        ["week", "2013-04-03T12:00Z"],
    ])("finds no change of a steady load, whatever the lengths: %s of %s", (view, at) => {
        const { comparison } = compare(view, at);
        expect(comparison).toMatchObject({ kind: "compared", isWholeBefore: true });
        expect(comparison.kind === "compared" && comparison.change).toBeCloseTo(0, 12);
    });

    it("says that twice as much is 100 per cent more", () => {
        const start = Date.parse("2013-02-01T00:00Z") / 1000;
        const series = seriesOf("2013-01-01T00:00Z", "2013-03-01T00:00Z", (unix) =>
            unix > start ? 2n : 1n,
        );
        const { comparison } = compare("month", "2013-02-15T12:00Z", series);
        expect(comparison.kind === "compared" && comparison.change).toBeCloseTo(1, 12);
    });

    it("holds a running month against the same stretch of the month before", () => {
        const series = seriesOf("2013-03-01T00:00Z", "2013-04-10T12:00Z");
        const { comparison } = compare("month", "2013-04-10T00:00Z", series);
        if (comparison.kind !== "compared") throw new Error(comparison.kind);
        expect(comparison.isWholeBefore).toBe(false);
        // 9 days and 13 hours by the clock of London, which is at UTC in early March.
        expect(iso(comparison.before.fromUnix)).toBe("2013-03-01T00:00");
        expect(iso(comparison.before.toUnix)).toBe("2013-03-10T13:00");
        expect(comparison.usage.totalImportWh).toBe(9n * 48n + 26n);
        expect(comparison.change).toBeCloseTo(0, 12);
    });

    it("compares with all of a month that is shorter than what has passed", () => {
        const series = seriesOf("2013-02-01T00:00Z", "2013-03-30T00:00Z");
        const { comparison } = compare("month", "2013-03-29T00:00Z", series);
        expect(comparison).toMatchObject({ kind: "compared", isWholeBefore: true });
    });

    it("does not compare the first period, nor one with a period that is cut", () => {
        expect(compare("month", "2013-01-15T12:00Z").comparison.kind).toBe("first");
        const series = seriesOf("2013-01-10T00:00Z", "2013-03-01T00:00Z");
        expect(compare("month", "2013-02-15T12:00Z", series).comparison.kind).toBe("cut");
    });

    it("does not compare where readings are missing, and says on which side", () => {
        const blank = (from: string, to: string) =>
            YEAR.map((boundary) =>
                boundary.unix > Date.parse(from) / 1000 && boundary.unix <= Date.parse(to) / 1000
                    ? { ...boundary, flag: FLAG_MISSING }
                    : boundary,
            );
        const days = blank("2013-05-10T00:00Z", "2013-05-12T00:00Z");
        expect(compare("month", "2013-05-15T12:00Z", days).comparison).toMatchObject({
            kind: "gaps",
            isBefore: false,
        });
        expect(compare("month", "2013-06-15T12:00Z", days).comparison).toMatchObject({
            kind: "gaps",
            isBefore: true,
        });
        const slot = blank("2013-05-10T00:00Z", "2013-05-10T00:30Z");
        expect(compare("month", "2013-06-15T12:00Z", slot).comparison.kind).toBe("compared");
    });

    it("has nothing to say of an empty series", () => {
        const usage = usageOfSeries([], "slot");
        const comparison = compareWithBefore([], calendarOf([], ZONE), "day", -1, usage);
        expect(comparison).toEqual({ kind: "first" });
    });
});

describe("alignBefore", () => {
    it("puts the same time of day side by side when the clocks change", () => {
        const { comparison, period } = compare("day", "2013-03-31T12:00Z");
        if (comparison.kind !== "compared" || period === undefined) throw new Error("not compared");
        const { intervals } = usageOfSeries(YEAR, "slot", period.fromUnix, period.toUnix);
        const aligned = alignBefore(intervals, comparison.usage.intervals, "day", ZONE);
        expect(intervals).toHaveLength(46);
        // 17:00 in summer time is 16:00 UTC; the evening before it is 17:00 UTC.
        const evening = intervals.findIndex(({ fromUnix }) => iso(fromUnix) === "2013-03-31T16:00");
        expect(iso(aligned[evening]?.fromUnix ?? 0)).toBe("2013-03-30T17:00");
    });

    it("leaves the 31st alone when the month before has 30 days", () => {
        const { comparison, period } = compare("month", "2013-05-15T12:00Z");
        if (comparison.kind !== "compared" || period === undefined) throw new Error("not compared");
        const { intervals } = usageOfSeries(YEAR, "day", period.fromUnix, period.toUnix);
        const aligned = alignBefore(intervals, comparison.usage.intervals, "month", ZONE);
        expect(aligned).toHaveLength(31);
        expect(aligned[30]).toBeNull();
        expect(aligned.slice(0, 30).every((each) => each !== null)).toBe(true);
    });
});
