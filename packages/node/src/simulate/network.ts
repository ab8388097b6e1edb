import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { error, type SignatureJob, type Signer, toHex } from "@meterseal/core";
import { VerifierPool } from "@meterseal/core/node";
import type { BranchPeer } from "@meterseal/engines/branch";
import { NETWORK_MODE } from "@meterseal/ledger";
import { createMqttMeterLink } from "@meterseal/links/mqtt";
import { decodeCoseKey, STREAM_MODE } from "@meterseal/record";
import { ReplayClock, systemClock, systemRandom } from "../clocks.ts";
import { TENANT } from "../config/links.ts";
import { formatCollectorRequest } from "../exchange/admission.ts";
import { HttpExchange } from "../exchange/http-exchange.ts";
import { joinNetwork } from "../exchange/join.ts";
import { EXCHANGE } from "../exchange/paths.ts";
import { ExchangeClient } from "../exchange/request.ts";
import type { LedgerStatus } from "../exchange/status.ts";
import { PLACES } from "../files.ts";
import { Feed } from "../fleet/feed.ts";
import { londonReplayHome } from "../fleet/home.ts";
import { loadLondonHomes } from "../fleet/london.ts";
import { REPLAY_START_MS } from "../fleet/replay.ts";
import { ServerProcess } from "../fleet/server-process.ts";
import { askApi } from "../http-client.ts";
import { loadIdentity } from "../server/identity.ts";
import { LEDGER_STATUS_ROUTE } from "../server/ledger-routes.ts";
import { COLLECTORS_ROUTE, loadOperatorToken } from "../server/operator.ts";
import { SimulatedBranch } from "./branch.ts";
import { type MeterDoor, type MeterPlan, SimulatedMeter } from "./meter.ts";
import { Draws } from "./random.ts";
import { UnreliableExchange } from "./unreliable.ts";

/** A server in a process of its own, and its directory. */
export type RealServer = {
    readonly name: string;
    readonly dataDir: string;
    readonly process: ServerProcess;
};

/** A simulated branch and its links to others. */
export type SimulatedNode = {
    readonly branch: SimulatedBranch;
    readonly home: UnreliableExchange;
    readonly peers: readonly (BranchPeer & { readonly exchange: UnreliableExchange })[];
};

/** How large a simulation is. */
export type SimulationPlan = {
    readonly dataDir: string;
    readonly simulated: number;
    readonly real: number;
    readonly seed: number;
    readonly signal: AbortSignal;
    readonly onFailure: (cause: unknown) => void;
};

/** Meters of each real branch: one that is observed, one that seals, one that sends plain registers. */
export const METERS_OF_REAL = 3;
const LABEL = "replay of 2013";
/** Longest time until every branch has the first entries. */
const FOLLOW_MS = 120_000;

/** The servers, branches and meters of one simulation. */
export class SimulatedNetwork {
    readonly draws: Draws;
    readonly clock = new ReplayClock(REPLAY_START_MS);
    readonly servers: RealServer[] = [];
    readonly nodes: SimulatedNode[] = [];
    readonly meters: SimulatedMeter[] = [];
    readonly #plan: SimulationPlan;
    readonly #stop = new AbortController();
    readonly #verifier = new VerifierPool({ threads: availableParallelism() });
    readonly #feeds: Feed[] = [];

    private constructor(plan: SimulationPlan) {
        this.#plan = plan;
        this.draws = new Draws(plan.seed);
    }

    /**
     * Starts the sequencer and the real branches as processes, the simulated ones here, and connects
     * each meter to its collector.
     */
    static async start(plan: SimulationPlan): Promise<SimulatedNetwork> {
        const network = new SimulatedNetwork(plan);
        try {
            await network.#startServers();
            await network.#startNodes();
            await network.#startMeters();
            return network;
        } catch (cause) {
            await network.close();
            throw cause;
        }
    }

    /** How a real server stands. */
    async statusOf({ process }: RealServer): Promise<LedgerStatus> {
        const answer = await askApi(process.info.httpUrl, LEDGER_STATUS_ROUTE);
        return (await answer.json()) as LedgerStatus;
    }

    /** Lets time go on to an instant: every meter reads up to it and closes a record. */
    async advanceTo(nowMs: number): Promise<void> {
        this.clock.advanceTo(nowMs);
        await Promise.all(this.servers.map(({ process }) => process.setClock(nowMs)));
        for (const feed of this.#feeds) await feed.advanceTo(nowMs);
        await Promise.all(this.meters.map(({ agent }) => agent.flush()));
    }

    /** Has the meter of a simulated branch go to the collector of another one. */
    async move(from: number, to: number): Promise<void> {
        const meter = this.meters[METERS_OF_REAL * this.#plan.real + from];
        const node = this.nodes[to];
        if (node !== undefined) await meter?.connect(memoryDoor(node.branch), this.clock);
    }

    /** Cuts the power of a simulated branch, and starts it on its disk again. */
    async restart({ branch, home, peers }: SimulatedNode): Promise<void> {
        await branch.crash();
        await branch.start(home, peers);
    }

    /** Ends everything; the directories of the real servers stay. */
    async close(): Promise<void> {
        await Promise.allSettled(this.meters.map(({ agent }) => agent.close()));
        await Promise.allSettled(this.nodes.map(({ branch }) => branch.stop()));
        this.#stop.abort();
        await Promise.allSettled(this.servers.map(({ process }) => process.stop()));
        await this.#verifier.close();
    }

    async #startServers(): Promise<void> {
        const { dataDir, real } = this.#plan;
        const sequencer = await this.#startServer("sequencer", NETWORK_MODE.mixed);
        const to = sequencer.process.info.exchangeUrl ?? "";
        const tokenFile = join(PLACES.serverKeys(sequencer.dataDir), "operator.token");
        for (let i = 1; i <= real; i++) {
            const name = `branch${i}`;
            const plan = { sequencer: to, ca: null, network: null, tokenFile };
            await joinNetwork({ ...plan, dataDir: join(dataDir, name) });
            await this.#startServer(name, null);
        }
    }

    async #startServer(name: string, mode: number | null): Promise<RealServer> {
        const dataDir = join(this.#plan.dataDir, name);
        const process = await ServerProcess.start(
            {
                ...{ dataDir, httpPort: 0, mqttPort: 0, nowMs: this.clock.nowMs(), mode },
                clockLabel: LABEL,
                exchange: { port: 0, host: "127.0.0.1", tls: null },
            },
            this.#plan.signal,
        );
        const server = { name, dataDir, process };
        this.servers.push(server);
        return server;
    }

    get #sequencer(): RealServer {
        const [first] = this.servers;
        if (first === undefined) throw error("MS_INTERNAL", { got: "no sequencer" });
        return first;
    }

    /** A link over the loopback to the sequencer, as the collector of a branch. */
    #exchangeOf(branch: SimulatedBranch): HttpExchange {
        const { info } = this.#sequencer.process;
        const client = new ExchangeClient(info.exchangeUrl ?? "", null, this.#stop.signal);
        const caller = { signer: branch.signer, author: branch.author, network: info.networkId };
        return new HttpExchange(client, caller, systemClock);
    }

    async #startNodes(): Promise<void> {
        const { onFailure, simulated } = this.#plan;
        const genesis = await this.#genesis();
        const verify = (jobs: readonly SignatureJob[]) => this.#verifier.verify(jobs);
        const options = { genesis, clock: this.clock, verify, onFailure };
        const branches = Array.from({ length: simulated }, () => new SimulatedBranch(options));
        for (const branch of branches) await this.#admit(branch);
        for (const [i, branch] of branches.entries()) {
            const exchange = this.#exchangeOf(branch);
            const home = new UnreliableExchange(() => exchange, this.draws);
            // A ring, and a chord across it: some reach the sequencer only through others.
            const others = new Set([(i + 1) % simulated, (i + 1 + (simulated >> 1)) % simulated]);
            others.delete(i);
            const peers = [...others].map((other) => ({
                name: `simulated ${other + 1}`,
                exchange: new UnreliableExchange(
                    () => (branches[other] as SimulatedBranch).engine,
                    this.draws,
                ),
            }));
            this.nodes.push({ branch, home, peers });
        }
        await Promise.all(this.nodes.map(({ branch, home, peers }) => branch.start(home, peers)));
    }

    async #genesis(): Promise<Uint8Array> {
        const client = new ExchangeClient(
            this.#sequencer.process.info.exchangeUrl ?? "",
            null,
            this.#stop.signal,
        );
        const answer = await client.ask({ method: "GET", path: EXCHANGE.network });
        const { genesis } = JSON.parse(new TextDecoder().decode(answer)) as { genesis: string };
        return Uint8Array.fromHex(genesis);
    }

    async #admit({ author: id, signer }: SimulatedBranch): Promise<void> {
        const { dataDir, process } = this.#sequencer;
        const token = loadOperatorToken(dataDir, systemRandom);
        const network = process.info.networkId;
        await askApi(process.info.httpUrl, COLLECTORS_ROUTE, {
            method: "POST",
            headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
            body: formatCollectorRequest({ network, id, key: signer.publicKey }),
        });
    }

    /** A meter of class 3 in each simulated branch; of classes 1 and 2 at each real one. */
    async #startMeters(): Promise<void> {
        const { real, simulated } = this.#plan;
        const homes = loadLondonHomes(simulated + METERS_OF_REAL * real).map(londonReplayHome);
        const { operator } = loadIdentity(PLACES.serverKeys(this.#sequencer.dataDir), systemRandom);
        const places: [Omit<MeterPlan, "home">, MeterDoor][] = [];
        const doors: MeterDoor[] = [];
        const { open, sealed } = STREAM_MODE;
        for (const { process } of this.servers.slice(1)) {
            const door = mqttDoor(process);
            places.push([{ meterClass: 2, mode: sealed }, door]);
            places.push([{ meterClass: 2, mode: open }, door]);
            places.push([{ meterClass: 1, mode: open }, door]);
        }
        for (const { branch } of this.nodes) {
            places.push([{ meterClass: 3, mode: sealed }, memoryDoor(branch)]);
        }
        for (const [i, [plan, door]] of places.entries()) {
            const home = homes[i];
            if (home === undefined) throw error("MS_DATA_FILE", { got: `no home ${i + 1}` });
            const meter = new SimulatedMeter({ ...plan, home });
            await this.#enrol(meter, operator);
            doors.push(door);
            this.meters.push(meter);
            this.#feeds.push(new Feed({ home, household: meter }));
        }
        await this.#untilFollowed();
        for (const [i, door] of doors.entries()) await this.meters[i]?.connect(door, this.clock);
    }

    /** Waits until every branch has the enrolments: a stranger's meter could not log in. */
    async #untilFollowed(): Promise<void> {
        const { signal } = this.#plan;
        for (const endMs = Date.now() + FOLLOW_MS; Date.now() < endMs; await sleep(100)) {
            const statuses = await Promise.all(this.servers.map((server) => this.statusOf(server)));
            const sizes = [
                ...statuses.map(({ log }) => log.size),
                ...this.nodes.map(({ branch }) => branch.engine.head().size),
            ];
            if (new Set(sizes).size === 1 || signal.aborted) return;
        }
        throw error("MS_LINK", { got: "branches that do not follow the log" });
    }

    async #enrol(meter: SimulatedMeter, operator: Signer): Promise<void> {
        const network = this.#sequencer.process.info.networkId;
        const timeUnix = Math.floor(this.clock.nowMs() / 1000);
        const item = await meter.enrolment(operator, network, timeUnix);
        const [first] = this.nodes;
        if (first === undefined) throw error("MS_INTERNAL", { got: "no branch" });
        await this.#exchangeOf(first.branch).submit(item);
    }
}

/** A simulated branch's collector, in the same case. */
function memoryDoor({ link, signer }: SimulatedBranch): MeterDoor {
    return {
        collectorKey: signer.publicKey,
        link: (subjectHex, token) => link.meter(subjectHex, token),
    };
}

/** A real server's collector, over MQTT. */
function mqttDoor({ info }: ServerProcess): MeterDoor {
    const log = { info: () => undefined, warn: () => undefined };
    return {
        collectorKey: decodeCoseKey(info.collectorKey),
        link: (subjectHex, token) =>
            createMqttMeterLink({ url: info.mqttUrl, subjectHex, tenant: TENANT, token, log }),
    };
}

/** Short name of a root. */
export function shortRoot(root: Uint8Array | string): string {
    return `${(typeof root === "string" ? root : toHex(root)).slice(0, 16)}…`;
}
