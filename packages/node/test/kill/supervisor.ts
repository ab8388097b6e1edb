import { MetersealError } from "@meterseal/core";
import { ServerProcess } from "../../src/fleet/server-process.ts";
import type { ServerInfo, StartMessage } from "../../src/server/messages.ts";
import type { EnrolRequest } from "../../src/server/server.ts";

/** Share of the kills that come while a server starts. */
const KILLS_IN_START = 0.25;
/**
 * Share of the lives that may be longer, and how much: a vertex closes two seconds after its first
 * record, so that short lives alone never see one written.
 */
const LONG_LIVES = { share: 0.3, factor: 4 };

/** When a supervisor kills its servers. */
export type KillPlan = {
    readonly start: Omit<StartMessage, "type">;
    readonly kills: number;
    /** Longest life of most servers that are to be killed, from the moment at which they serve. */
    readonly lifeMs: number;
    readonly random: () => number;
    /** Called with the number of the kill while no server runs. */
    readonly onKilled: (kill: number) => Promise<void>;
};

/** Starts a server again and again, and kills it with SIGKILL at random moments of its life. */
export class Supervisor {
    kills = 0;
    /** Kills that came before the server served. */
    killsInStart = 0;
    readonly #plan: KillPlan;
    #nowMs: number;
    /** How long a start takes here and now: what else runs on the machine decides. */
    #startMs = 300;
    #server: ServerProcess | null = null;
    #info: ServerInfo | null = null;
    #waiting: { done(server: ServerProcess): void; failed(cause: unknown): void }[] = [];
    #stopping = false;
    #failure: unknown = null;

    constructor(plan: KillPlan) {
        this.#plan = plan;
        this.#nowMs = plan.start.nowMs;
    }

    /** What the first server said of itself; the later ones say the same. */
    get info(): ServerInfo {
        if (this.#info === null) throw new Error("no server has served yet");
        return this.#info;
    }

    /** Runs servers until {@link stop}; rejects when one ends that was not killed. */
    async run(): Promise<void> {
        try {
            while (!this.#stopping) await this.#life();
        } catch (cause) {
            this.#failure = cause;
            for (const waiter of this.#waiting.splice(0)) waiter.failed(cause);
            throw cause;
        }
    }

    async #life(): Promise<void> {
        const { kills, lifeMs, onKilled, random, start } = this.#plan;
        const killer = new AbortController();
        const mortal = this.kills < kills;
        const kill = (): void => {
            killer.abort();
            this.#server?.kill();
        };
        const inStart = mortal && random() < KILLS_IN_START;
        let timer = inStart ? setTimeout(kill, random() * this.#startMs) : undefined;
        const startedMs = performance.now();
        try {
            const server = await ServerProcess.start(
                { ...start, nowMs: this.#nowMs },
                killer.signal,
            );
            this.#startMs = performance.now() - startedMs;
            const longestMs = random() < LONG_LIVES.share ? lifeMs * LONG_LIVES.factor : lifeMs;
            if (mortal && !inStart) timer = setTimeout(kill, random() * longestMs);
            this.#server = server;
            this.#info ??= server.info;
            for (const waiter of this.#waiting.splice(0)) waiter.done(server);
            if (this.#stopping) await server.stop(); // asked for while this one started
            await server.ended;
            this.#server = null;
        } catch (cause) {
            if (!killer.signal.aborted) throw cause;
            this.killsInStart++;
        } finally {
            clearTimeout(timer);
        }
        if (killer.signal.aborted) await onKilled(++this.kills);
        else if (!this.#stopping) throw new Error("the server ended by itself");
    }

    /** Moves the clock of this server and of every later one. */
    async setClock(nowMs: number): Promise<void> {
        this.#nowMs = Math.max(this.#nowMs, nowMs);
        await this.#insist((server) => server.setClock(nowMs));
    }

    /** Admits a meter, however many servers it takes. */
    enrol(request: EnrolRequest): Promise<Uint8Array> {
        return this.#insist((server) => server.enrol(request));
    }

    /** Resolves with a server that serves. */
    up(): Promise<ServerProcess> {
        if (this.#failure !== null) return Promise.reject(this.#failure);
        if (this.#server !== null) return Promise.resolve(this.#server);
        return new Promise((done, failed) => this.#waiting.push({ done, failed }));
    }

    /** Ends the last server properly. */
    async stop(): Promise<void> {
        this.#stopping = true;
        await this.#server?.stop();
    }

    async #insist<T>(work: (server: ServerProcess) => Promise<T>): Promise<T> {
        for (;;) {
            const server = await this.up();
            try {
                return await work(server);
            } catch (cause) {
                const gone = cause instanceof MetersealError && cause.code === "MS_LINK";
                if (!gone) throw cause;
                await server.ended;
            }
        }
    }
}
