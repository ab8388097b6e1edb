import { slotOfUnix, unwrap } from "@meterseal/core";
import { FLAG, STREAM_MODE, usageOf } from "@meterseal/record";
import { type LightReading, lightOf } from "@meterseal/record/lora";
import { testBytes } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import { openProvisional, openSeries } from "../src/index.ts";
import { grow, Home, type HomeOptions } from "./home.ts";

const FIRST = slotOfUnix(Date.parse("2024-03-30T20:00Z") / 1000, 1_800);

/** Six signed readings, and those behind them as light ones, over a change of the clock and a civil day. */
async function bed(options: HomeOptions = {}) {
    const home = await Home.create({ zone: "Europe/London", slotSeconds: 1_800, ...options });
    const readings = grow(FIRST, 1_000n, Array(20).fill(25));
    const signed = await home.record(readings.slice(0, 6));
    const flagged = readings
        .slice(6)
        .map((each, i) => ({ ...each, flag: i < 2 ? FLAG.late : 0 }) as const);
    const next = await home.record(flagged);
    const usage = unwrap(usageOf(next));
    const lights = Array.from({ length: usage.count }, (_, i) => unwrap(lightOf(usage, i)));
    return { home, lights, next, signed };
}

describe("provisional readings", () => {
    it.each([
        ["sealed", {}],
        ["open", { mode: STREAM_MODE.open }],
        ["in hundreds of Wh", { scale: 2 }],
    ] as const)("open as their record will: %s", async (_, options) => {
        const { home, lights, next, signed } = await bed(options);
        const provisional = unwrap(openProvisional(home.key, [signed], lights));
        const whole = unwrap(openSeries(home.key, [signed, next]));
        expect(provisional).toEqual(whole.slice(6));
        expect(provisional.slice(0, 3).map(({ flag }) => flag)).toEqual([FLAG.late, FLAG.late, 0]);
    });

    it("are those behind the signed ones alone, gaps and all", async () => {
        const { home, lights, next, signed } = await bed();
        expect(unwrap(openProvisional(home.key, [signed, next], lights))).toEqual([]);
        const some = [lights[3], lights[4], lights[9]] as LightReading[];
        const slots = unwrap(openProvisional(home.key, [signed], some)).map(({ slot }) => slot);
        expect(slots).toEqual(some.map(({ firstSlot }) => firstSlot));
        expect(unwrap(openProvisional(home.key, [], lights))).toEqual([]);
    });

    it("of another width, or beyond every register, open to nothing", async () => {
        const { home, lights, signed } = await bed();
        const [first] = lights as [LightReading];
        const wide = { ...first, registers: testBytes("two registers", 16) };
        expect(openProvisional(home.key, [signed], [wide]).ok).toBe(false);
        const other = await Home.create({
            name: "other",
            zone: "Europe/London",
            slotSeconds: 1_800,
        });
        const foreign = { ...home.key, meter: other.key.meter };
        expect(openProvisional(foreign, [signed], lights).ok).toBe(false);
    });
});
