import type { Log } from "@meterseal/core";
import { LONDON_SLOT_SECONDS } from "@meterseal/meter";
import { STREAM_MODE } from "@meterseal/record";
import { lockDirectory } from "@meterseal/stores";
import { ReplayClock } from "../clocks.ts";
import { claimDirectory } from "../files.ts";
import { untilAborted } from "../shutdown.ts";
import { type Household, openHousehold } from "./household.ts";
import { loadLondonHomes } from "./london.ts";
import { REPLAY_START_MS, type ReplayMember, type ReplayProgress, replayDays } from "./replay.ts";
import { ServerProcess } from "./server-process.ts";

/** What a neighbourhood is made of. */
export type NeighbourhoodOptions = {
    readonly dataDir: string;
    readonly meters: number;
    readonly days: number;
    readonly httpPort: number;
    readonly open: boolean;
    readonly log: Log;
};

/** Words that every page and report shows about the clock. */
export const REPLAY_LABEL = "replay of 2013";

const ZONE = "Europe/London";

/** A collector with its ledger, and simulated meters that replay real homes, on this machine. */
export class Neighbourhood {
    readonly server: ServerProcess;
    readonly households: readonly Household[];
    readonly #members: readonly ReplayMember[];
    readonly #clock: ReplayClock;
    readonly #options: NeighbourhoodOptions;
    readonly #release: () => void;

    private constructor(
        options: NeighbourhoodOptions,
        server: ServerProcess,
        clock: ReplayClock,
        members: readonly ReplayMember[],
        release: () => void,
    ) {
        this.#options = options;
        this.server = server;
        this.#clock = clock;
        this.#members = members;
        this.#release = release;
        this.households = members.map((member) => member.household);
    }

    /**
     * Starts the server and connects every meter.
     * @throws MetersealError MS_STORE_* for the directory, MS_PORT_IN_USE.
     */
    static async start(options: NeighbourhoodOptions): Promise<Neighbourhood> {
        claimDirectory(options.dataDir);
        const lock = lockDirectory(options.dataDir);
        try {
            const homes = loadLondonHomes(options.meters);
            const clock = new ReplayClock(REPLAY_START_MS);
            const mode = options.open ? STREAM_MODE.open : STREAM_MODE.sealed;
            const server = await ServerProcess.start({
                dataDir: options.dataDir,
                httpPort: options.httpPort,
                mqttPort: 0,
                nowMs: REPLAY_START_MS,
                clockLabel: REPLAY_LABEL,
                mode,
            });
            const tools = { dataDir: options.dataDir, server, clock, log: options.log };
            const members: ReplayMember[] = [];
            try {
                for (const home of homes) {
                    const plan = {
                        name: home.id,
                        zone: ZONE,
                        slotSeconds: LONDON_SLOT_SECONDS,
                        mode,
                    };
                    members.push({ home, household: await openHousehold(plan, tools) });
                }
                await Promise.all(members.map(({ household }) => household.agent.connect()));
            } catch (cause) {
                await server.stop();
                throw cause;
            }
            return new Neighbourhood(options, server, clock, members, lock.release);
        } catch (cause) {
            lock.release();
            throw cause;
        }
    }

    /** Replays the days; resolves when every record is final. */
    async replay(
        onProgress: (progress: ReplayProgress) => void,
        signal: AbortSignal,
    ): Promise<void> {
        await replayDays({
            members: this.#members,
            days: this.#options.days,
            clock: this.#clock,
            setServerClock: (nowMs) => this.server.setClock(nowMs),
            onProgress,
            signal,
        });
        const settled = Promise.all(this.households.map(({ agent }) => agent.settled()));
        await Promise.race([settled, untilAborted(signal)]);
    }

    /** Ends the meters, then the server. */
    async stop(): Promise<void> {
        await Promise.all(this.households.map(({ agent }) => agent.close()));
        await this.server.stop();
        this.#release();
    }
}
