import type { UsageInterval } from "@meterseal/wallet";
import { describe, expect, it } from "vitest";
import { correctionLabel, energyLabel, prunedNote, readingLabel } from "../src/household/labels.ts";

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
    it("names the day before which readings are missing", () => {
        expect(prunedNote(Date.UTC(2013, 0, 5) / 1000, "Europe/London")).toMatch(
            /before Saturday, 5 January 2013 are not all here/,
        );
    });
});
