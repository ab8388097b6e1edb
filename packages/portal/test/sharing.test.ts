import { describe, expect, it } from "vitest";
import { calendarOf } from "../src/household/periods.ts";
import {
    type Choice,
    firstChoice,
    profilesOf,
    stepsFor,
    stretchFault,
    stretchOf,
} from "../src/sharing/choice.ts";
import { revealedBy, type Stretch } from "../src/sharing/revealed.ts";
import { openingWords, STEPS, type Step } from "../src/sharing/words.ts";
import { seriesOf, ZONE } from "./series.ts";

const unixOf = (text: string): number => Date.parse(text) / 1000;

/** From Tuesday 15 January to Tuesday 2 April 2013; the clocks go forward on 31 March. */
const series = seriesOf("2013-01-15T00:00Z", "2013-04-01T23:00Z", (unix) => BigInt(unix % 7919));
const calendar = calendarOf(series, ZONE);
const everything = { fromUnix: unixOf("2013-01-15T00:00Z"), toUnix: unixOf("2013-04-01T23:00Z") };
const march = { fromUnix: unixOf("2013-03-01T00:00Z"), toUnix: unixOf("2013-03-31T23:00Z") };

const reveal = (step: Step, stretch: Stretch) => revealedBy(series, calendar, step, stretch);

describe("what somebody sees", () => {
    it("is the exact sums of the step, and they add up to the register's difference", () => {
        const registerAt = (unix: number) => series.find((each) => each.unix === unix)?.importWh;
        const total = (registerAt(march.toUnix) ?? 0n) - (registerAt(march.fromUnix) ?? 0n);
        for (const [step, count] of [
            ["slot", 31 * 48 - 2],
            ["hour", 31 * 24 - 1],
            ["day", 31],
            ["month", 1],
        ] as const) {
            const intervals = reveal(step, march);
            expect(intervals.length, step).toBe(count);
            const sum = intervals.reduce((all, { importWh }) => all + (importWh ?? 0n), 0n);
            expect(sum, step).toBe(total);
        }
        expect(reveal("total", march).map(({ importWh }) => importWh)).toEqual([total]);
    });

    it("never has an edge that the step does not have", () => {
        const days = new Set(calendar.days.flatMap(({ fromUnix, toUnix }) => [fromUnix, toUnix]));
        for (const step of ["day", "week", "month"] as const) {
            for (const { fromUnix, toUnix } of reveal(step, everything)) {
                expect(days.has(fromUnix) && days.has(toUnix), step).toBe(true);
            }
        }
        const toCome = { ...march, toUnix: unixOf("2013-06-01T00:00Z") };
        expect(reveal("total", toCome)).toEqual([]);
        expect(reveal("year", everything)).toEqual([]);
    });

    it("leaves out weeks and months that the readings cut", () => {
        const weeks = reveal("week", everything);
        expect(weeks[0]?.fromUnix).toBe(unixOf("2013-01-21T00:00Z"));
        expect(weeks.at(-1)?.toUnix).toBe(unixOf("2013-03-31T23:00Z"));
        expect(weeks.length).toBe(10);
        expect(reveal("month", everything).map(({ fromUnix }) => fromUnix)).toEqual([
            unixOf("2013-02-01T00:00Z"),
            unixOf("2013-03-01T00:00Z"),
        ]);
    });
});

describe("a choice of what to grant", () => {
    const choice: Choice = {
        step: "day",
        firstDay: "2013-02-14",
        lastDay: "2013-03-30",
        withExport: false,
        isTariff: false,
        tariffHex: null,
    };
    const stretchAt = (step: Step) => {
        const stretch = stretchOf({ ...choice, step }, ZONE);
        if (!stretch.ok) throw stretch.error;
        return stretch.value;
    };

    it("begins with its first day and ends with its last, in the time of the meter", () => {
        expect(stretchAt("day")).toEqual({
            fromUnix: unixOf("2013-02-14T00:00Z"),
            toUnix: unixOf("2013-03-31T00:00Z"),
        });
        const summer = stretchOf(
            { ...choice, firstDay: "2013-07-01", lastDay: "2013-07-01" },
            ZONE,
        );
        expect(summer).toEqual({
            ok: true,
            value: {
                fromUnix: unixOf("2013-06-30T23:00Z"),
                toUnix: unixOf("2013-07-01T23:00Z"),
            },
        });
    });

    it("is widened to whole weeks, months and years where it asks for those", () => {
        expect(stretchAt("week")).toEqual({
            fromUnix: unixOf("2013-02-11T00:00Z"),
            toUnix: unixOf("2013-03-31T23:00Z"),
        });
        expect(stretchAt("month")).toEqual({
            fromUnix: unixOf("2013-02-01T00:00Z"),
            toUnix: unixOf("2013-03-31T23:00Z"),
        });
        expect(stretchAt("year")).toEqual({
            fromUnix: unixOf("2013-01-01T00:00Z"),
            toUnix: unixOf("2014-01-01T00:00Z"),
        });
    });

    it("says what is wrong with its days", () => {
        const faultOf = (change: Partial<Choice>) =>
            stretchFault(stretchOf({ ...choice, ...change }, ZONE));
        expect(faultOf({})).toBeNull();
        expect(faultOf({ firstDay: "2013-03-30" })).toBeNull();
        expect(faultOf({ firstDay: "2013-03-31" })).toMatch(/last day lies before/);
        for (const change of [{ firstDay: "" }, { lastDay: "" }, { lastDay: "2013-02-30x" }]) {
            expect(faultOf(change)).toMatch(/enter a first and a last day/);
        }
        expect(stretchFault(stretchOf(choice, "Europe/Atlantis"))).toMatch(/time zones/);
    });

    it("offers the steps that the slots of a stream can make", () => {
        expect(stepsFor(1800)).toEqual(STEPS.filter((step) => step !== "half-hour"));
        expect(stepsFor(900)).toEqual(STEPS);
        expect(stepsFor(3600)).toEqual(["slot", "day", "week", "month", "year", "total"]);
    });

    it("names the profiles of countries and standards that ask for a step", () => {
        expect(profilesOf("slot", 1800)).toEqual(["GB-half-hourly"]);
        expect(profilesOf("slot", 900)).toEqual(["TAF7", "NL-quarter-hour"]);
        expect(profilesOf("half-hour", 900)).toEqual(["GB-half-hourly"]);
        expect(profilesOf("month", 3600)).toEqual(["TAF1", "GB-monthly", "NL-monthly"]);
        expect(profilesOf("total", 1800)).toEqual([]);
    });

    it("begins with daily totals of the newest whole month", () => {
        expect(firstChoice(calendar, ZONE)).toEqual({
            step: "day",
            firstDay: "2013-03-01",
            lastDay: "2013-03-31",
            withExport: false,
            isTariff: false,
            tariffHex: null,
        });
    });
});

describe("the words of a grant", () => {
    const opening = {
        kind: "K",
        step: "day",
        groups: [0],
        ...march,
        zone: ZONE,
        slotSeconds: 1800,
    } as const;

    it("name step, energy and days, and that nothing finer is seen", () => {
        expect(openingWords(opening)).toBe(
            "Daily totals of what you take from the grid, 1 March to 31 March 2013. Nothing finer.",
        );
        expect(openingWords({ ...opening, step: "slot", groups: [0, 1] })).toBe(
            "Every half-hour of what you take from the grid and what you give to the grid, 1 March to 31 March 2013. This is all that your meter records.",
        );
        const turn = { fromUnix: unixOf("2012-12-31T00:00Z"), toUnix: unixOf("2013-01-02T00:00Z") };
        expect(openingWords({ ...opening, ...turn })).toMatch(/31 December 2012 to 1 January 2013/);
    });

    it("name times where a day is cut", () => {
        const cut = { fromUnix: unixOf("2013-03-01T06:30Z"), toUnix: march.toUnix };
        expect(openingWords({ ...opening, ...cut })).toMatch(
            /1 Mar 2013, 06:30 to 1 Apr 2013, 00:00/,
        );
    });

    it("say of a tariff's and a neighbourhood's sum what cannot be read from them", () => {
        expect(openingWords({ ...opening, kind: "W", step: null })).toMatch(
            /^One amount for 1 March to 31 March 2013: .* published tariff\. No reading/,
        );
        expect(openingWords({ ...opening, kind: "C", step: null })).toMatch(/alone says nothing/);
    });
});
