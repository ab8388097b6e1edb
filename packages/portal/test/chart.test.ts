import type { UsageInterval } from "@meterseal/wallet";
import { describe, expect, it } from "vitest";
import { formatDate, formatKwh, formatShare } from "../src/format.ts";
import { energySteps } from "../src/household/chart/axes.ts";
import { gapBands } from "../src/household/chart/draw.ts";
import { energyLabel } from "../src/household/labels.ts";
import { readCheckpoint } from "../src/neighbourhood/checkpoint.ts";

const KWH = { label: "kWh" } as const;

function interval(
    hour: number,
    importWh: bigint | null,
    quality: UsageInterval["quality"],
): UsageInterval {
    const fromUnix = hour * 3600;
    return { fromUnix, toUnix: fromUnix + 3600, importWh, exportWh: null, quality, marks: [] };
}

describe("a gap", () => {
    it("is a band of its own and joins its neighbours", () => {
        const intervals = [
            interval(0, 0n, "measured"),
            interval(1, null, "missing"),
            interval(2, null, "missing"),
            interval(3, 5n, "partial"),
            interval(4, 5n, "measured"),
            interval(5, null, "missing"),
        ];
        expect(gapBands(intervals)).toEqual([
            { fromUnix: 3600, toUnix: 10_800, isWhole: true },
            { fromUnix: 10_800, toUnix: 14_400, isWhole: false },
            { fromUnix: 18_000, toUnix: 21_600, isWhole: true },
        ]);
    });

    it("is not called zero, nor is zero called a gap", () => {
        expect(energyLabel(interval(0, null, "missing"), KWH)).toBe("no reading");
        expect(energyLabel(interval(0, 0n, "measured"), KWH)).toBe("0.000 kWh");
        expect(energyLabel(interval(0, 1_250n, "partial"), KWH)).toBe("1.250 kWh, partly read");
        const gas = { label: "m³" } as const;
        expect(energyLabel(interval(0, 1_250n, "measured"), gas)).toBe("1.250 m³");
    });
});

describe("energySteps", () => {
    it.each([
        [3_351n, [0, 1, 2, 3, 4], 0],
        [66_617n, [0, 20, 40, 60, 80], 0],
        [432n, [0, 0.2, 0.4, 0.6], 1],
        [95n, [0, 0.025, 0.05, 0.075, 0.1], 3],
        [9_900n, [0, 2.5, 5, 7.5, 10], 1],
    ])("covers %s Wh in round numbers", (wh, values, decimals) => {
        const steps = energySteps([interval(0, wh, "measured")]);
        expect(steps.values.map((value) => Number(value.toFixed(6)))).toEqual(values);
        expect(steps.decimals).toBe(decimals);
    });

    it("gives an axis to a stretch without any reading", () => {
        expect(energySteps([interval(0, null, "missing")]).values.length).toBeGreaterThan(1);
    });
});

describe("numbers and times", () => {
    it("are exact to the watt-hour and never rounded up to all or down to nothing", () => {
        expect(formatKwh(1_234_567n)).toBe("1,234.567");
        expect(formatShare(1)).toBe("100%");
        expect(formatShare(0.9999)).toBe("over 99.9%");
        expect(formatShare(0.0001)).toBe("under 0.1%");
        expect(formatShare(0)).toBe("0%");
    });

    it("fall back to UTC for a zone that the browser does not know", () => {
        expect(formatDate(0, "Nowhere/Atall", { hour: "2-digit", minute: "2-digit" })).toBe(
            "00:00 UTC",
        );
    });
});

describe("readCheckpoint", () => {
    it("reads size and root, and refuses what is no checkpoint", () => {
        const root = new Uint8Array(32).fill(0xab);
        const note = `meterseal/x\n42\n${root.toBase64()}\n\n— meterseal/x AAAA\n`;
        expect(readCheckpoint(note)).toEqual({ size: 42, rootHex: "ab".repeat(32) });
        expect(readCheckpoint("nonsense")).toBeNull();
        expect(readCheckpoint("a\n4x\nAAAA\n")).toBeNull();
        expect(readCheckpoint("a\n4\n***\n")).toBeNull();
    });
});
