import { error, type Log } from "@meterseal/core";
import { STREAM_MODE } from "@meterseal/record";
import { lockDirectory } from "@meterseal/stores";
import { ReplayClock, steadyClock, systemTimers } from "../clocks.ts";
import { requireNoRefusal } from "../device/agent.ts";
import { claimDirectory, PLACES } from "../files.ts";
import { untilAborted } from "../shutdown.ts";
import { loadCaliforniaHomes } from "./california.ts";
import { readClockFile, writeClockFile } from "./clock-file.ts";
import { formStreet } from "./cohorts.ts";
import { londonReplayHome, type ReplayHome } from "./home.ts";
import { type Household, openHousehold } from "./household.ts";
import { replayLive } from "./live.ts";
import { loadLondonHomes } from "./london.ts";
import { loadOwnHome } from "./own-home.ts";
import { admitParties, DEMO_MONITOR, DEMO_PROVIDER } from "./parties.ts";
import {
    REPLAY_END_MS,
    REPLAY_START_MS,
    type ReplayMember,
    type ReplayProgress,
    replayDays,
} from "./replay.ts";
import { latestOpenRecordMs } from "./resume.ts";
import { ServerProcess } from "./server-process.ts";
import { publishTariffs } from "./tariffs.ts";

/** What a neighbourhood is made of. */
export type NeighbourhoodOptions = {
    readonly dataDir: string;
    /** London homes. */
    readonly meters: number;
    /** Homes of the second street, with export. */
    readonly california: number;
    /** A home of the user's own: a file of readings, and the zone of its days. */
    readonly own: { readonly path: string; readonly zone: string } | null;
    readonly days: number;
    /** Replay seconds in one real second after the first days; 0 lets the clock stand then. */
    readonly speed: number;
    readonly httpPort: number;
    readonly open: boolean;
    readonly log: Log;
    /** Ends a start that is under way, and the replay. */
    readonly signal: AbortSignal;
};

/** The street whose load the demo's monitor reads. */
const LONDON_STREET = "London";
const DAY_SECONDS = 86_400;

/** Words that every page and report shows about the clock. */
export const REPLAY_LABEL = "replay of 2013";

/** A collector with its ledger, and simulated meters that replay real homes, on this machine. */
export class Neighbourhood {
    readonly server: ServerProcess;
    readonly #members: ReplayMember[] = [];
    readonly #clock: ReplayClock;
    readonly #options: NeighbourhoodOptions;
    readonly #release: () => void;

    private constructor(
        options: NeighbourhoodOptions,
        server: ServerProcess,
        clock: ReplayClock,
        release: () => void,
    ) {
        this.#options = options;
        this.server = server;
        this.#clock = clock;
        this.#release = release;
    }

    /** The households, in the order of the source data. */
    get households(): readonly Household[] {
        return this.#members.map((member) => member.household);
    }

    /**
     * Starts the server and connects every meter.
     * @throws MetersealError MS_STORE_* for the directory, MS_PORT_IN_USE, MS_LINK when the signal
     * came first.
     */
    static async start(options: NeighbourhoodOptions): Promise<Neighbourhood> {
        const { dataDir, httpPort, signal } = options;
        // Before anything is made: a bad file of one's own leaves no directory behind.
        const homes = homesOf(options);
        claimDirectory(dataDir);
        const { release } = lockDirectory(dataDir);
        try {
            const nowMs = Math.max(
                REPLAY_START_MS,
                readClockFile(dataDir),
                await latestOpenRecordMs(dataDir),
            );
            const mode = options.open ? STREAM_MODE.open : STREAM_MODE.sealed;
            const start = { dataDir, httpPort, mqttPort: 0, nowMs, clockLabel: REPLAY_LABEL, mode };
            const replay = { speed: options.speed, endMs: REPLAY_END_MS };
            const server = await ServerProcess.start(
                { ...start, ...(options.speed === 0 ? {} : { replay }) },
                signal,
            );
            const clock = new ReplayClock(nowMs);
            const neighbourhood = new Neighbourhood(options, server, clock, release);
            try {
                await neighbourhood.#connect(homes, mode);
                return neighbourhood;
            } catch (cause) {
                await neighbourhood.stop();
                throw cause;
            }
        } catch (cause) {
            release();
            throw cause;
        }
    }

    async #connect(homes: readonly ReplayHome[], mode: number): Promise<void> {
        const { dataDir, log, signal } = this.#options;
        const tools = { dataDir, server: this.server, clock: this.#clock, log };
        for (const home of homes) {
            if (signal.aborted) throw error("MS_LINK", { got: "a request to stop" });
            const { commits = false, groups, id, series, street, zone } = home;
            const { slotSeconds } = series;
            const plan = { name: id, street, zone, groups, slotSeconds, mode, commits };
            this.#members.push({ home, household: await openHousehold(plan, tools) });
        }
        const { httpUrl } = this.server.info;
        await admitParties(dataDir, httpUrl, this.households);
        await publishTariffs(PLACES.provider(dataDir, DEMO_PROVIDER.directory), httpUrl);
        await Promise.all(this.households.map(({ agent }) => agent.connect()));
    }

    /** Whether the replay clock is at the end of the data. */
    get ended(): boolean {
        return this.#clock.nowMs() >= REPLAY_END_MS;
    }

    /**
     * Replays the first days as fast as the machine allows; resolves when every record is final or
     * the signal came.
     * @throws MetersealError MS_LINK when the server ended, MS_NOT_ALLOWED when it refused a meter.
     */
    async replay(onProgress: (progress: ReplayProgress) => void): Promise<void> {
        const { days, signal } = this.#options;
        await this.#whileServed(async () => {
            await replayDays({
                members: this.#members,
                days,
                clock: this.#clock,
                setServerClock: (nowMs) => this.#moveClock(nowMs),
                onProgress,
                signal,
            });
        });
    }

    /**
     * Gives the London street its cohorts for the last month of the first days and the one after, so
     * that its load can be read; nothing where it has too few homes or its streams are open.
     */
    async formCohorts(): Promise<void> {
        const { dataDir, days, open } = this.#options;
        if (open) return;
        const nowUnix = Math.floor(this.#clock.nowMs() / 1000);
        const endUnix = Math.max(nowUnix, REPLAY_START_MS / 1000 + days * DAY_SECONDS);
        await formStreet({
            feeder: LONDON_STREET,
            monitorDir: PLACES.monitor(dataDir, DEMO_MONITOR.directory),
            url: this.server.info.httpUrl,
            households: this.#members
                .filter(({ home }) => home.street === LONDON_STREET)
                .map(({ household }) => household),
            nowUnix,
            fromUnix: Math.max(nowUnix, endUnix - 31 * DAY_SECONDS),
            toUnix: Math.min(endUnix + 31 * DAY_SECONDS, REPLAY_END_MS / 1000),
        });
    }

    /**
     * Lets time go on at the given speed; resolves when the end of the data is reached and final, or
     * the signal came.
     * @throws MetersealError as {@link replay}.
     */
    async live(): Promise<void> {
        const { signal, speed } = this.#options;
        await this.#whileServed(() =>
            replayLive({
                members: this.#members,
                speed,
                clock: this.#clock,
                moveClock: (nowMs) => this.#moveClock(nowMs),
                steadyClock,
                timers: systemTimers,
                signal,
            }),
        );
    }

    /** Does a part of the replay until all of it is final, the server ended or the signal came. */
    async #whileServed(work: () => Promise<void>): Promise<void> {
        const ended = this.server.ended.then(() => {
            throw error("MS_LINK", { got: "a server that ended; its last message is above" });
        });
        const stopped = untilAborted(this.#options.signal);
        const settled = work().then(() => this.#settle());
        await Promise.race([settled, ended, stopped]);
    }

    async #settle(): Promise<void> {
        await Promise.all(this.households.map(({ agent }) => agent.settled()));
        for (const { agent, name } of this.households) requireNoRefusal(agent, `meter of ${name}`);
    }

    /** Moves the one clock of all roles: first on disk, so that no restart goes back behind it. */
    async #moveClock(nowMs: number): Promise<void> {
        if (nowMs < this.#clock.nowMs()) return;
        writeClockFile(this.#options.dataDir, nowMs);
        await this.server.setClock(nowMs);
        this.#clock.advanceTo(nowMs);
    }

    /** Ends the meters, then the server. */
    async stop(): Promise<void> {
        await Promise.all(this.households.map(({ agent }) => agent.close()));
        await this.server.stop();
        this.#release();
    }
}

/**
 * The homes of both streets, and the user's own. The first of each street commits to its registers:
 * it takes half a second of a month, which would be too long for all.
 */
function homesOf({ california, meters, own }: NeighbourhoodOptions): ReplayHome[] {
    const streets = [
        loadLondonHomes(meters).map(londonReplayHome),
        loadCaliforniaHomes(california),
        own === null ? [] : [loadOwnHome(own.path, own.zone)],
    ];
    return streets.flatMap((homes) => homes.map((home, i) => ({ ...home, commits: i === 0 })));
}
