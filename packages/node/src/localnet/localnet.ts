import { setTimeout as sleep } from "node:timers/promises";
import { error, type Log } from "@meterseal/core";
import { STREAM_MODE } from "@meterseal/record";
import { lockDirectory } from "@meterseal/stores";
import { ReplayClock } from "../clocks.ts";
import { requireNoRefusal } from "../device/agent.ts";
import { claimDirectory } from "../files.ts";
import { readClockFile, writeClockFile } from "../fleet/clock-file.ts";
import { londonReplayHome, type ReplayHome } from "../fleet/home.ts";
import { type Household, openHousehold } from "../fleet/household.ts";
import { loadLondonHomes } from "../fleet/london.ts";
import {
    REPLAY_START_MS,
    type ReplayMember,
    type ReplayProgress,
    replayDays,
} from "../fleet/replay.ts";
import { latestOpenRecordMs } from "../fleet/resume.ts";
import type { EnrolRequest } from "../server/server.ts";
import { untilAborted } from "../shutdown.ts";
import { type LedgerView, type Member, nodeEnded, viewOf } from "./member.ts";
import { startMembers, stopMembers } from "./members.ts";
import { type Organisation, openOrganisations } from "./organisations.ts";

/** What a local network is made of. */
export type LocalnetOptions = {
    readonly binary: string;
    readonly dataDir: string;
    readonly validators: number;
    /** London homes, in turn at the collectors of the organisations. */
    readonly homes: number;
    readonly days: number;
    /** HTTP port of the first organisation, the others have the next ones; 0 takes free ones. */
    readonly httpPort: number;
    readonly log: Log;
    /** Ends a start that is under way, and the replay. */
    readonly signal: AbortSignal;
};

/** What one node has come to. */
export type NodeState = LedgerView & {
    readonly organisation: Organisation;
    readonly portal: string;
    readonly mqtt: string;
    /** Height that all nodes have reached, and the hash that each has there, hexadecimal. */
    readonly height: number;
    readonly appHash: string;
};

/** A household and the organisation whose collector its meter talks to. */
export type LocalHousehold = { readonly household: Household; readonly organisation: Organisation };

const ASK_AGAIN_MS = 200;

/** Several organisations on this machine, each with a server and a CometBFT node: one ledger. */
export class Localnet {
    readonly #options: LocalnetOptions;
    readonly #members: readonly Member[];
    readonly #clock: ReplayClock;
    readonly #release: () => void;
    readonly #replayed: (ReplayMember & LocalHousehold)[] = [];
    #stopping = false;

    private constructor(
        options: LocalnetOptions,
        members: readonly Member[],
        clock: ReplayClock,
        release: () => void,
    ) {
        this.#options = options;
        this.#members = members;
        this.#clock = clock;
        this.#release = release;
    }

    /** The households, in the order of the source data. */
    get households(): readonly LocalHousehold[] {
        return this.#replayed;
    }

    /**
     * Starts all servers and nodes, admits every meter and connects it.
     * @throws MetersealError MS_STORE_* and MS_USAGE for the directory, MS_PORT_IN_USE, MS_LINK when
     * a node ended or the signal came first.
     */
    static async start(options: LocalnetOptions): Promise<Localnet> {
        const { dataDir } = options;
        claimDirectory(dataDir);
        const { release } = lockDirectory(dataDir);
        try {
            const clock = new ReplayClock(Math.max(REPLAY_START_MS, readClockFile(dataDir)));
            const mode = STREAM_MODE.sealed;
            const organisations = await openOrganisations({ ...options, mode, clock });
            for (const each of organisations) {
                clock.advanceTo(await latestOpenRecordMs(each.dataDir));
            }
            const members = await startMembers(organisations, clock, options);
            const localnet = new Localnet(options, members, clock, release);
            try {
                await localnet.#connect(loadLondonHomes(options.homes).map(londonReplayHome));
                return localnet;
            } catch (cause) {
                await localnet.stop();
                throw cause;
            }
        } catch (cause) {
            release();
            throw cause;
        }
    }

    async #connect(homes: readonly ReplayHome[]): Promise<void> {
        const { log, signal } = this.#options;
        for (const [i, home] of homes.entries()) {
            if (signal.aborted) throw error("MS_LINK", { got: "a request to stop" });
            const member = this.#at(i);
            const { organisation, server } = member;
            const enrol = (request: EnrolRequest) => this.#enrol(member, request);
            const tools = { dataDir: organisation.dataDir, clock: this.#clock, log };
            const { groups, id, series, street, zone } = home;
            const { slotSeconds } = series;
            const household = await openHousehold(
                { name: id, street, zone, groups, slotSeconds, mode: STREAM_MODE.sealed },
                { ...tools, server: { info: server.info, enrol } },
            );
            this.#replayed.push({ home, household, organisation });
        }
        await Promise.all(this.#replayed.map(({ household }) => household.agent.connect()));
    }

    /** Admits a meter at the operator's server, and then, once that is final there, at its own. */
    async #enrol(member: Member, request: EnrolRequest): Promise<Uint8Array> {
        const operator = this.#at(0);
        const admitted = await operator.server.enrol(request);
        if (member === operator) return admitted;
        const { size } = await viewOf(operator.server.info.httpUrl);
        await this.#until(async () => (await viewOf(member.server.info.httpUrl)).size >= size);
        return await member.server.enrol(request);
    }

    /**
     * Replays the first days as fast as the network takes them; resolves when every record is final
     * or the signal came.
     * @throws MetersealError MS_LINK when a process ended, MS_NOT_ALLOWED when a meter was refused.
     */
    async replay(onProgress: (progress: ReplayProgress) => void): Promise<void> {
        const { days, signal } = this.#options;
        const work = replayDays({
            members: this.#replayed,
            days,
            clock: this.#clock,
            setServerClock: (nowMs) => this.#moveClock(nowMs),
            onProgress,
            signal,
        }).then(() => this.#settle());
        await Promise.race([work, this.ended(), untilAborted(signal)]);
    }

    async #settle(): Promise<void> {
        const households = this.#replayed.map(({ household }) => household);
        await Promise.all(households.map(({ agent }) => agent.settled()));
        for (const { agent, name } of households) requireNoRefusal(agent, `meter of ${name}`);
    }

    async #moveClock(nowMs: number): Promise<void> {
        if (nowMs < this.#clock.nowMs()) return;
        writeClockFile(this.#options.dataDir, nowMs);
        await Promise.all(this.#members.map(({ server }) => server.setClock(nowMs)));
        this.#clock.advanceTo(nowMs);
    }

    /**
     * Waits until all nodes have the same log, final and under a signed checkpoint.
     * @returns what each has come to; null where the signal came first.
     * @throws MetersealError MS_LINK when a process ended.
     */
    async agreement(): Promise<readonly NodeState[] | null> {
        const { signal } = this.#options;
        const agreed = this.#until(async () => {
            const views = await this.#views();
            const [first] = views;
            return views.every(
                ({ root, signedSize, size }) =>
                    size === first?.size && root === first.root && signedSize === size,
            );
        });
        await Promise.race([agreed, this.ended(), untilAborted(signal)]);
        return signal.aborted ? null : await this.#states();
    }

    #views(): Promise<LedgerView[]> {
        return Promise.all(this.#members.map(({ server }) => viewOf(server.info.httpUrl)));
    }

    async #states(): Promise<NodeState[]> {
        const nodes = this.#members.map(({ node }) => node.rpc);
        const statuses = await Promise.all(nodes.map((rpc) => rpc.status()));
        const height = Math.min(...statuses.map((status) => status.height));
        const views = await this.#views();
        return await Promise.all(
            this.#members.map(async ({ node, organisation, server }, i) => {
                const { header } = (await node.rpc.query("header", { height: `${height}` })) as {
                    readonly header: { readonly app_hash: string };
                };
                const { httpUrl: portal, mqttUrl: mqtt } = server.info;
                const view = views[i] as LedgerView;
                const appHash = header.app_hash.toLowerCase();
                return { ...view, organisation, portal, mqtt, height, appHash };
            }),
        );
    }

    /** Never resolves; rejects when a server or node ends that was not told to. */
    async ended(): Promise<never> {
        const ends = this.#members.flatMap(({ node, organisation, server }) => [
            server.ended.then(() => this.#fail(`the server of ${organisation.name} ended`)),
            node.ended.then(() => {
                if (!this.#stopping) throw nodeEnded(organisation.name, node.logFile);
            }),
        ]);
        await Promise.all(ends);
        return await new Promise<never>(() => undefined);
    }

    #fail(got: string): void {
        if (!this.#stopping) throw error("MS_LINK", { got, todo: "Its last message is above." });
    }

    /** Ends the meters, then the servers, and the nodes after them; a second time does nothing. */
    async stop(): Promise<void> {
        if (this.#stopping) return;
        this.#stopping = true;
        await Promise.all(this.#replayed.map(({ household }) => household.agent.close()));
        await stopMembers(this.#members);
        this.#release();
    }

    async #until(holds: () => Promise<boolean>): Promise<void> {
        while (!this.#options.signal.aborted && !this.#stopping && !(await holds())) {
            await sleep(ASK_AGAIN_MS);
        }
    }

    #at(index: number): Member {
        const member = this.#members[index % this.#members.length];
        if (member === undefined) throw error("MS_INTERNAL", { where: "localnet" });
        return member;
    }
}
