import { error } from "@meterseal/core";
import type { UsageInterval } from "@meterseal/wallet";
import { describe, expect, it } from "vitest";
import { describeBill } from "../src/bill/problems.ts";
import {
    type Beginning,
    correctionLabel,
    energyLabel,
    periodNote,
    prunedBillNote,
    prunedNote,
    prunedYearNote,
    readingLabel,
    whyNotCompared,
} from "../src/household/labels.ts";
import { calendarOf, type Period } from "../src/household/periods.ts";
import { describeProvider } from "../src/provider/problems.ts";
import { seriesOf, ZONE } from "./series.ts";

const KWH = { label: "kWh" } as const;

const interval: UsageInterval = {
    fromUnix: 0,
    toUnix: 3600,
    importWh: 1500n,
    exportWh: null,
    quality: "measured",
    marks: [],
};

describe("a correction in words", () => {
    it("has its sign, and says nothing where there is none", () => {
        expect(correctionLabel(-1250n, KWH)).toBe("corrected by −1.250 kWh");
        expect(correctionLabel(70n, KWH)).toBe("corrected by +0.070 kWh");
        for (const correctionWh of [undefined, 0n]) {
            const plain = { ...interval, ...(correctionWh === undefined ? {} : { correctionWh }) };
            expect([readingLabel(plain, KWH), energyLabel(plain, KWH)]).toEqual([
                "measured",
                "1.500 kWh",
            ]);
        }
    });

    it("stands beside what was read, and never in it", () => {
        const corrected: UsageInterval = { ...interval, correctionWh: -1250n };
        expect(readingLabel(corrected, KWH)).toBe("measured, corrected by −1.250 kWh");
        expect(energyLabel(corrected, KWH)).toBe("1.500 kWh, corrected by −1.250 kWh");
        const partial: UsageInterval = { ...corrected, quality: "partial" };
        expect(energyLabel(partial, KWH)).toBe("1.500 kWh, corrected by −1.250 kWh, partly read");
    });
});

describe("what was pruned, in words", () => {
    const prunedBeforeUnix = Date.UTC(2013, 0, 15, 6) / 1000;
    const series = seriesOf("2013-01-15T06:00Z", "2013-02-03T10:00Z");
    const whole: Beginning = { prunedBeforeUnix: null, series, slotSeconds: 1800, zone: ZONE };
    const pruned: Beginning = { ...whole, prunedBeforeUnix };
    /** Of a tenant who moved in later: older records were the one's before. */
    const later: Beginning = { ...whole, prunedBeforeUnix: prunedBeforeUnix - 86_400 };
    const { months, years } = calendarOf(series, ZONE);
    const [january, february] = months as [Period, Period];

    it("names the day before which readings are missing", () => {
        expect(prunedNote(Date.UTC(2013, 0, 5) / 1000, ZONE)).toMatch(
            /before Saturday, 5 January 2013 are not all here/,
        );
        expect(prunedBillNote(Date.UTC(2013, 0, 5) / 1000, ZONE)).toMatch(
            /before Saturday, 5 January 2013 records were pruned, none of this bill/,
        );
    });

    it("stands beside the total of a period that it cut, and beside no other", () => {
        expect(periodNote(january, "month", pruned)).toBe(
            "not a whole month: records from before 15 Jan 2013, 06:00 were pruned",
        );
        expect(periodNote(february, "month", pruned)).toBe("not a whole month");
        for (const home of [whole, later]) {
            expect(periodNote(january, "month", home)).toBe("not a whole month");
        }
    });

    it("is why there is nothing before to compare with", () => {
        const texts = (home: Beginning) => [
            whyNotCompared({ kind: "first" }, "month", home),
            whyNotCompared({ kind: "cut", before: january }, "month", home),
        ];
        expect(texts(pruned)).toEqual([
            "Nothing to compare with: older records were pruned.",
            "Not compared with January 2013: a part of its records was pruned.",
        ]);
        expect(texts(later)).toEqual(texts(whole));
        expect(texts(whole)).toEqual([
            "Nothing to compare with: the readings begin here.",
            "Not compared with January 2013: the readings begin in the middle of it.",
        ]);
    });

    it("is why the first days of a year are empty", () => {
        const [year] = years as [Period];
        expect(prunedYearNote(year, pruned)).toBe(
            "Older records were pruned: days before Tuesday, 15 January 2013 are empty.",
        );
        expect(prunedYearNote(year, whole)).toBeNull();
    });

    it("is no fault of a bill, nor of a grant", () => {
        const { title } = describeBill(error("MS_PRUNED"));
        expect(title).toMatch(/were pruned here/);
        expect(describeProvider(error("MS_PRUNED")).title).toMatch(/were pruned/);
    });
});
