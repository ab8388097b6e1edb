import { FLAG } from "@meterseal/record";
import { usageOfSeries } from "@meterseal/wallet";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { knownTotals, slotCounts } from "../src/household/amounts.ts";
import { totalWords } from "../src/household/labels.ts";
import { PeriodFacts } from "../src/household/period-facts.tsx";
import { calendarOf } from "../src/household/periods.ts";
import { FLAG_MISSING, seriesOf, ZONE } from "./series.ts";

const KWH = { label: "kWh" } as const;
const unixOf = (text: string): number => Date.parse(text) / 1000;

/** Three days of January of 250 Wh a half-hour; the second one was not read and used nothing. */
const series = seriesOf("2013-01-01T00:00Z", "2013-01-04T00:00Z", (unix) =>
    isSecond(unix) ? 0n : 250n,
).map((each) => (isSecond(each.unix) ? { ...each, flag: FLAG_MISSING } : each));

function isSecond(unix: number): boolean {
    return unix > unixOf("2013-01-02T00:00Z") && unix <= unixOf("2013-01-03T00:00Z");
}

const { days } = calendarOf(series, ZONE);

function usageOf(day: number, boundaries = series) {
    const period = days[day];
    if (period === undefined) throw new Error(`no day ${day}`);
    return { period, usage: usageOfSeries(boundaries, "slot", period.fromUnix, period.toUnix) };
}

describe("a total", () => {
    it("is none where no interval has a value: a blank is not zero", () => {
        const { usage } = usageOf(1);
        expect(usage.totalImportWh).toBe(0n);
        expect(knownTotals(usage)).toEqual({ importWh: null, exportWh: null });
        expect(totalWords(knownTotals(usage).importWh, KWH)).toBe("no reading");
    });

    it("is what was measured where anything was, zero too", () => {
        const { usage } = usageOf(0);
        expect(knownTotals(usage)).toEqual({ importWh: 12_000n, exportWh: null });
        expect(totalWords(12_000n, KWH)).toBe("12.000 kWh");
        const idle = seriesOf("2013-01-01T00:00Z", "2013-01-04T00:00Z", () => 0n);
        expect(knownTotals(usageOf(0, idle).usage).importWh).toBe(0n);
    });

    it("is none of an export register that has no value either", () => {
        const twoWay = series.map((each) => ({ ...each, exportWh: 5n }));
        expect(knownTotals(usageOf(1, twoWay).usage).exportWh).toBeNull();
        expect(knownTotals(usageOf(0, twoWay).usage).exportWh).toBe(0n);
    });
});

describe("the half-hours of a period", () => {
    const estimated = series.map((each, i) =>
        i === 10 ? { ...each, flag: FLAG.estimated } : i === 12 ? { ...each, flag: 1 } : each,
    );

    it("are measured, estimated or missing, each of them once", () => {
        const { period, usage } = usageOf(0, estimated);
        expect(slotCounts(usage, period, 1800)).toEqual({
            ...{ slots: 48, measured: 46, estimated: 1, missing: 1 },
        });
        const hidden = usageOf(1);
        expect(slotCounts(hidden.usage, hidden.period, 1800)).toEqual({
            ...{ slots: 48, measured: 0, estimated: 0, missing: 48 },
        });
    });

    it("are named as what they are, estimates only where there are any", () => {
        const facts = (boundaries: typeof series) => {
            const { period, usage } = usageOf(0, boundaries);
            const props = { period, usage, view: "day" as const, slotSeconds: 1800, zone: ZONE };
            return renderToStaticMarkup(createElement(PeriodFacts, props));
        };
        expect(facts(estimated)).toMatch(/<dt>Estimated<.dt><dd>1 half-hour</);
        expect(facts(estimated)).toMatch(/<dt>Missing<.dt><dd>1 half-hour</);
        expect(facts(series)).not.toContain("Estimated");
        expect(facts(series)).toMatch(/<dt>Missing<.dt><dd>nothing</);
    });
});
