import { describe, expect, it } from "vitest";
import { calendarOf } from "../src/household/periods.ts";
import { sumOfDays } from "../src/sharing/crowd.ts";
import { tariffSumOf, wishOf } from "../src/sharing/grant-wish.ts";
import { seriesOf, ZONE } from "./series.ts";

const START_UNIX = Date.parse("2013-01-07T00:00Z") / 1000;
const DAY = 86_400;

describe("a crowd made of days", () => {
    /** Each slot of the n-th day, counted from 1, takes n watt-hours. */
    const series = seriesOf("2013-01-07T00:00Z", "2013-01-16T00:00Z", (unix) =>
        BigInt(Math.ceil((unix - START_UNIX) / DAY)),
    );
    const calendar = calendarOf(series, ZONE);

    it("adds up as many whole days as there are homes, the newest first, slot by slot", () => {
        const crowd = sumOfDays(series, calendar, "slot", 8);
        expect(crowd?.fromUnix).toBe(START_UNIX + 8 * DAY);
        expect(crowd?.own.map(({ importWh }) => importWh)).toEqual(new Array(48).fill(9n));
        expect(crowd?.sum.map(({ importWh }) => importWh)).toEqual(new Array(48).fill(44n));
        expect(sumOfDays(series, calendar, "hour", 8)?.sum[0]?.importWh).toBe(88n);
    });

    it("is none where there are fewer days than homes", () => {
        expect(sumOfDays(series, calendar, "slot", 10)).toBeNull();
        expect(sumOfDays([], calendarOf([], ZONE), "slot", 8)).toBeNull();
    });
});

describe("a wish", () => {
    const stretch = { fromUnix: 10, toUnix: 20 };
    const choice = {
        ...{ step: "day" as const, firstDay: "", lastDay: "", withExport: false },
        ...{ isTariff: false, tariffHex: null },
    };

    it("is of sums, of the import or both ways", () => {
        expect(wishOf(choice, stretch, "ab")).toEqual({
            ...{ kind: "sums", recipientHex: "ab", step: "day", groups: [0] },
            ...stretch,
        });
        const both = wishOf({ ...choice, withExport: true }, stretch, "ab");
        expect(both).toMatchObject({ groups: [0, 1] });
        expect(wishOf(choice, stretch, null)).toBeNull();
    });

    it("is of one register by a tariff, and of nothing before one is chosen", () => {
        const tariff = { ...choice, isTariff: true };
        expect(wishOf(tariff, stretch, "ab")).toBeNull();
        expect(tariffSumOf(choice, stretch)).toBeNull();
        const chosen = { ...tariff, tariffHex: "cd" };
        const sum = { tariffHex: "cd", group: 0, ...stretch };
        expect(wishOf(chosen, stretch, "ab")).toEqual({
            kind: "tariff",
            recipientHex: "ab",
            ...sum,
        });
        expect(tariffSumOf({ ...chosen, withExport: true }, stretch)?.group).toBe(1);
    });
});
