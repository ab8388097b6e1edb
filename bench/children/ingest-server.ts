/** Server process of the ingest suites: MQTT link, collector, engine and store, or plain rows. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createMqttCollectorLink } from "@meterseal/links/mqtt";
import { answerCalls } from "../lib/child.ts";
import type { BenchMeter } from "../lib/meters.ts";
import { PlainHandler } from "../lib/plain-handler.ts";
import { openRoles, QUIET_LOG } from "../lib/roles.ts";
import { TENANT } from "../lib/tenant.ts";

/** What a server says about its work since the last reset. */
export type ServerCost = {
    /** CPU-seconds of all threads, and of the main thread alone. */
    readonly cpuS: number;
    readonly mainCpuS: number;
    /** Lateness of the event loop beyond the 1 ms of the timer that measures it. */
    readonly lagP99Ms: number;
    readonly lagMaxMs: number;
    /** Largest resident set of the process so far. */
    readonly rssMb: number;
    /** Heap in use and bytes outside of it at the end. */
    readonly heapMb: number;
    readonly externalMb: number;
};

/** Calls to this process. */
export type ServerCalls = {
    start: {
        input: {
            readonly dataDir: string;
            readonly plain: boolean;
            readonly meters: readonly BenchMeter[];
        };
        output: {
            readonly url: string;
            readonly network: Uint8Array;
            readonly anchors: readonly Uint8Array[];
        };
    };
    reset: { input: null; output: null };
    /** Waits until all but the last, unfinished vertex of so many records is final. */
    measure: { input: { readonly records: number }; output: ServerCost };
};

/** Records of a vertex that may still wait for more. */
const OPEN_VERTEX = 500;
/** Longest wait for the ledger. */
const FINAL_WITHIN_MS = 15_000;
const RESOLUTION_MS = 1;

const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let finalRecords = (): number => Number.POSITIVE_INFINITY;
let cpu = process.cpuUsage();
let mainCpu = process.threadCpuUsage();

answerCalls<ServerCalls>({
    async start({ dataDir, meters, plain }) {
        const link = createMqttCollectorLink({
            host: "127.0.0.1",
            port: 0,
            tenant: TENANT,
            log: QUIET_LOG,
            maxConnections: meters.length + 10,
        });
        if (plain) {
            const url = await link.listen(new PlainHandler(dataDir));
            return { url, network: new Uint8Array(32), anchors: [] };
        }
        const roles = await openRoles(dataDir);
        finalRecords = roles.finalRecords;
        const anchors = await roles.enrol(meters);
        const url = await roles.collector.listen(link);
        return { url, network: roles.engine.state.networkId, anchors };
    },
    reset() {
        lag.enable();
        lag.reset();
        cpu = process.cpuUsage();
        mainCpu = process.threadCpuUsage();
        return null;
    },
    async measure({ records }) {
        const lagP99Ms = lag.percentile(99) / 1e6 - RESOLUTION_MS;
        const lagMaxMs = lag.max / 1e6 - RESOLUTION_MS;
        const deadline = performance.now() + FINAL_WITHIN_MS;
        while (finalRecords() < records - OPEN_VERTEX) {
            if (performance.now() > deadline)
                throw new Error(`${finalRecords()} of ${records} final`);
            await new Promise((resolve) => setTimeout(resolve, 2));
        }
        const all = process.cpuUsage(cpu);
        const main = process.threadCpuUsage(mainCpu);
        const memory = process.memoryUsage();
        return {
            cpuS: (all.user + all.system) / 1e6,
            mainCpuS: (main.user + main.system) / 1e6,
            lagP99Ms,
            lagMaxMs,
            rssMb: process.resourceUsage().maxRSS / 1024,
            heapMb: memory.heapUsed / 2 ** 20,
            externalMb: (memory.external + memory.arrayBuffers) / 2 ** 20,
        };
    },
});
