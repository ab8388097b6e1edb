import { join } from "node:path";
import { unwrap } from "@meterseal/core";
import { sealedStreamOf } from "@meterseal/meter";
import { parseRecord, usageOf } from "@meterseal/record";
import {
    differenceOf,
    expandAddresses,
    type KeySource,
    openDifference,
    ownerKeys,
    type StreamLine,
    type TreeAddress,
} from "@meterseal/seal";
import { openServerStore, type StoreReader } from "@meterseal/stores/sqlite";
import { median } from "../lib/measure.ts";
import { type BenchMeter, ChainWriter, energyWh, FIRST_SLOT, makeMeters } from "../lib/meters.ts";
import { PlainRows } from "../lib/plain-rows.ts";
import { formatNumber, type Row, type Suite } from "../lib/report.ts";
import { inTempDirectory } from "../lib/temp.ts";
import { dayGrant, lineOfMeter, monthSums, openWindow } from "../lib/window-sums.ts";

const METERS = 12;
const DAY_SLOTS = 96;
/** First slot of each month of 2013 and of January 2014, as days after FIRST_SLOT. */
const RANGES = [
    { name: "1 month", fromDay: 181, toDay: 212 },
    { name: "6 months", fromDay: 90, toDay: 273 },
    { name: "12 months", fromDay: 1, toDay: 365 },
];
const ROUNDS = 9;

/** A register boundary as a store finds it. */
type Found = { readonly sealed: Uint8Array; readonly address: TreeAddress };

/** Sum over a range of one meter: two boundaries and a subtraction against SQL SUM over plain rows. */
export const querySuite: Suite = {
    name: "query",
    title: "energy of a range of one meter at the store, and opened by its reader",
    run: ({ quick }) =>
        inTempDirectory(async (directory) => {
            const meters = makeMeters(METERS, 1);
            const store = await openServerStore(join(directory, "server"));
            const plain = new PlainRows(join(directory, "plain.db"), 1);
            await fill(meters, store, plain);
            const rounds = quick ? 1 : ROUNDS;
            const rows: Row[] = [];
            const facts: string[] = [];
            const oursUs: number[] = [];
            for (const { fromDay, name, toDay } of RANGES) {
                const from = FIRST_SLOT + fromDay * DAY_SLOTS;
                const to = Math.min(
                    FIRST_SLOT + toDay * DAY_SLOTS,
                    FIRST_SLOT + 365 * DAY_SLOTS - 1,
                );
                await checkSums(meters, store.reader, plain, from, to);
                const ours = await microseconds(rounds, async (i) => {
                    await sumAtStore(store.reader, meters[i] as BenchMeter, from, to);
                });
                const sql = await microseconds(rounds, (i) =>
                    Promise.resolve(plain.sum(i, from, to)),
                );
                oursUs.push(ours);
                rows.push({
                    what: `${name}, at the store, no keys`,
                    ours: { value: ours, unit: "µs" },
                    against: { value: sql, unit: "µs", of: "SQL SUM" },
                    ratio: sql / ours,
                    target: { on: "ratio", atLeast: 1 },
                });
            }
            const [short, , long] = oursUs;
            const growth = (long ?? 0) / (short ?? 1);
            rows.push({
                what: "12 months against 1 month: constant in the range",
                ours: { value: growth, unit: "times the time" },
                against: { value: 11.7, unit: "times the rows" },
                ratio: null,
                target: { on: "ours", atMost: 1.3 },
            });
            rows.push(...(await readerRows(rounds, meters, store.reader)));
            rows.push(...(await windowRows(rounds, meters, store.reader, plain)));
            facts.push(
                `${METERS} meters, a year of quarter-hours each: ${formatNumber(METERS * 365 * DAY_SLOTS)} readings; every sum was compared with the SQL SUM`,
            );
            plain.close();
            await store.close();
            return { rows, facts };
        }),
};

async function readerRows(
    rounds: number,
    meters: readonly BenchMeter[],
    reader: StoreReader,
): Promise<Row[]> {
    const range = RANGES[0] ?? { fromDay: 0, toDay: 1 };
    const from = FIRST_SLOT + range.fromDay * DAY_SLOTS;
    const to = FIRST_SLOT + range.toDay * DAY_SLOTS;
    const found = await Promise.all(meters.map((meter) => sumAtStore(reader, meter, from, to)));
    const keys = meters.map(({ master, stream }) =>
        unwrap(ownerKeys(master, sealedStreamOf(stream))),
    );
    const open = (i: number, source: (typeof keys)[number]): void => {
        const sum = found[i];
        if (sum !== undefined) unwrap(openDifference(source, 0, sum.from, sum.to, sum.difference));
    };
    const warm = await microseconds(rounds, (i) => {
        open(i, keys[i] as (typeof keys)[number]);
        return Promise.resolve();
    });
    const cold = await microseconds(rounds, (i) => {
        const { master, stream } = meters[i] as BenchMeter;
        open(i, unwrap(ownerKeys(master, sealedStreamOf(stream))));
        return Promise.resolve();
    });
    const rowOf = (what: string, value: number): Row => ({
        what,
        ours: { value, unit: "µs" },
        against: null,
        ratio: null,
        target: null,
    });
    return [
        rowOf("opened by the reader, keys from the master secret", cold),
        rowOf("opened by the reader, keys kept", warm),
    ];
}

/** The twelve civil months of the year through the API's own code, opened with a grant of days. */
async function windowRows(
    rounds: number,
    meters: readonly BenchMeter[],
    reader: StoreReader,
    plain: PlainRows,
): Promise<Row[]> {
    const range = { from: FIRST_SLOT, to: FIRST_SLOT + 365 * DAY_SLOTS - 1 };
    const lines = await Promise.all(meters.map((meter) => lineOfMeter(reader, meter)));
    const grants = meters.map(dayGrant);
    const ask = (i: number) =>
        monthSums(reader, meters[i] as BenchMeter, lines[i] as StreamLine, range);
    const sums = await Promise.all(meters.map((_, i) => ask(i)));
    // The last window ends in the middle of a day, which no grant of days opens.
    const whole = sums.map((list) => list.slice(0, -1));
    for (const [i, list] of whole.entries()) {
        for (const sum of list) {
            const opened = openWindow(grants[i] as KeySource, sum);
            if (Number(opened) !== plain.sum(i, sum.fromSlot, sum.toSlot))
                throw new Error("the sums differ");
        }
    }
    const months = sums[0]?.length ?? 1;
    const ours = (await microseconds(rounds, ask)) / months;
    const sql = await microseconds(rounds, (i) => {
        for (const { fromSlot, toSlot } of sums[i] ?? []) plain.sum(i, fromSlot, toSlot);
        return Promise.resolve();
    });
    const open = await microseconds(rounds, (i) => {
        for (const sum of whole[i] ?? []) openWindow(grants[i] as KeySource, sum);
        return Promise.resolve();
    });
    const opened = open / (months - 1);
    return [
        {
            what: "months of a year, each at the store with coverage and records",
            ours: { value: ours, unit: "µs a window" },
            against: { value: sql / months, unit: "µs", of: "SQL SUM" },
            ratio: sql / months / ours,
            target: { on: "ratio", atLeast: 1 },
        },
        {
            what: "the same, and opened by the provider with a grant of days",
            ours: { value: ours + opened, unit: "µs a window" },
            against: { value: sql / months, unit: "µs", of: "SQL SUM" },
            ratio: sql / months / (ours + opened),
            target: null,
        },
    ];
}

async function fill(
    meters: readonly BenchMeter[],
    store: Awaited<ReturnType<typeof openServerStore>>,
    plain: PlainRows,
): Promise<void> {
    const writers = meters.map((meter, i) => new ChainWriter(meter, i, new Uint8Array(32)));
    for (let day = 0; day < 365; day++) {
        const records = await Promise.all(writers.map((writer) => writer.next(DAY_SLOTS)));
        await store.insertRecords(records.map((bytes) => unwrap(parseRecord(bytes))));
        plain.begin();
        for (let meter = 0; meter < METERS; meter++) {
            for (let i = 0; i < DAY_SLOTS; i++) {
                const slot = FIRST_SLOT + day * DAY_SLOTS + i;
                plain.add(meter, slot, () => energyWh(meter, slot, 0));
            }
        }
        plain.commit();
    }
}

/** The sealed sum of a range, with the addresses of its two boundaries. */
async function sumAtStore(
    reader: StoreReader,
    meter: BenchMeter,
    fromSlot: number,
    toSlot: number,
): Promise<{ from: TreeAddress; to: TreeAddress; difference: BigUint64Array }> {
    const from = await findBoundary(reader, meter.subject, fromSlot);
    const to = await findBoundary(reader, meter.subject, toSlot);
    const difference = unwrap(differenceOf(from.sealed, to.sealed));
    return { from: from.address, to: to.address, difference };
}

async function findBoundary(
    reader: StoreReader,
    subject: Uint8Array,
    slot: number,
): Promise<Found> {
    for await (const row of reader.recordsInSlots(subject, slot, slot)) {
        const usage = unwrap(usageOf(unwrap(parseRecord(row.bytes))));
        const offset = slot - usage.firstSlot;
        if (offset < 0 || offset >= usage.count || usage.values.mode !== "sealed") continue;
        const width = usage.values.bytes.length / usage.count;
        const sealed = usage.values.bytes.subarray(offset * width, (offset + 1) * width);
        const [address] = unwrap(expandAddresses(usage)).slice(offset);
        if (address !== undefined) return { sealed, address };
    }
    throw new Error(`no record holds slot ${slot}`);
}

/** Every sum must be the same on both sides, or the ratio says nothing. */
async function checkSums(
    meters: readonly BenchMeter[],
    reader: StoreReader,
    plain: PlainRows,
    from: number,
    to: number,
): Promise<void> {
    for (const [i, meter] of meters.entries()) {
        const sum = await sumAtStore(reader, meter, from, to);
        const keys = unwrap(ownerKeys(meter.master, sealedStreamOf(meter.stream)));
        const [opened] = unwrap(openDifference(keys, 0, sum.from, sum.to, sum.difference));
        if (Number(opened) !== plain.sum(i, from, to)) throw new Error("the sums differ");
    }
}

/** Microseconds of one query, median over rounds in which every meter is asked several times. */
async function microseconds(
    rounds: number,
    query: (meter: number) => Promise<unknown>,
): Promise<number> {
    const values: number[] = [];
    for (let round = -2; round < rounds; round++) {
        const start = performance.now();
        const queries = METERS * 20;
        for (let i = 0; i < queries; i++) await query(i % METERS);
        if (round >= 0) values.push(((performance.now() - start) / queries) * 1000);
    }
    return median(values);
}
