import type { Curve } from "../lib/curve.ts";
import { type BurstCost, IngestRun } from "../lib/ingest-run.ts";
import { formatNumber, type Row, type Suite } from "../lib/report.ts";
import { inTempDirectory } from "../lib/temp.ts";

const READINGS_PER_RECORD = 96;
/** Of each measured burst, however many meters share it. */
const RECORDS = 10_000;
const SCALES = [100, 300, 1_000, 3_000, 10_000];
/** Under way at one time: a town's meters do not all send in the same second. */
const MESSAGES_AT_ONCE = 400;
/** The largest scale may cost so much more a reading than the smallest. */
const FLAT = 1.3;

/** What so many meters cost. */
type Scale = { readonly meters: number; readonly cost: BurstCost };

/** From one street to a town: the same records from ever more meters. */
export const scalingSuite: Suite = {
    name: "scaling",
    title: `from 100 to 10,000 meters: ${RECORDS} records of ${READINGS_PER_RECORD} readings, each signed and a message of its own`,
    async run({ quick }) {
        const scales = quick ? [10, 100] : SCALES;
        const records = quick ? 500 : RECORDS;
        const results: Scale[] = [];
        for (const meters of scales) results.push({ meters, cost: await run(meters, records) });
        const [first, ...more] = results;
        if (first === undefined) throw new Error("no scale");
        const usOf = ({ cost }: Scale): number =>
            (cost.server.cpuS / (cost.records * READINGS_PER_RECORD)) * 1e6;
        const unit = "µs of CPU a reading";
        const rows: Row[] = more.map((scale) => ({
            what: `${scale.meters} meters: server`,
            ours: { value: usOf(scale), unit },
            against: { value: usOf(first), unit, of: `${first.meters} meters` },
            ratio: usOf(first) / usOf(scale),
            target: { on: "ratio", atLeast: 1 / FLAT },
        }));
        return {
            rows,
            facts: [
                "each meter has a key, a chain and sealed registers of its own and, all at once, a connection of its own; simulated are its hardware and its client, which sends beforehand signed messages one after the other and keeps no outbox",
                ...results.map(factOf),
            ],
            curves: curvesOf(results),
        };
    },
};

async function run(meters: number, records: number): Promise<BurstCost> {
    return await inTempDirectory(async (dataDir) => {
        const burst = {
            messages: Math.max(1, Math.round(records / meters)),
            recordsPerMessage: 1,
            readingsPerRecord: READINGS_PER_RECORD,
        };
        const run = await IngestRun.start({
            dataDir,
            plain: false,
            light: true,
            meters,
            window: 1,
            atOnce: MESSAGES_AT_ONCE,
            bursts: [{ ...burst, messages: 1 }, burst],
            profileDir: null,
        });
        const cost = await run.next();
        await run.stop();
        return cost;
    });
}

/** P3's figures 4 and 5, of ours. */
function curvesOf(results: readonly Scale[]): Curve[] {
    const line = (name: string, of: (cost: BurstCost) => number) => ({
        name,
        points: results.map(({ cost, meters }): [number, number] => [
            meters,
            Number(of(cost).toPrecision(4)),
        ]),
    });
    return [
        {
            title: "Delay from sending a record to its signed receipt",
            ...{ over: "meters", unit: "ms" },
            lines: [
                line("half of them", ({ load }) => load.latencyP50Ms),
                line("99 of 100", ({ load }) => load.latencyP99Ms),
            ],
        },
        {
            title: "Throughput by the clock",
            ...{ over: "meters", unit: "readings a second" },
            lines: [
                line(
                    "readings",
                    ({ load, records }) => (records * READINGS_PER_RECORD) / load.wallS,
                ),
            ],
        },
    ];
}

function factOf({ cost, meters }: Scale): string {
    const { load, records, server } = cost;
    const us = (cpuS: number): string => formatNumber((cpuS / records) * 1e6);
    return [
        `${meters} meters: ${formatNumber((records * READINGS_PER_RECORD) / load.wallS)} readings/s by the clock`,
        `server CPU ${us(server.cpuS)} µs a record, of it main thread ${us(server.mainCpuS)}`,
        `acknowledged after p50 ${formatNumber(load.latencyP50Ms)} ms, p99 ${formatNumber(load.latencyP99Ms)} ms`,
        `loop lag p99 ${formatNumber(server.lagP99Ms)} ms`,
        `resident memory ${formatNumber(server.rssMb)} MB`,
    ].join("; ");
}
