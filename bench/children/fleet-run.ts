/** Meters of the demo and, forked by it, their server: the replay as `meterseal demo` runs it. */
import { readdirSync, readFileSync } from "node:fs";
import { Neighbourhood } from "../../packages/node/src/fleet/neighbourhood.ts";
import { answerCalls } from "../lib/child.ts";
import { cpuSeconds } from "../lib/measure.ts";
import { QUIET_LOG } from "../lib/roles.ts";

/** What a replay took. */
export type FleetCost = {
    readonly readings: number;
    readonly records: number;
    readonly startS: number;
    /** Until every reading is sealed, signed, on the meter's disk and handed to its link. */
    readonly fedS: number;
    /** Until every record is final. */
    readonly finalS: number;
    readonly metersCpuS: number;
    /** Threads of the server: null where the system does not tell. */
    readonly serverMainCpuS: number | null;
    readonly serverPoolCpuS: number | null;
};

/** Calls to this process. */
export type FleetCalls = {
    run: {
        input: { readonly dataDir: string; readonly meters: number; readonly days: number };
        output: FleetCost;
    };
};

answerCalls<FleetCalls>({
    async run({ dataDir, days, meters }) {
        const begun = performance.now();
        const neighbourhood = await Neighbourhood.start({
            dataDir,
            meters,
            days,
            speed: 0,
            california: 0,
            own: null,
            httpPort: 0,
            open: false,
            log: QUIET_LOG,
            signal: new AbortController().signal,
        });
        const started = performance.now();
        const cpu = cpuSeconds();
        const server = serverThreads();
        let fed = started;
        let readings = 0;
        await neighbourhood.replay((progress) => {
            fed = performance.now();
            readings = progress.readings;
        });
        const final = performance.now();
        const metersCpuS = cpuSeconds() - cpu;
        const after = serverThreads();
        const records = neighbourhood.households.reduce(
            (sum, { agent }) => sum + agent.recordCount,
            0,
        );
        await neighbourhood.stop();
        return {
            readings,
            records,
            startS: (started - begun) / 1000,
            fedS: (fed - started) / 1000,
            finalS: (final - started) / 1000,
            metersCpuS,
            serverMainCpuS: after === null ? null : after.main - (server?.main ?? 0),
            serverPoolCpuS: after === null ? null : after.pool - (server?.pool ?? 0),
        };
    },
});

const TICKS_PER_SECOND = 100;

/** CPU-seconds of the forked server by kind of thread, from Linux's /proc. */
function serverThreads(): { readonly main: number; readonly pool: number } | null {
    try {
        const path = `/proc/${process.pid}/task/${process.pid}/children`;
        const pid = readFileSync(path, "utf8").trim().split(" ")[0] ?? "";
        let main = 0;
        let pool = 0;
        for (const thread of readdirSync(`/proc/${pid}/task`)) {
            const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
            const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
            const spent = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
            if (thread === pid) main += spent;
            else pool += spent;
        }
        return { main, pool };
    } catch {
        return null;
    }
}
