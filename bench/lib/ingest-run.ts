import type { Burst, LoadCalls, LoadCost } from "../children/ingest-load.ts";
import type { ServerCalls, ServerCost } from "../children/ingest-server.ts";
import { Child } from "./child.ts";
import { makeMeters } from "./meters.ts";

/** What one burst took on both sides. */
export type BurstCost = {
    readonly records: number;
    readonly load: LoadCost;
    readonly server: ServerCost;
};

/** How a pair of processes is started. */
export type IngestOptions = {
    readonly dataDir: string;
    readonly plain: boolean;
    readonly meters: number;
    /** Messages of one meter under way. */
    readonly window: number;
    /** In the order in which they will run; the first warms both sides up. */
    readonly bursts: readonly Burst[];
    readonly profileDir: string | null;
};

/** A server process and a load generator process, connected over the loopback. */
export class IngestRun {
    readonly #options: IngestOptions;
    readonly #server: Child<ServerCalls>;
    readonly #load: Child<LoadCalls>;
    #sent = 0;
    #next = 0;

    private constructor(
        options: IngestOptions,
        server: Child<ServerCalls>,
        load: Child<LoadCalls>,
    ) {
        this.#options = options;
        this.#server = server;
        this.#load = load;
    }

    /** Starts both, signs all messages, and runs the first burst unmeasured. */
    static async start(options: IngestOptions): Promise<IngestRun> {
        const { bursts, dataDir, plain, profileDir } = options;
        const server = new Child<ServerCalls>("ingest-server.ts", profileDir);
        const load = new Child<LoadCalls>("ingest-load.ts", null);
        const meters = makeMeters(options.meters, 1);
        const started = await server.ask("start", { dataDir, plain, meters });
        await load.ask("prepare", { ...started, bursts, meters, plain });
        const run = new IngestRun(options, server, load);
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
        const load = await this.#load.ask("run", { window: this.#options.window });
        const server = await this.#server.ask("measure", { records: this.#sent });
        return { records, load, server };
    }

    /** Ends both processes. */
    async stop(): Promise<void> {
        await this.#load.stop();
        await this.#server.stop();
    }
}
