import { createLadder, parseInstant, slotOfUnix, unixOfSlot, unwrap } from "@meterseal/core";
import { FLAG, GROUP, type MeterRecord, STREAM_MODE } from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
    type OpenBoundary,
    openSeries,
    USAGE_LEVELS,
    type UsageInterval,
    type UsageLevel,
    usageOfSeries,
} from "../src/index.ts";
import { grow, Home, type HomeOptions, type Reading } from "./home.ts";

const LEVELS = Object.keys(USAGE_LEVELS) as UsageLevel[];
const at = (iso: string): number => Date.parse(iso) / 1000;

/** Opened series of readings, in records of at most so many boundaries. */
async function seriesOf(
    readings: readonly Reading[],
    options: HomeOptions = {},
    size = 48,
): Promise<OpenBoundary[]> {
    const home = await Home.create(options);
    const records: MeterRecord[] = [];
    for (let i = 0; i < readings.length; i += size) {
        records.push(await home.record(readings.slice(i, i + size)));
    }
    return unwrap(openSeries(home.key, records));
}

/** Readings of one a slot that cover a range, both ends included. */
function steady(from: string, to: string, slotSeconds: number): Reading[] {
    const first = slotOfUnix(at(from), slotSeconds);
    const count = slotOfUnix(at(to), slotSeconds) - first + 1;
    return grow(first, 1_000_000n, Array(count).fill(1));
}

const widths = (intervals: readonly UsageInterval[]): number[] =>
    intervals.map(({ fromUnix, toUnix }) => (toUnix - fromUnix) / 3600);

describe("opening", () => {
    it("gives registers, levels and flags; import and export apart", async () => {
        const start = slotOfUnix(at("2013-06-30T22:00Z"), 1800);
        const readings = [10, 20, 30, 40].map(
            (wh, i): Reading => ({
                slot: start + i,
                registers: [BigInt(wh), BigInt(1000 - i), BigInt(i), BigInt(2 * i)].map((r, c) =>
                    c === 1 ? BigInt(1000 + i) : r,
                ),
                flag: i === 2 ? FLAG.missing : 0,
            }),
        );
        const groups = [GROUP.import, GROUP.export, GROUP.adjustments];
        const series = await seriesOf(readings, { groups, slotSeconds: 1800 });
        expect(series).toMatchObject([
            { importWh: 10n, exportWh: 1000n, level: 1, flag: 0, unix: at("2013-06-30T22:00Z") },
            { importWh: 20n, exportWh: 1001n, level: 0, flag: 0 },
            { importWh: 30n, exportWh: 1002n, level: 3, flag: FLAG.missing },
            { importWh: 40n, exportWh: 1003n, level: 0, flag: 0 },
        ]);
    });

    it("of an open stream needs no master secret, and finds its channel", async () => {
        const readings = [0, 1].map(
            (i): Reading => ({
                slot: 500_000 + i,
                registers: [7n, BigInt(i), 9n],
            }),
        );
        const series = await seriesOf(readings, { mode: STREAM_MODE.open, groups: [0, 1, 4] });
        expect(series.map(({ exportWh, importWh }) => [importWh, exportWh])).toEqual([
            [7n, 0n],
            [7n, 1n],
        ]);
    });

    it.each([
        [3, [1_000n, 2_000n, 5_000n]],
        [0, [1n, 2n, 5n]],
        [-1, [0n, 0n, 0n]],
    ])("counts units of 10^%i Wh", async (scale, wanted) => {
        const series = await seriesOf(grow(500_000, 0n, [1, 1, 3]), { scale });
        expect(series.map(({ importWh }) => importWh)).toEqual(wanted);
    });

    it("in finer units than Wh adds up all the same", async () => {
        const series = await seriesOf(grow(500_000, 0n, [17, 9, 9, 9, 1234]), { scale: -1 });
        expect(usageOfSeries(series, "slot").totalImportWh).toBe(127n - 1n);
        const sum = usageOfSeries(series, "slot").intervals.reduce(
            (wh, { importWh }) => wh + (importWh ?? 0n),
            0n,
        );
        expect(sum).toBe(126n);
    });

    it("with the wrong key is a fault and not nonsense", async () => {
        const home = await Home.create();
        const records = [await home.record(grow(500_000, 5n, Array(48).fill(3)))];
        for (let i = 0; i < 20; i++) {
            const key = { ...home.key, master: testBytes(`wrong ${i}`, 32) };
            expect(openSeries(key, records)).toMatchObject({
                ok: false,
                error: { code: "MS_REGISTER_CAP" },
            });
        }
    });

    it("refuses what the key file does not describe", async () => {
        const home = await Home.create();
        const records = [await home.record(grow(500_000, 5n, [1, 1]))];
        const { key } = home;
        const foreign: [string, Parameters<typeof openSeries>[0]][] = [
            ["meter", { ...key, meter: testBytes("x", 16) }],
            ["stream", { ...key, stream: { ...key.stream, streamId: testBytes("x", 16) } }],
            ["seal epoch", { ...key, stream: { ...key.stream, sealEpoch: 1 } }],
            ["slots", { ...key, stream: { ...key.stream, slotSeconds: 1800 } }],
            ["groups", { ...key, stream: { ...key.stream, groups: [{ group: 1, channels: 1 }] } }],
            ["scale", { ...key, scale: 3 }],
        ];
        for (const [name, other] of foreign) {
            expect(openSeries(other, records), name).toMatchObject({
                ok: false,
                error: { code: "MS_KEY_FOREIGN" },
            });
        }
        expect(openSeries({ ...key, master: null }, records)).toMatchObject({
            ok: false,
            error: { code: "MS_KEY_FILE" },
        });
    });

    it("sorts, and passes over records that carry no registers", async () => {
        const home = await Home.create();
        const first = await home.record(grow(500_000, 5n, [1, 1]));
        const second = await home.record(grow(500_002, 7n, [1, 1]));
        const other = { ...first, recordClass: 5 };
        const series = unwrap(openSeries(home.key, [second, other, first]));
        expect(series.map(({ slot }) => slot)).toEqual([500_000, 500_001, 500_002, 500_003]);
    });
});

describe("usage", () => {
    it.each([
        ["2013-03-30", "2013-04-02", [24, 23, 24]],
        ["2013-10-26", "2013-10-29", [24, 25, 24]],
    ])("C12 follows civil days of London from %s", async (from, to, hours) => {
        const shift = (day: string): string =>
            new Date(
                (at(`${day}T00:00Z`) - (day > "2013-03-31" && day < "2013-10-27T02" ? 3600 : 0)) *
                    1000,
            ).toISOString();
        const series = await seriesOf(steady(shift(from), shift(to), 1800), {
            slotSeconds: 1800,
            zone: "Europe/London",
        });
        const days = usageOfSeries(series, "day");
        expect(widths(days.intervals)).toEqual(hours);
        expect(days.intervals.map(({ importWh }) => importWh)).toEqual(
            hours.map((hour) => BigInt(2 * hour)),
        );
        expect(widths(usageOfSeries(series, "hour").intervals)).toEqual(
            Array(hours.reduce((sum, hour) => sum + hour, 0)).fill(1),
        );
    });

    it.each([
        // Offset of 5:45, no change; a change by half an hour; offset of -3:30, a change by an hour.
        ["Asia/Kathmandu", 900, "2013-04", "2013-05", 0, 24],
        ["Australia/Lord_Howe", 1800, "2013-04", "2013-05", 6, 24.5],
        ["America/St_Johns", 1800, "2013-11", "2013-12", 2, 25],
    ])(
        "C12 follows civil days of %s, which add up to the month",
        async (zone, slotSeconds, month, next, day, hours) => {
            const iso = (text: string): string =>
                new Date(unwrap(parseInstant(`${text}-01`, zone)) * 1000).toISOString();
            const readings = steady(iso(month), iso(next), slotSeconds);
            const series = await seriesOf(readings, { slotSeconds, zone }, 384);
            const days = usageOfSeries(series, "day").intervals;
            const wanted: number[] = Array(30).fill(24);
            wanted[day] = hours;
            expect(widths(days)).toEqual(wanted);
            expect(days.map(({ importWh }) => Number(importWh))).toEqual(
                wanted.map((width) => (width * 3600) / slotSeconds),
            );
            const months = usageOfSeries(series, "month").intervals;
            expect(months).toHaveLength(1);
            expect(months[0]?.importWh).toBe(
                days.reduce((sum, each) => sum + (each.importWh ?? 0n), 0n),
            );
            expect(months[0]?.importWh).toBe(BigInt(readings.length - 1));
        },
    );

    it("C11 of old records stays what it was when the household's zone is another today", async () => {
        const home = await Home.create({ slotSeconds: 1800, zone: "Europe/London" });
        const readings = steady("2013-03-30T00:00Z", "2013-04-02T23:00Z", 1800);
        const records: MeterRecord[] = [];
        for (let i = 0; i < readings.length; i += 48) {
            records.push(await home.record(readings.slice(i, i + 48)));
        }
        const read = (zone: string, level: UsageLevel) =>
            usageOfSeries(unwrap(openSeries({ ...home.key, zone }, records)), level);
        for (const level of LEVELS) {
            expect(read("Asia/Kathmandu", level)).toEqual(read("Europe/London", level));
        }
    });

    it("cuts months, and shorter ends", async () => {
        const series = await seriesOf(
            steady("2013-01-30T12:00Z", "2013-03-01T06:00Z", 1800),
            { slotSeconds: 1800 },
            384,
        );
        const months = usageOfSeries(series, "month");
        expect(widths(months.intervals)).toEqual([36, 28 * 24, 6]);
        expect(months.totalImportWh).toBe(BigInt(2 * (36 + 28 * 24 + 6)));
        expect(months.coverage).toBe(1);
    });

    it("shows a blank as a blank, and the catch-up where it lands", async () => {
        const readings: Reading[] = [
            { slot: 500_000, registers: [100n, 5n] },
            { slot: 500_001, registers: [100n, 5n], flag: FLAG.missing },
            { slot: 500_002, registers: [100n, 6n], flag: FLAG.powerOff },
            { slot: 500_003, registers: [130n, 6n] },
            { slot: 500_004, registers: [131n, 6n], flag: FLAG.estimated },
        ];
        const series = await seriesOf(readings, { groups: [0, 1] });
        const usage = usageOfSeries(series, "slot");
        expect(usage.intervals).toMatchObject([
            { importWh: null, exportWh: null, quality: "missing" },
            { importWh: null, exportWh: 1n, quality: "missing" },
            { importWh: 30n, exportWh: 0n, quality: "measured" },
            { importWh: 1n, exportWh: 0n, quality: "estimated" },
        ]);
        expect(usage).toMatchObject({
            totalImportWh: 31n,
            totalExportWh: 1n,
            coverage: 0.25,
            estimated: 0.25,
        });
    });

    it("counts a lost record as unmeasured, and its energy once", async () => {
        const home = await Home.create({ slotSeconds: 1800 });
        const readings = steady("2013-06-01T00:00Z", "2013-06-02T23:30Z", 1800);
        const records: MeterRecord[] = [];
        for (let i = 0; i < readings.length; i += 12) {
            records.push(await home.record(readings.slice(i, i + 12)));
        }
        records.splice(2, 1);
        const series = unwrap(openSeries(home.key, records));
        const slots = usageOfSeries(series, "slot");
        expect(slots.intervals.filter(({ quality }) => quality !== "measured")).toMatchObject([
            { importWh: 13n, quality: "missing" },
        ]);
        expect(slots.totalImportWh).toBe(95n);
        expect(slots.coverage).toBeCloseTo((95 - 13) / 95, 9);
        const hours = usageOfSeries(series, "hour").intervals;
        expect(hours.filter(({ quality }) => quality !== "measured")).toMatchObject([
            { importWh: 14n, quality: "partial" },
        ]);
        expect(usageOfSeries(series, "month").intervals).toMatchObject([
            { quality: "partial", importWh: 95n },
        ]);
    });

    it("cuts from and to, and counts what lies outside the records as not covered", async () => {
        const series = await seriesOf(steady("2013-06-10T00:00Z", "2013-06-11T00:00Z", 1800), {
            slotSeconds: 1800,
            zone: "UTC",
        });
        const inside = usageOfSeries(
            series,
            "hour",
            at("2013-06-10T05:15Z"),
            at("2013-06-10T08:00Z"),
        );
        expect(inside.intervals[0]?.fromUnix).toBe(at("2013-06-10T05:30Z"));
        expect(inside.totalImportWh).toBe(5n);
        expect(inside.coverage).toBe(1);
        const month = usageOfSeries(
            series,
            "day",
            at("2013-06-01T00:00Z"),
            at("2013-07-01T00:00Z"),
        );
        expect(month.totalImportWh).toBe(48n);
        expect(month.coverage).toBeCloseTo(1 / 30, 9);
        const half = usageOfSeries(series, "day", at("2013-06-10T12:00Z"), at("2013-06-11T12:00Z"));
        expect(half.coverage).toBeCloseTo(0.5, 9);
        const before = usageOfSeries(
            series,
            "slot",
            at("2012-01-01T00:00Z"),
            at("2012-02-01T00:00Z"),
        );
        expect(before).toMatchObject({ intervals: [], totalImportWh: 0n, coverage: 0 });
        const none = usageOfSeries(
            series,
            "slot",
            at("2013-06-10T08:00Z"),
            at("2013-06-10T08:00Z"),
        );
        expect(none).toMatchObject({ intervals: [], coverage: 0 });
        expect(usageOfSeries([], "slot")).toMatchObject({
            intervals: [],
            totalImportWh: 0n,
            totalExportWh: null,
            coverage: 0,
        });
    });

    it("adds up to the register difference at every level, whatever is missing", () => {
        const ladders = ["Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"].map((zone) =>
            unwrap(createLadder(zone, 1800)),
        );
        const step = fc.record({
            skip: fc.oneof(
                { weight: 9, arbitrary: fc.constant(0) },
                fc.integer({ min: 1, max: 90 }),
            ),
            flag: fc.oneof(
                { weight: 4, arbitrary: fc.constant(0) },
                fc.integer({ min: 1, max: 5 }),
            ),
            imported: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 40 })),
            exported: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 40 })),
        });
        const property = fc.property(
            fc.constantFrom(...ladders),
            fc.integer({ min: 230_000, max: 245_000 }),
            fc.array(step, { minLength: 1, maxLength: 150 }),
            (ladder, start, steps) => {
                let slot = start;
                let importWh = 0n;
                let exportWh = 2n ** 60n;
                const series = steps.map(({ exported, flag, imported, skip }): OpenBoundary => {
                    slot += 1 + skip;
                    importWh += BigInt(imported);
                    exportWh += BigInt(exported);
                    const { level } = ladder.addressOf(slot);
                    return { slot, unix: unixOfSlot(slot, 1800), level, importWh, exportWh, flag };
                });
                const [first, last] = [series[0], series.at(-1)] as [OpenBoundary, OpenBoundary];
                for (const level of LEVELS) {
                    const usage = usageOfSeries(series, level);
                    const sum = (of: (interval: UsageInterval) => bigint | null): bigint =>
                        usage.intervals.reduce((wh, interval) => wh + (of(interval) ?? 0n), 0n);
                    expect(sum((each) => each.importWh)).toBe(last.importWh - first.importWh);
                    expect(sum((each) => each.exportWh)).toBe(
                        (last.exportWh ?? 0n) - (first.exportWh ?? 0n),
                    );
                    expect(usage.totalImportWh).toBe(last.importWh - first.importWh);
                    expect(usage.coverage).toBeGreaterThanOrEqual(0);
                    expect(usage.coverage).toBeLessThanOrEqual(1);
                    usage.intervals.forEach(({ fromUnix, toUnix }, i) => {
                        expect(toUnix).toBeGreaterThan(fromUnix);
                        const next = usage.intervals[i + 1];
                        if (next !== undefined) expect(next.fromUnix).toBe(toUnix);
                    });
                }
            },
        );
        fc.assert(property, { numRuns: 150 });
    });
});
