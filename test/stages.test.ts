import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
    airtimeSeconds,
    devicesPerChannel,
    devicesPerGateway,
    devicesPerServer,
    STATE_METERS,
} from "../bench/lib/capacity.ts";
import type { Measured } from "../bench/lib/report.ts";
import { RESULTS_FILE } from "../bench/lib/saved.ts";
import { stagesTables } from "../bench/lib/stages-table.ts";

const saved = (JSON.parse(readFileSync(RESULTS_FILE, "utf8")) as Measured[]).find(
    ({ name }) => name === "stages",
);
const page = readFileSync(new URL("../docs/bench.md", import.meta.url), "utf8");

describe("the costs of stages", () => {
    it("stand in docs/bench.md as they were saved", () => {
        expect(page).toContain(stagesTables(saved?.rows ?? []));
    });

    it("have a factor for a Raspberry Pi that the page calls an estimate", () => {
        const slowness = saved?.rows.find(({ what }) => what.startsWith("a Raspberry Pi 4"));
        expect(slowness?.ours.value).toBeGreaterThan(1);
        expect(page).toContain(`${slowness?.ours.value.toFixed(1)} times`);
        expect(page).toMatch(/\*\*estimate\*\*: [\d.]+ times slower[^*]*openssl speed/);
    });

    it("are not saved in bytes that the formats contradict: 192 more with PS256", () => {
        const bytes = (what: string): number =>
            saved?.rows.find((row) => row.what === `size: ${what}`)?.ours.value ?? Number.NaN;
        for (const shape of ["1 reading, 1 register", "96 readings, 2 registers"]) {
            // 192 of the signature and one of its length, which then has two bytes; one of the algorithm's number.
            expect(bytes(`PS256, ${shape}`) - bytes(`ES256, ${shape}`)).toBe(194);
            expect(bytes(`EdDSA, ${shape}`)).toBe(bytes(`ES256, ${shape}`));
        }
    });
});

describe("how many devices", () => {
    const costs = { line: 10, record: 1_000, disk: 0, server: 500 };

    it("a gateway has follows from lines, records and its slowness", () => {
        const gateway = { slowness: 5, cores: 1, share: 0.5 };
        const each = (intervalSeconds: number, readings: number): number =>
            devicesPerGateway(costs, { intervalSeconds, readings }, gateway);
        expect(each(1, 1)).toBe(99); // 100,000 µs a second ÷ 1,010
        expect(each(1, 100)).toBe(5_000);
        expect(each(100, 1)).toBe(5_000);
        expect(each(900, 96)).toBeLessThan(10_000); // the lines alone
        const waits = { ...costs, disk: 5_050 };
        const load = { intervalSeconds: 1, readings: 1 };
        expect(devicesPerGateway(waits, load, gateway)).toBe(49); // twice the time, no slower here
    });

    it("a server has follows from its records alone, up to what its state was measured with", () => {
        const server = { slowness: 1, cores: 2, share: 0.5 };
        expect(devicesPerServer(costs, { intervalSeconds: 1, readings: 1 }, server)).toBe(2_000);
        expect(devicesPerServer(costs, { intervalSeconds: 60, readings: 1 }, server)).toBe(120_000);
        const rare = { intervalSeconds: 900, readings: 96 };
        expect(devicesPerServer(costs, rare, server)).toBe(STATE_METERS);
    });

    it("share a channel follows from bytes and bits", () => {
        const load = { intervalSeconds: 60, readings: 1 };
        expect(devicesPerChannel(8_000, 0.5, 250, load)).toBe(120);
    });

    it.each([
        // By hand: (12.25 + 8 + 5 ⌈bits ÷ (4 SF)⌉) symbols, at SF12 two bits fewer a symbol.
        [10, 7, 40.25 * 0.001_024],
        [64, 12, 85.25 * 0.032_768],
        [128, 9, 165.25 * 0.004_096],
    ])("a LoRa frame of %i bytes at SF%i is on air for %f s", (bytes, spreadingFactor, seconds) => {
        expect(airtimeSeconds(bytes, spreadingFactor)).toBeCloseTo(seconds, 4);
    });
});
