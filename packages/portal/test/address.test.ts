import { describe, expect, it } from "vitest";
import { anchorOf, homeAddress, parseHomeAddress } from "../src/household/address.ts";
import { calendarOf } from "../src/household/periods.ts";
import { routeOf } from "../src/route.ts";
import { seriesOf, ZONE } from "./series.ts";

/** Begins in British summer time, in which midnight is 23:00 UTC. */
const calendar = calendarOf(seriesOf("2013-10-19T23:00Z", "2013-12-03T00:00Z"), ZONE);
const unixOf = (text: string): number => Date.parse(text) / 1000;

describe("addresses of the portal", () => {
    it("name their page by the first part, and the start where they are unknown", () => {
        expect(
            ["", "#/", "#/home", "#/home?day", "#/homely", "#/neighbourhood"].map(routeOf),
        ).toEqual(["start", "start", "household", "household", "start", "neighbourhood"]);
    });
});

describe("the address of the household page", () => {
    it("shows the newest month unless it says otherwise", () => {
        const newest = { view: "month", civilDay: null };
        for (const hash of ["#/home", "#/home?", "#/home?fortnight", "#/home?month"]) {
            expect(parseHomeAddress(hash)).toEqual(newest);
        }
    });

    it("takes years, months and days, and none that the calendar does not have", () => {
        const dayOf = (text: string) => parseHomeAddress(`#/home?day=${text}`).civilDay;
        expect(dayOf("1970-01-02")).toBe(1);
        expect(dayOf("1970-02")).toBe(31);
        expect(dayOf("1971")).toBe(365);
        for (const text of ["2013-02-30", "2013-13", "2013-00", "2013-1-1", "13", "x", ""]) {
            expect(dayOf(text), text).toBeNull();
        }
    });

    it("leads back to the instant's own day in the zone of the meter", () => {
        for (const [view, instant, address] of [
            ["day", "2013-10-26T23:00Z", "#/home?day=2013-10-27"],
            ["day", "2013-10-28T00:00Z", "#/home?day=2013-10-28"],
            ["week", "2013-11-11T00:00Z", "#/home?week=2013-11-11"],
            ["month", "2013-11-01T00:00Z", "#/home?month=2013-11-01"],
        ] as const) {
            expect(homeAddress(calendar, view, unixOf(instant), ZONE)).toBe(address);
            const parsed = parseHomeAddress(address);
            expect(parsed.view).toBe(view);
            expect(anchorOf(calendar, parsed.civilDay, ZONE)).toBe(unixOf(instant));
        }
    });

    it("carries no date for the newest period, so that it stays the newest", () => {
        expect(homeAddress(calendar, "month", unixOf("2013-12-01T00:00Z"), ZONE)).toBe(
            "#/home?month",
        );
        expect(homeAddress(calendar, "year", Number.POSITIVE_INFINITY, ZONE)).toBe("#/home?year");
        expect(anchorOf(calendar, null, ZONE)).toBe(Number.POSITIVE_INFINITY);
    });

    it("of a day without readings leads to the nearest end of them", () => {
        const anchorAt = (text: string) =>
            anchorOf(calendar, parseHomeAddress(`#/home?day=${text}`).civilDay, ZONE);
        expect(anchorAt("1999-01-01")).toBe(unixOf("2013-10-19T23:00Z"));
        expect(anchorAt("2031-01-01")).toBe(Number.POSITIVE_INFINITY);
    });
});
