import { usageOfSeries } from "@meterseal/wallet";
import { describe, expect, it } from "vitest";
import { timeLabels } from "../src/household/chart/axes.ts";
import { intervalLabel, periodLabel, periodNote } from "../src/household/labels.ts";
import { calendarOf, indexAt, type Period } from "../src/household/periods.ts";
import { seriesOf, ZONE } from "./series.ts";

function dayAt(days: readonly Period[], text: string): Period {
    const day = days[indexAt(days, Date.parse(text) / 1000)];
    if (day === undefined) throw new Error(`no day at ${text}`);
    return day;
}

const year = seriesOf("2013-01-01T00:00Z", "2014-01-01T00:00Z");
const calendar = calendarOf(year, ZONE);
/** A home of which nothing was pruned. */
const WHOLE = { prunedBeforeUnix: null, series: year, slotSeconds: 1800, zone: ZONE };

describe("calendarOf", () => {
    it("finds the civil days, weeks and months of a year", () => {
        expect(calendar.days).toHaveLength(365);
        expect(calendar.months).toHaveLength(12);
        expect(calendar.weeks).toHaveLength(53);
        expect(calendar.days.every(({ isWhole }) => isWhole)).toBe(true);
        expect(calendar.years.map(({ isWhole }) => isWhole)).toEqual([true]);
        expect(calendar.weeks.filter(({ isWhole }) => !isWhole)).toHaveLength(2);
        expect(calendar.months.map((month) => periodLabel(month, "month", ZONE))[5]).toBe(
            "June 2013",
        );
    });

    it.each([
        ["2013-03-31T12:00Z", 46, "23 hours: the clocks went forward"],
        ["2013-06-01T12:00Z", 48, null],
        ["2013-10-27T12:00Z", 50, "25 hours: the clocks went back"],
    ])("has the right number of half-hours on the day of %s", (noon, halfHours, note) => {
        const day = dayAt(calendar.days, noon);
        const { intervals, totalImportWh } = usageOfSeries(year, "slot", day.fromUnix, day.toUnix);
        expect(intervals).toHaveLength(halfHours);
        expect(totalImportWh).toBe(BigInt(halfHours));
        expect(periodNote(day, "day", WHOLE)).toBe(note);
    });

    it("adds up to the whole series, whatever the view", () => {
        for (const periods of Object.values(calendar)) {
            const total = periods.reduce(
                (sum, { fromUnix, toUnix }) =>
                    sum + usageOfSeries(year, "slot", fromUnix, toUnix).totalImportWh,
                0n,
            );
            expect(total).toBe(365n * 48n);
        }
    });

    it("begins weeks on Monday", () => {
        const second = calendar.weeks[1];
        expect(second && periodLabel(second, "week", ZONE)).toBe("7 Jan – 13 Jan 2013");
    });

    it("says where a period is cut by an end of the series", () => {
        const cut = calendarOf(seriesOf("2013-01-15T06:00Z", "2013-02-03T10:00Z"), ZONE);
        expect(cut.days.map(({ isWhole }) => isWhole).filter((isWhole) => !isWhole)).toHaveLength(
            2,
        );
        expect(cut.months.map((month) => periodNote(month, "month", WHOLE))).toEqual([
            "not a whole month",
            "not a whole month",
        ]);
    });

    it("has nothing for an empty series", () => {
        expect(calendarOf([], ZONE)).toEqual({ days: [], weeks: [], months: [], years: [] });
        expect(indexAt([], 0)).toBe(-1);
    });
});

describe("labels", () => {
    it("tell the two hours apart when the clocks go back", () => {
        const day = dayAt(calendar.days, "2013-10-27T12:00Z");
        const { intervals } = usageOfSeries(year, "slot", day.fromUnix, day.toUnix);
        const labels = intervals.map((each) => intervalLabel(each, "day", ZONE, day));
        expect(new Set(labels).size).toBe(50);
        expect(labels.slice(1, 5)).toEqual([
            "00:30–01:00 BST",
            "01:00–01:30 BST",
            "01:30–01:00 GMT",
            "01:00–01:30 GMT",
        ]);
    });

    it("of the time axis stand at civil hours on a day of 23 hours", () => {
        const day = dayAt(calendar.days, "2013-03-31T12:00Z");
        const labels = timeLabels("day", day, [day], ZONE, 800);
        expect(labels.map(({ text }) => text)).toEqual([
            "00:00",
            "03:00",
            "06:00",
            "09:00",
            "12:00",
            "15:00",
            "18:00",
            "21:00",
            "00:00",
        ]);
        expect(labels.map(({ unix }) => (unix - day.fromUnix) / 3600)).toEqual([
            0, 2, 5, 8, 11, 14, 17, 20, 23,
        ]);
    });
});
