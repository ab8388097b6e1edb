import { SERVER_NODE_FLAGS } from "../../packages/node/src/server/node-flags.ts";
import type { Burst, LoadCalls, LoadCost } from "../children/ingest-load.ts";
import type { ServerCalls, ServerCost } from "../children/ingest-server.ts";
import { Child } from "./child.ts";
import { CORES } from "./machine.ts";
import { makeMeters } from "./meters.ts";

/** What one burst took on both sides. */
export type BurstCost = {
    readonly records: number;
    readonly load: LoadCost;
    readonly server: ServerCost;
};

/** How the processes are started. */
export type IngestOptions = {
    readonly dataDir: string;
    readonly plain: boolean;
    /** Clients that cost little, for thousands of them; else the meter's own link. */
    readonly light?: boolean;
    readonly meters: number;
    /** Messages of one meter under way. */
    readonly window: number;
    /** Messages of all meters under way: real ones do not all send in the same second. */
    readonly atOnce?: number;
    /** In the order in which they will run; the first warms all sides up. */
    readonly bursts: readonly Burst[];
    readonly profileDir: string | null;
};

/** A server process and load generators (one per core, to sign faster), connected over the loopback. */
export class IngestRun {
    readonly #options: IngestOptions;
    readonly #server: Child<ServerCalls>;
    readonly #loads: readonly Child<LoadCalls>[];
    #sent = 0;
    #next = 0;

    private constructor(
        options: IngestOptions,
        server: Child<ServerCalls>,
        loads: readonly Child<LoadCalls>[],
    ) {
        this.#options = options;
        this.#server = server;
        this.#loads = loads;
    }

    /** Starts all, signs all messages, and runs the first burst unmeasured. */
    static async start(options: IngestOptions): Promise<IngestRun> {
        const { bursts, dataDir, light = false, plain, profileDir } = options;
        const server = new Child<ServerCalls>("ingest-server.ts", profileDir, SERVER_NODE_FLAGS);
        const meters = makeMeters(options.meters, 1);
        const { anchors, network, url } = await server.ask("start", { dataDir, plain, meters });
        const loads = await Promise.all(
            Array.from({ length: CORES }, async (_, part) => {
                const load = new Child<LoadCalls>("ingest-load.ts", null);
                const own = meters
                    .map((meter, i) => ({ meter, number: i, anchor: anchors[i] ?? null }))
                    .filter(({ number }) => number % CORES === part);
                await load.ask("prepare", { url, network, plain, light, meters: own, bursts });
                return load;
            }),
        );
        const run = new IngestRun(options, server, loads);
        await run.next();
        return run;
    }

    /** Runs the next burst. */
    async next(): Promise<BurstCost> {
        const burst = this.#options.bursts[this.#next++];
        if (burst === undefined) throw new Error("no burst is left");
        const records = this.#options.meters * burst.messages * burst.recordsPerMessage;
        this.#sent += records;
        await this.#server.ask("reset", null);
        const start = performance.now();
        const { atOnce = Number.POSITIVE_INFINITY, window } = this.#options;
        const share = { window, atOnce: atOnce / this.#loads.length };
        const costs = await Promise.all(this.#loads.map((load) => load.ask("run", share)));
        const wallS = (performance.now() - start) / 1000;
        const server = await this.#server.ask("measure", { records: this.#sent });
        const most = (value: (cost: LoadCost) => number): number => Math.max(...costs.map(value));
        const load = {
            wallS,
            cpuS: costs.reduce((sum, cost) => sum + cost.cpuS, 0),
            latencyP50Ms: most((cost) => cost.latencyP50Ms),
            latencyP99Ms: most((cost) => cost.latencyP99Ms),
        };
        return { records, load, server };
    }

    /** Ends all processes. */
    async stop(): Promise<void> {
        await Promise.all(this.#loads.map((load) => load.ask("close", null)));
        await Promise.all(this.#loads.map((load) => load.stop()));
        await this.#server.stop();
    }
}
