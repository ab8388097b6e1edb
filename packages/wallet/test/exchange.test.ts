import { readFileSync } from "node:fs";
import { unwrap } from "@meterseal/core";
import {
    createRecord,
    type EVENT_KIND,
    encodeWarning,
    FLAG,
    type MeterRecord,
    RECORD_CLASS,
    WARNING_KIND,
} from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { estimateGaps, openServicePoint, type UsageInterval, usageOfSeries } from "../src/index.ts";
import { event as eventOf, type Row, record, SLOT, usage as usageOf } from "./epoch-records.ts";
import { Home } from "./home.ts";

let home: Home;
beforeAll(async () => {
    home = await Home.create();
});

const usage = (epoch: number, firstSlot: number, list: readonly Row[]) =>
    usageOf(home, epoch, firstSlot, list);
const event = (
    epoch: number,
    kind: keyof typeof EVENT_KIND,
    wh: bigint,
    before?: Parameters<typeof eventOf>[4],
) => eventOf(home, epoch, kind, wh, before);

const rows = (...values: number[]): Row[] => values.map((wh) => ({ wh: BigInt(wh) }));
const amounts = (records: readonly MeterRecord[]) => {
    const { joins, series } = unwrap(openServicePoint(home.key, records));
    const { coverage, intervals, totalImportWh } = usageOfSeries(series, "slot");
    return {
        wh: intervals.map(({ importWh }) => importWh),
        quality: intervals.map(({ quality }) => quality),
        totalImportWh,
        coverage,
        handovers: joins.map(({ handover }) => handover),
    };
};

describe("C3 a meter exchange, the new meter not at 0", () => {
    it("keeps the series of the metering point whole, in any order of records", async () => {
        const old = [
            await usage(0, SLOT, rows(1_000, 1_010, 1_025)),
            await event(0, "closing", 1_029n),
        ];
        const closing = old[1]?.message.hash as Uint8Array;
        const fresh = [
            await event(1, "opening", 70_000n, { closing }),
            await usage(1, SLOT + 3, rows(70_006, 70_020)),
        ];
        const wanted = {
            wh: [10n, 15n, 10n, 14n],
            quality: Array(4).fill("measured"),
            totalImportWh: 49n,
            coverage: 1,
            handovers: ["signed"],
        };
        expect(amounts([...old, ...fresh])).toEqual(wanted);
        expect(amounts([...fresh, ...old].reverse())).toEqual(wanted);
    });

    it("behind a dead meter counts what was read off it, as estimated", async () => {
        const records = [
            await usage(0, SLOT, rows(1_000, 1_010, 1_025)),
            await event(1, "opening", 0n, { statedWh: 1_029n }),
            await usage(1, SLOT + 3, rows(6, 20)),
        ];
        expect(amounts(records)).toMatchObject({
            wh: [10n, 15n, 10n, 14n],
            quality: ["measured", "measured", "estimated", "measured"],
            handovers: ["stated"],
        });
    });

    it("behind a dead meter that nobody read invents nothing: the interval is missing", async () => {
        const records = [
            await usage(0, SLOT, rows(1_000, 1_010, 1_025)),
            await event(1, "opening", 0n, {}),
            await usage(1, SLOT + 3, rows(0, 14)),
        ];
        expect(amounts(records)).toMatchObject({
            wh: [10n, 15n, null, 14n],
            quality: ["measured", "measured", "missing", "measured"],
            handovers: ["unknown"],
        });
    });

    it("behind a dead meter that nobody read keeps what it measured up to the new one's first boundary", async () => {
        const records = [
            await usage(0, SLOT, rows(1_000, 1_010, 1_025)),
            await event(1, "opening", 0n, {}),
            await usage(1, SLOT + 2, rows(0, 14)),
        ];
        expect(amounts(records)).toMatchObject({
            wh: [10n, 15n, 14n],
            quality: Array(3).fill("measured"),
            handovers: ["unknown"],
        });
    });

    it.each([
        ["a final register below a sealed one", 1_024n, "right", 3, "MS_REGISTER_DECREASED"],
        ["an opening that names another closing", 1_029n, "wrong", 3, "MS_CHAIN_MISMATCH"],
        ["an opening whose closing is missing", 1_029n, "none", 3, "MS_CHAIN_MISMATCH"],
        ["epochs that overlap", 1_029n, "right", 1, "MS_RESEALED"],
    ])("refuses %s", async (_, finalWh, names, from, code) => {
        const closed = await event(0, "closing", finalWh);
        const closing = names === "wrong" ? testBytes("other", 32) : closed.message.hash;
        const records = [
            await usage(0, SLOT, rows(1_000, 1_010, 1_025)),
            ...(names === "none" ? [] : [closed]),
            await event(1, "opening", 0n, { closing }),
            await usage(1, SLOT + from, rows(6, 20)),
        ];
        expect(openServicePoint(home.key, records)).toMatchObject({ ok: false, error: { code } });
    });

    it("C7 adds up to the register differences of all devices, exactly", async () => {
        const device = fc.record({
            start: fc.nat(100_000),
            head: fc.nat(500),
            tail: fc.nat(500),
            steps: fc.array(fc.nat(2_000), { minLength: 1, maxLength: 8 }),
        });
        await fc.assert(
            fc.asyncProperty(fc.array(device, { minLength: 1, maxLength: 4 }), async (devices) => {
                const records: MeterRecord[] = [];
                let slot = SLOT;
                let wanted = 0n;
                let closing: Uint8Array | undefined;
                for (const [epoch, { head, start, steps, tail }] of devices.entries()) {
                    let wh = BigInt(start);
                    if (closing !== undefined) {
                        records.push(await event(epoch, "opening", wh, { closing }));
                        wanted += BigInt(head);
                    }
                    wh += BigInt(head);
                    const list = [wh, ...steps.map((step) => (wh += BigInt(step)))];
                    wanted += (list.at(-1) as bigint) - (list[0] as bigint);
                    records.push(
                        await usage(
                            epoch,
                            slot,
                            list.map((each) => ({ wh: each })),
                        ),
                    );
                    slot += list.length;
                    if (epoch === devices.length - 1) break;
                    const closed = await event(epoch, "closing", wh + BigInt(tail));
                    wanted += BigInt(tail);
                    closing = closed.message.hash;
                    records.push(closed);
                }
                const { totalImportWh, wh } = amounts(records);
                expect(totalImportWh).toBe(wanted);
                expect(wh.reduce<bigint>((sum, each) => sum + (each ?? 0n), 0n)).toBe(wanted);
            }),
            { numRuns: 25 },
        );
    });
});

describe("C1 a gap and its catch-up", () => {
    it("is spread as estimated, with the exact total and nothing negative", async () => {
        const gap: Row[] = Array.from({ length: 960 }, () => ({ wh: 500n, flag: FLAG.missing }));
        const records: MeterRecord[] = [];
        const all: Row[] = [{ wh: 490n }, { wh: 500n }, ...gap, { wh: 10_611n }, { wh: 10_620n }];
        for (let i = 0; i < all.length; i += 384) {
            records.push(await usage(0, SLOT + i, all.slice(i, i + 384)));
        }
        const { series } = unwrap(openServicePoint(home.key, records));
        const before = usageOfSeries(series, "slot");
        expect(before.intervals.at(-2)).toMatchObject({ importWh: 10_111n, marks: ["catch-up"] });
        expect(before.intervals[1]).toMatchObject({ importWh: null, quality: "missing" });
        const spread = usageOfSeries(estimateGaps(series), "slot");
        const inGap = spread.intervals.slice(1, -1).map(({ importWh }) => importWh as bigint);
        expect(inGap).toHaveLength(961);
        expect(inGap.every((wh) => wh === 10n || wh === 11n)).toBe(true);
        expect(inGap.reduce((sum, wh) => sum + wh, 0n)).toBe(10_111n);
        expect(spread.totalImportWh).toBe(before.totalImportWh);
        expect(spread.intervals[1]).toMatchObject({ quality: "estimated" });
        expect(spread.coverage).toBeLessThan(0.01);
    });

    it("C4 an hour sent twice in place of the next is no peak: both are estimated", async () => {
        const all: Row[] = [
            { wh: 0n },
            { wh: 100n },
            { wh: 100n, flag: FLAG.missing },
            { wh: 301n },
        ];
        const { series } = unwrap(openServicePoint(home.key, [await usage(0, SLOT, all)]));
        const { intervals } = usageOfSeries(estimateGaps(series), "slot");
        expect(intervals).toMatchObject([
            { importWh: 100n, quality: "measured" },
            { importWh: 100n, quality: "estimated" },
            { importWh: 101n, quality: "estimated" },
        ]);
    });

    it("flows in no interval without power, and stays missing at the open end", async () => {
        const all: Row[] = [
            { wh: 0n },
            { wh: 0n, flag: FLAG.powerOff },
            { wh: 0n, flag: FLAG.missing },
            { wh: 8n },
            { wh: 8n, flag: FLAG.missing },
        ];
        const { series } = unwrap(openServicePoint(home.key, [await usage(0, SLOT, all)]));
        const { intervals } = usageOfSeries(estimateGaps(series), "slot");
        expect(intervals).toMatchObject([
            { importWh: null, quality: "missing", marks: ["power off"] },
            { importWh: 4n, quality: "estimated" },
            { importWh: 4n, quality: "estimated" },
            { importWh: null, quality: "missing" },
        ]);
    });
});

describe("a gap in the energy of intervals", () => {
    const all: Row[] = [
        { wh: 0n },
        { wh: 100n },
        { wh: 100n, flag: FLAG.missing },
        { wh: 301n },
        { wh: 301n, flag: FLAG.missing },
        { wh: 320n },
    ];
    const warn = (kind: number, fromSlot: number, stream = home.key.stream.streamId) =>
        record(home, 0, (place: never) =>
            createRecord(home.meter.signer, {
                ...(place as object),
                recordClass: RECORD_CLASS.warning,
                body: encodeWarning({ stream, sealEpoch: 0, kind, fromSlot }),
            } as never),
        );

    it("is lost: no later interval caught up, and nothing is spread, in any order of records", async () => {
        const records = [await warn(WARNING_KIND.lost, SLOT), await usage(0, SLOT, all)];
        for (const each of [records, records.toReversed()]) {
            const { series } = unwrap(openServicePoint(home.key, each));
            const usage = usageOfSeries(series, "slot");
            expect(usage.intervals.map(({ marks }) => marks)).toEqual([[], [], [], [], []]);
            expect(usage.intervals).toMatchObject([
                { importWh: 100n, quality: "measured" },
                { importWh: null, quality: "missing" },
                { importWh: 201n, quality: "measured" },
                { importWh: null, quality: "missing" },
                { importWh: 19n, quality: "measured" },
            ]);
            expect(usage).toMatchObject({ totalImportWh: 320n, coverage: 0.6 });
            expect(estimateGaps(series)).toEqual(series);
        }
    });

    it("is lost from the named slot on only", async () => {
        const from = await warn(WARNING_KIND.lost, SLOT + 4);
        const { series } = unwrap(openServicePoint(home.key, [from, await usage(0, SLOT, all)]));
        const { intervals } = usageOfSeries(estimateGaps(series), "slot");
        expect(intervals).toMatchObject([
            { importWh: 100n, quality: "measured" },
            { importWh: 100n, quality: "estimated" },
            { importWh: 101n, quality: "estimated" },
            { importWh: null, quality: "missing" },
            { importWh: 19n, quality: "measured" },
        ]);
    });

    it("is caught up as ever where the warning is another one, or of another stream", async () => {
        const usageRecord = await usage(0, SLOT, all);
        const others = [
            await warn(WARNING_KIND.thinned, SLOT),
            await warn(WARNING_KIND.lost, SLOT, testBytes("another", 16)),
            await record(home, 0, (place: never) =>
                createRecord(home.meter.signer, {
                    ...(place as object),
                    recordClass: RECORD_CLASS.warning,
                    body: "free",
                } as never),
            ),
        ];
        const { series } = unwrap(openServicePoint(home.key, [...others, usageRecord]));
        expect(usageOfSeries(series, "slot").intervals[2]).toMatchObject({ marks: ["catch-up"] });
    });
});

describe("docs/guides/readings.md", () => {
    const guide = readFileSync(
        new URL("../../../docs/guides/readings.md", import.meta.url),
        "utf8",
    );

    it("shows of a gap what the reader sees", async () => {
        const all: Row[] = [
            { wh: 0n },
            { wh: 100n },
            { wh: 100n, flag: FLAG.missing },
            { wh: 301n },
        ];
        const { series } = unwrap(openServicePoint(home.key, [await usage(0, SLOT, all)]));
        const cell = ({ importWh, marks, quality }: UsageInterval): string =>
            importWh === null ? "no reading" : `${importWh} Wh, ${marks[0] ?? quality}`;
        const seen = usageOfSeries(series, "slot").intervals.map(cell);
        const spread = usageOfSeries(estimateGaps(series), "slot").intervals.map(cell);
        const sealed = ["100", "100, missing", "301"];
        for (const [i, text] of sealed.entries()) {
            expect(guide).toContain(`| ${text} | ${seen[i]} | ${spread[i]} |`);
        }
    });

    it("shows of an exchange what the reader sees", async () => {
        const old = await usage(0, SLOT, rows(1_000, 1_025));
        const closed = await event(0, "closing", 1_029n);
        const closing = closed.message.hash;
        const opened = await event(1, "opening", 70_000n, { closing });
        const next = await usage(1, SLOT + 2, rows(70_006));
        const { wh } = amounts([old, closed, opened, next]);
        expect(guide).toContain(`(1,029 − 1,025) + (70,006 − 70,000) = ${wh[1]} Wh, measured`);
    });
});
