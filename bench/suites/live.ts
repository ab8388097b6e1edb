import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type BurstCost, IngestRun } from "../lib/ingest-run.ts";
import { median } from "../lib/measure.ts";
import { verifyPerCpuSecond } from "../lib/openssl.ts";
import { formatNumber, type Suite } from "../lib/report.ts";
import { inTempDirectory } from "../lib/temp.ts";

const METERS = 64;
const MESSAGES = 90;
const ROUNDS = 3;

/** The expensive class: every reading a signed record and a message of its own. */
export const liveSuite: Suite = {
    name: "live",
    title: "live readings, one signed record a message, against plain readings over the same link",
    run: ({ profileDir, quick }) =>
        inTempDirectory(async (directory) => {
            const rounds = quick ? 1 : ROUNDS;
            const messages = quick ? 10 : MESSAGES;
            const bursts = Array.from({ length: rounds + 1 }, () => ({
                messages,
                recordsPerMessage: 1,
                readingsPerRecord: 1,
            }));
            const start = (name: string, plain: boolean): Promise<IngestRun> => {
                const dataDir = join(directory, name);
                mkdirSync(dataDir);
                const options = {
                    dataDir,
                    plain,
                    meters: METERS,
                    window: 4,
                    profileDir: plain ? null : profileDir,
                };
                return IngestRun.start({ ...options, bursts });
            };
            const sealedRun = await start("sealed", false);
            const plainRun = await start("plain", true);
            const sealed: BurstCost[] = [];
            const plain: BurstCost[] = [];
            for (let i = 0; i < rounds; i++) {
                sealed.push(await sealedRun.next());
                plain.push(await plainRun.next());
            }
            await sealedRun.stop();
            await plainRun.stop();
            const perCpu = (costs: readonly BurstCost[]): number =>
                median(costs.map(({ records, server }) => records / server.cpuS));
            const wall = (costs: readonly BurstCost[]): number =>
                median(costs.map(({ load, records }) => records / load.wallS));
            const plainUs = 1e6 / perCpu(plain);
            return {
                rows: [
                    {
                        what: "per CPU-second of the server",
                        ours: { value: perCpu(sealed), unit: "records" },
                        against: { value: perCpu(plain), unit: "readings", of: "plain rows" },
                        ratio: perCpu(sealed) / perCpu(plain),
                        target: null,
                    },
                    {
                        what: "by the clock, load generator on the same cores",
                        ours: { value: wall(sealed), unit: "records/s" },
                        against: { value: wall(plain), unit: "readings/s", of: "plain rows" },
                        ratio: wall(sealed) / wall(plain),
                        target: null,
                    },
                ],
                facts: [
                    `${METERS} meters, 4 messages of each under way; the plain side parses JSON and writes rows with the same link and the same group commit, without keys, rules, log or receipts`,
                    `one signature check alone leaves at most ${formatNumber((100 * plainUs) / (plainUs + 1e6 / verifyPerCpuSecond()))} % of the plain side`,
                    factOf("sealed", sealed),
                    factOf("plain", plain),
                ],
            };
        }),
};

function factOf(name: string, costs: readonly BurstCost[]): string {
    const of = (value: (cost: BurstCost) => number): string =>
        formatNumber(median(costs.map(value)));
    const cpu = of(({ records, server }) => (server.cpuS / records) * 1e6);
    const main = of(({ records, server }) => (server.mainCpuS / records) * 1e6);
    const p50 = of(({ load }) => load.latencyP50Ms);
    const p99 = of(({ load }) => load.latencyP99Ms);
    const lag = of(({ server }) => server.lagP99Ms);
    return `${name}: server CPU ${cpu} µs a message, of it main thread ${main}; acknowledged after p50 ${p50} ms, p99 ${p99} ms; loop lag p99 ${lag} ms`;
}
