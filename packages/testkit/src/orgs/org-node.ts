import { Collector } from "@meterseal/collector";
import {
    type Clock,
    type CollectorLink,
    error,
    type LinkHandler,
    MetersealError,
    toHex,
    unwrap,
} from "@meterseal/core";
import { CometEngine, type CometNode } from "@meterseal/engines/cometbft";
import type { Engine, EngineObserver, Exchange, MerkleLog } from "@meterseal/ledger";
import { createMemoryLink, type MemoryLink } from "@meterseal/links/memory";
import { parseRecord } from "@meterseal/record";
import type { MemoryServerStore } from "@meterseal/stores/memory";
import { seededRandom } from "../random.ts";
import type { TestCollector } from "../records.ts";
import { openBranchNode } from "./branches.ts";
import { type DiskOptions, SimDisk } from "./disk.ts";
import type { OrgHost } from "./host.ts";
import { organisationOf } from "./oracle.ts";

/** An engine of either profile. */
export type NodeEngine = Engine & { readonly log: MerkleLog };

/** Snapshots for state sync, at each height that this divides. */
const SNAPSHOT_INTERVAL = 2;
/** Longest pause between the end of a process and its next start, ms. */
const PAUSE_MS = 4_000;
/** Why the collector of a removed or forked author stops, for good. */
const DISOWNED = ["MS_FROZEN", "MS_VERTEX_FORK", "MS_VERTEX_PARENTS", "MS_VERTEX_AUTHOR"];

/**
 * One process of an organisation, as production puts it together: collector, application of CometBFT,
 * engine and store; on a disk and a node that the simulation makes.
 */
export class OrgNode {
    readonly index: number;
    readonly organisation: number;
    readonly identity: TestCollector;
    readonly link: MemoryLink;
    /** How far its clock is off, ms. */
    skewMs = 0;
    engine: NodeEngine | null = null;
    /** What other servers ask of this one; null while it is down. */
    exchange: Exchange | null = null;
    disk: SimDisk;
    handler: LinkHandler | null = null;
    /** True after its collector was refused as an author: meters must go elsewhere. */
    isDisowned = false;
    /** True for one that keeps records to itself. */
    readonly isLiar: boolean;
    readonly clock: Clock;
    readonly #host: OrgHost;
    #life = 0;

    constructor(host: OrgHost, index: number) {
        this.#host = host;
        this.index = index;
        this.organisation = organisationOf(index);
        this.identity = host.founding.collectors[index] as TestCollector;
        this.isLiar = host.plan.lyingCollector === index;
        this.clock = { nowMs: () => Math.floor(host.clockMs() + this.skewMs) };
        this.disk = new SimDisk(this.#diskOptions(() => true));
        this.link = this.#makeLink();
    }

    /** True while its collector takes messages. */
    get isUp(): boolean {
        return this.handler !== null;
    }

    /** Puts a founded store onto the disk, before the first start. */
    found(store: MemoryServerStore): void {
        this.disk = new SimDisk(
            this.#diskOptions(() => true),
            store,
        );
    }

    /** Starts on what the disk holds; whatever was acknowledged must be there. */
    async start(): Promise<void> {
        const life = ++this.#life;
        const alive = (): boolean => life === this.#life;
        this.disk = this.disk.reopen(this.#diskOptions(alive));
        await this.#host.watch.opened(this);
        try {
            const { collector, observer } = this.#collector(alive);
            const engine = await this.#openEngine(observer, alive);
            if (!alive()) return;
            this.engine = engine;
            if (this.isDisowned) return;
            await collector.start(this.isLiar ? withholding(engine) : engine);
            if (!alive()) return;
            await collector.listen(this.#guarded(this.link.collector, alive));
            this.#host.trace.note("started", `node ${this.index}`);
        } catch (cause) {
            if (alive()) this.#failed(cause);
        }
    }

    /** Cuts the power, and starts again a while later. */
    crash(): void {
        this.#life++;
        this.#host.trace.note("crash", `node ${this.index}`);
        this.engine = null;
        this.exchange = null;
        this.handler = null;
        this.disk.crash();
        this.#host.oracle.nodes[this.index]?.stop();
        void this.link.collector.close();
        this.skewMs = this.#host.drawSkewMs();
        const delayMs = this.#host.random.below(PAUSE_MS);
        this.#host.time.after(delayMs, () =>
            this.#host.inBackground(this.start(), `node ${this.index}`),
        );
    }

    #collector(alive: () => boolean): { collector: Collector; observer: EngineObserver } {
        const { founding, time, trace, watch } = this.#host;
        const { enrolment, signer } = this.identity;
        const log = { info: () => undefined, warn: () => undefined };
        const collector = new Collector(founding.network.state(), {
            store: this.disk,
            clock: this.clock,
            steadyClock: time,
            timers: this.#timers(alive),
            nextTurn: () => Promise.resolve(),
            signer,
            author: enrolment.id,
            keyEpoch: enrolment.epoch,
            verify: (jobs) =>
                this.#later(() => jobs.map((job) => this.#host.signatures.verify(job))),
            log,
            onFatal: (cause) => alive() && this.#failed(cause),
            onRefused: (code) => {
                trace.counts[code] = (trace.counts[code] ?? 0) + 1;
            },
        });
        const observer: EngineObserver = {
            begin: (state) => collector.begin(state),
            entryLogged: (entry, timeMs) => {
                watch.logged(this, entry, timeMs);
                collector.entryLogged(entry, timeMs);
            },
            entryFinal: (entry, timeMs, finality, outcomes) => {
                watch.final(this, entry, timeMs, finality, outcomes);
                collector.entryFinal(entry, timeMs, finality, outcomes);
            },
        };
        return { collector, observer };
    }

    async #openEngine(observer: EngineObserver, alive: () => boolean): Promise<NodeEngine> {
        if (this.#host.plan.profile === "branches") return await this.#openBranch(observer, alive);
        const { broken, founding, oracle, signatures } = this.#host;
        const node = oracle.nodes[this.index];
        if (node === undefined) throw error("MS_INTERNAL", { where: "simulation" });
        return await CometEngine.open({
            store: this.disk,
            logSigner: this.index === 0 ? founding.network.logSigner : null,
            observer,
            timers: this.#timers(alive),
            node:
                broken === null || this.index !== 1
                    ? node.connect()
                    : this.#tampered(node.connect()),
            snapshotInterval: SNAPSHOT_INTERVAL,
            onFatal: (cause) => alive() && this.#failed(cause),
            check: broken === "signatures" ? () => true : signatures.check,
        });
    }

    async #openBranch(observer: EngineObserver, alive: () => boolean): Promise<NodeEngine> {
        const { engine, exchange, start } = await openBranchNode(this.#host, this, {
            observer,
            timers: this.#timers(alive),
            onFatal: (cause) => alive() && this.#failed(cause),
        });
        if (alive()) {
            this.exchange = exchange;
            this.#host.time.after(0, () => alive() && start());
        }
        return engine;
    }

    /** The node with an application behind it that breaks a rule. */
    #tampered(node: CometNode): CometNode {
        const { broken } = this.#host;
        return {
            ...node,
            serve: (handle, onFatal) =>
                node.serve((request) => {
                    const block = request.finalizeBlock;
                    if (block === undefined) return handle(request);
                    const seconds = BigInt(Math.floor(this.#host.clockMs() / 1000));
                    const changed =
                        broken === "block time"
                            ? { ...block, time: { seconds, nanos: 0 } }
                            : broken === "left out"
                              ? { ...block, txs: block.txs.slice(0, -1) }
                              : block;
                    return handle({ ...request, finalizeBlock: changed });
                }, onFatal),
        };
    }

    /** The process ends; an author whom the ledger refuses does not come back as one. */
    #failed(cause: unknown): void {
        const code = cause instanceof MetersealError ? cause.code : String(cause);
        this.#host.trace.note("failed", `node ${this.index}: ${code}`);
        const { lyingCollector, removed } = this.#host.plan;
        const isExpected = this.index === removed || this.index === lyingCollector;
        if (isExpected && DISOWNED.includes(code)) this.isDisowned = true;
        else this.#host.notes.failure(`node ${this.index}`, cause);
        this.#life++;
        this.#host.time.after(0, () => this.crash());
    }

    #timers(alive: () => boolean): { after(ms: number, callback: () => void): () => void } {
        const { time } = this.#host;
        return { after: (delayMs, callback) => time.after(delayMs, () => alive() && callback()) };
    }

    #diskOptions(alive: () => boolean): DiskOptions {
        const { broken, plan, random, time } = this.#host;
        let writes = 0;
        return {
            time,
            drawMs: () => random.below(plan.syncMs),
            drawKept: (underWay) => random.below(underWay + 1),
            forgets: () => broken === "durability" && ++writes % 5 === 0,
            onWrite: (point) => {
                if (!alive() || !this.#host.strikes(plan.crashRate)) return;
                this.#host.trace.note("power", `node ${this.index} at ${point}`);
                this.crash();
            },
        };
    }

    #makeLink(): MemoryLink {
        const { plan, seed, time } = this.#host;
        const random = seededRandom(seed * 16 + this.index);
        return createMemoryLink({
            // 1 − 2⁻³²: no loss, no duplicate
            random: () => (this.#host.strikes(1) ? random.below(2 ** 32) / 2 ** 32 : 0.999_999_999),
            lossRate: plan.lossRate,
            duplicateRate: plan.duplicateRate,
            delayMs: { from: 1, to: 1 + plan.delayMs },
            timers: time,
            ackTimeoutMs: 4_000,
            receiveTimeoutMs: 3_000,
        });
    }

    /** An answer after a random while: verifications overtake one another. */
    #later<T>(work: () => T): Promise<T> {
        const { random, time } = this.#host;
        if (random.chance(0.7)) return Promise.resolve(work());
        return new Promise((resolve) => {
            time.after(random.below(60), () => resolve(work()));
        });
    }

    /** A link that belongs to one life. */
    #guarded(link: CollectorLink, alive: () => boolean): CollectorLink {
        const gone = () => Promise.reject(error("MS_LINK"));
        return {
            listen: (handler) => {
                this.handler = {
                    authenticate: (subject, token) =>
                        alive() ? handler.authenticate(subject, token) : gone(),
                    receive: (subject, message) =>
                        alive() ? handler.receive(subject, message) : gone(),
                    connected: (subject) => alive() && handler.connected(subject),
                };
                return link.listen(this.handler);
            },
            deliver: (subject, message) =>
                alive() ? link.deliver(subject, message) : Promise.resolve(false),
            close: () => link.close(),
        };
    }

    /** Hashes of all records on its disk: in the log, in open vertices, loose. */
    async recordsOnDisk(): Promise<Set<string>> {
        const all = await this.disk.looseRecords();
        for await (const { body } of this.disk.openVertices()) all.push(...body);
        for await (const { body } of this.disk.entries(0)) all.push(...body);
        return new Set(all.map((bytes) => toHex(unwrap(parseRecord(bytes)).message.hash)));
    }
}

/** The engine of a collector that says it has stored records, and keeps them to itself. */
function withholding(engine: NodeEngine): Engine {
    return {
        state: engine.state,
        submit: () => new Promise(() => undefined),
        append: () => new Promise(() => undefined),
        markVerified: () => undefined,
        head: () => engine.head(),
    };
}
