import { unitOfMedium } from "@meterseal/record";
import { usageOfSeries } from "@meterseal/wallet";
import { describe, expect, it } from "vitest";
import { dayAfterKey, dayLabel, dayWh, sheetsOf } from "../src/household/heat-map/months.ts";
import { heatClass, heatNames, heatScale } from "../src/household/heat-map/scale.ts";
import { seriesOf, ZONE } from "./series.ts";

const DAY_MS = 86_400_000;
const unixOf = (text: string): number => Date.parse(text) / 1000;
const civilDay = (text: string): number => Date.parse(text) / DAY_MS;

describe("heatScale", () => {
    it("has five even classes in round numbers, which one odd day does not stretch", () => {
        const days = [...Array.from({ length: 99 }, (_, i) => BigInt(i * 100)), 99_000n];
        const scale = heatScale(days);
        expect(scale.boundsKwh).toEqual([2, 4, 6, 8]);
        expect(heatNames(scale)).toEqual(["under 2", "2 to 4", "4 to 6", "6 to 8", "8 and more"]);
        expect([0n, 1_999n, 2_000n, 7_999n, 99_000n].map((wh) => heatClass(scale, wh))).toEqual([
            0, 0, 1, 3, 4,
        ]);
    });

    it("has classes for a year of zeros and for no day at all", () => {
        expect(heatClass(heatScale([0n, 0n]), 0n)).toBe(0);
        expect(heatNames(heatScale([]))).toHaveLength(5);
        expect(new Set(heatNames(heatScale([7n, 12n]))).size).toBe(5);
    });
});

describe("sheetsOf", () => {
    const series = seriesOf("2013-01-01T00:00Z", "2014-01-01T00:00Z");
    const days = usageOfSeries(series, "day").intervals;

    it("lays out every day of the year once, on its weekday", () => {
        const cells = sheetsOf(2013, days, ZONE).flatMap(({ weeks }) => weeks.flat());
        expect(cells).toHaveLength(365);
        expect(cells.every(({ interval }) => interval !== null)).toBe(true);
        // 31 March 2013, the day of 23 hours, was a Sunday.
        const change = cells.find((cell) => cell.civilDay === civilDay("2013-03-31"));
        expect(change?.weekday).toBe(6);
        expect(change?.interval?.importWh).toBe(46n);
    });

    it("keeps days outside the readings apart from days that were not read", () => {
        const cells = sheetsOf(2013, days.slice(0, 10), ZONE).flatMap(({ weeks }) => weeks.flat());
        expect(cells.filter(({ interval }) => interval !== null)).toHaveLength(10);
    });
});

describe("a stretch of days without a record", () => {
    const gap = [unixOf("2013-01-02T00:00Z"), unixOf("2013-01-04T00:00Z")] as const;
    const series = seriesOf("2013-01-01T00:00Z", "2013-01-05T00:00Z", () => 250n).filter(
        ({ unix }) => unix <= gap[0] || unix >= gap[1],
    );
    const cells = sheetsOf(2013, usageOfSeries(series, "day").intervals, ZONE)
        .flatMap(({ weeks }) => weeks.flat())
        .filter(({ interval }) => interval !== null);

    it("has one amount, which is that of none of its days", () => {
        expect(cells.map(({ interval }) => interval?.importWh)).toEqual([
            ...[12_000n, 24_000n, 24_000n, 12_000n],
        ]);
        expect(cells.map(({ interval }) => interval && dayWh(interval, "importWh", ZONE))).toEqual([
            ...[12_000n, null, null, 12_000n],
        ]);
    });

    it("is named with its amount on each of its days", () => {
        const unit = unitOfMedium(undefined);
        const labels = cells.map(
            ({ civilDay, interval }) => interval && dayLabel(civilDay, interval, ZONE, unit),
        );
        expect(labels).toEqual([
            "Tuesday, 1 January 2013: 12.000 kWh",
            "Wednesday, 2 January 2013, within 2 Jan – 3 Jan 2013: 24.000 kWh caught up after a gap",
            "Thursday, 3 January 2013, within 2 Jan – 3 Jan 2013: 24.000 kWh caught up after a gap",
            "Friday, 4 January 2013: 12.000 kWh",
        ]);
    });
});

describe("dayAfterKey", () => {
    const days = Array.from({ length: 365 }, (_, i) => civilDay("2013-01-01") + i);

    it.each([
        ["ArrowRight", "2013-01-31", "2013-02-01"],
        ["ArrowUp", "2013-01-31", "2013-01-24"],
        ["PageDown", "2013-01-31", "2013-02-28"],
        ["PageUp", "2013-03-31", "2013-02-28"],
        ["Home", "2013-06-01", "2013-01-01"],
        ["End", "2013-06-01", "2013-12-31"],
        ["ArrowLeft", "2013-01-01", "2013-01-01"],
        ["PageDown", "2013-12-15", "2013-12-31"],
    ])("%s leads from %s to %s", (key, from, to) => {
        expect(dayAfterKey(key, civilDay(from), days)).toBe(civilDay(to));
    });

    it("leaves other keys alone", () => {
        expect(dayAfterKey("a", days[0] ?? 0, days)).toBeUndefined();
        expect(dayAfterKey("Home", 0, [])).toBeUndefined();
    });
});
