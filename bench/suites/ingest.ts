import { cpus } from "node:os";
import { type BurstCost, IngestRun } from "../lib/ingest-run.ts";
import { CORES } from "../lib/machine.ts";
import { median } from "../lib/measure.ts";
import { measureVerifyLimit, type VerifyLimit, verifyPerCpuSecond } from "../lib/openssl.ts";
import { formatNumber, type Row, type Suite } from "../lib/report.ts";
import { inTempDirectory } from "../lib/temp.ts";

/** One signature per record, 100 records a message; 40 readings are what 64 KiB leave room for. */
const SHAPES = [
    { readingsPerRecord: 1, name: "single-reading records", messages: 8 },
    { readingsPerRecord: 40, name: "40-reading records", messages: 6 },
];
const RECORDS_PER_MESSAGE = 100;
const METERS = 32;
const METERS_QUICK = 8;
const WINDOW = 2;
const ROUNDS = 3;

/** Durable ingest over loopback MQTT against the speed of the signature check alone. */
export const ingestSuite: Suite = {
    name: "ingest",
    title: "durable ingest over loopback MQTT, one signature per record, 100 records a message",
    run: ({ profileDir, quick }) =>
        inTempDirectory(async (dataDir) => {
            const rounds = quick ? 1 : ROUNDS;
            const meters = quick ? METERS_QUICK : METERS;
            const round = SHAPES.map(({ messages, readingsPerRecord }) => ({
                messages: quick ? 2 : messages,
                recordsPerMessage: RECORDS_PER_MESSAGE,
                readingsPerRecord,
            }));
            const warmUp = {
                messages: 2,
                recordsPerMessage: RECORDS_PER_MESSAGE,
                readingsPerRecord: 1,
            };
            const run = await IngestRun.start({
                dataDir,
                plain: false,
                meters,
                window: WINDOW,
                bursts: [warmUp, ...Array.from({ length: rounds }, () => round).flat()],
                profileDir,
            });
            const limits: VerifyLimit[] = [];
            const costs: BurstCost[][] = SHAPES.map(() => []);
            for (let i = 0; i < rounds; i++) {
                limits.push(await measureVerifyLimit());
                for (const list of costs) list.push(await run.next());
            }
            await run.stop();
            const limit = median(limits.map(({ perS }) => perS));
            const perCpuS = verifyPerCpuSecond();
            const source = limits[0]?.source ?? "";
            return {
                rows: SHAPES.flatMap(({ name }, i) =>
                    rowsOf(name, costs[i] ?? [], limit, source, perCpuS),
                ),
                facts: [
                    `${meters} meters, ${WINDOW} messages of each under way; the load generator runs on the same ${cpus().length} cores and is not counted out`,
                    `limits of the rounds: ${limits.map(({ perS }) => formatNumber(perS)).join(", ")} verifications/s by ${source} (-elapsed); node:crypto: ${formatNumber(perCpuS)} per CPU-second and thread`,
                    ...SHAPES.map(({ name }, i) => factOf(name, costs[i] ?? [])),
                ],
            };
        }),
};

function rowsOf(
    name: string,
    costs: readonly BurstCost[],
    limit: number,
    source: string,
    perCpuS: number,
): Row[] {
    const of = (value: (cost: BurstCost) => number): number => median(costs.map(value));
    const rate = of(({ load, records }) => records / load.wallS);
    const perServerCpuS = of(({ records, server }) => records / server.cpuS);
    const perAllCpuS = of(({ load, records, server }) => records / (server.cpuS + load.cpuS));
    const upTo = (what: string, value: number, unit: string, atMost: number): Row => ({
        what: `${name}: ${what}`,
        ours: { value, unit },
        against: null,
        ratio: null,
        target: { on: "ours", atMost },
    });
    return [
        {
            what: `${name}: by the clock`,
            ours: { value: rate, unit: "records/s" },
            against: { value: limit, unit: "verify/s", of: source },
            ratio: rate / limit,
            target: { on: "ratio", atLeast: 0.75 },
        },
        {
            what: `${name}: per CPU-second of the server`,
            ours: { value: perServerCpuS, unit: "records" },
            against: { value: perCpuS, unit: "verify", of: "node:crypto" },
            ratio: perServerCpuS / perCpuS,
            target: null,
        },
        {
            what: `${name}: ${CORES} cores busy, load generator off them`,
            ours: { value: perServerCpuS * CORES, unit: "records/s" },
            against: { value: limit, unit: "verify/s", of: source },
            ratio: (perServerCpuS * CORES) / limit,
            target: null,
        },
        {
            what: `${name}: per CPU-second of server and load generator`,
            ours: { value: perAllCpuS, unit: "records" },
            against: { value: perCpuS, unit: "verify", of: "node:crypto" },
            ratio: perAllCpuS / perCpuS,
            target: null,
        },
        upTo(
            "event-loop lag p99",
            of(({ server }) => server.lagP99Ms),
            "ms",
            20,
        ),
        upTo("resident memory", Math.max(...costs.map(({ server }) => server.rssMb)), "MB", 300),
    ];
}

function factOf(name: string, costs: readonly BurstCost[]): string {
    const of = (value: (cost: BurstCost) => number): string =>
        formatNumber(median(costs.map(value)));
    return [
        `${name}: rounds ${costs.map(({ load, records }) => formatNumber(records / load.wallS)).join(", ")} records/s`,
        `server CPU ${of(({ records, server }) => (server.cpuS / records) * 1e6)} µs a record, of it main thread ${of(({ records, server }) => (server.mainCpuS / records) * 1e6)}`,
        `load generator ${of(({ load, records }) => (load.cpuS / records) * 1e6)}`,
        `acknowledged after p50 ${of(({ load }) => load.latencyP50Ms)} ms, p99 ${of(({ load }) => load.latencyP99Ms)} ms`,
        `heap ${of(({ server }) => server.heapMb)} MB, outside it ${of(({ server }) => server.externalMb)} MB`,
        `longest loop lag ${of(({ server }) => server.lagMaxMs)} ms`,
    ].join("; ");
}
