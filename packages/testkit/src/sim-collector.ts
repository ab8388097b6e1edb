import { Collector } from "@meterseal/collector";
import {
    type Clock,
    type CollectorLink,
    error,
    type LinkHandler,
    verifySignature,
} from "@meterseal/core";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import { MemoryServerStore } from "@meterseal/stores/memory";
import type { TestCollector } from "./records.ts";
import type { SimHost } from "./sim-host.ts";
import { injected, type SimNotes } from "./sim-notes.ts";

type StoreHooks = NonNullable<ConstructorParameters<typeof MemoryServerStore>[0]>;

/** The collector of a simulation with its engine, on a store that crashes. */
export class SimCollector {
    skewMs = 0;
    /** Engine of the present life; null while it is down. */
    engine: EmbeddedEngine | null = null;
    disk = new MemoryServerStore();
    /** Meters that the network keeps away. */
    readonly partitioned = new Set<string>();
    handler: LinkHandler | null = null;
    /** Until this instant of virtual time its disk has no room. */
    fullUntilMs = 0;
    readonly #world: SimHost;
    readonly #notes: SimNotes;
    readonly #identity: TestCollector;
    readonly #clock: Clock;
    #link: CollectorLink | null = null;
    #life = 0;

    constructor(world: SimHost, identity: TestCollector) {
        this.#world = world;
        this.#notes = world.notes;
        this.#identity = identity;
        this.#clock = { nowMs: () => Math.floor(world.clockMs() + this.skewMs) };
    }

    /** Writes genesis, enrolments and parties, before anything can fail. */
    async found(members: readonly Uint8Array[]): Promise<void> {
        await this.disk.initialize(this.#world.network.genesis);
        const engine = await EmbeddedEngine.open({
            store: this.disk,
            clock: this.#clock,
            logSigner: this.#world.network.logSigner,
            observer: { entryFinal: () => undefined },
        });
        for (const member of members) await engine.submit(member, []);
    }

    /** Starts on what the store holds; whatever was acknowledged must be there. */
    async start(): Promise<void> {
        const life = ++this.#life;
        const alive = (): boolean => life === this.#life;
        this.disk = this.disk.crash(this.#hooks(alive));
        const store = this.disk;
        this.#notes.requireAcknowledged(await this.records(), "after a crash");
        const { network, time } = this.#world;
        const collector = new Collector(network.state(), {
            store,
            clock: this.#clock,
            steadyClock: time,
            timers: {
                after: (delayMs, callback) => time.after(delayMs, () => alive() && callback()),
            },
            nextTurn: () => Promise.resolve(),
            signer: this.#identity.signer,
            author: this.#identity.enrolment.id,
            keyEpoch: this.#identity.enrolment.epoch,
            verify: (jobs) =>
                this.#later(() =>
                    jobs.map((job) =>
                        verifySignature(job.key, job.algorithm, job.message, job.signature),
                    ),
                ),
            log: { info: () => undefined, warn: () => undefined },
            onFatal: (cause) => {
                if (!alive()) return;
                this.#notes.failure("collector", cause);
                time.after(0, () => alive() && this.crash());
            },
        });
        try {
            const engine = await EmbeddedEngine.open({
                store,
                clock: this.#clock,
                logSigner: network.logSigner,
                observer: collector,
                onFatal: (cause) => collector.fail(cause),
            });
            await collector.start(engine);
            if (!alive()) return;
            this.engine = engine;
            this.#link = this.#world.link.collector;
            await collector.listen(this.#guarded(this.#link, alive));
        } catch (cause) {
            if (!alive()) return;
            this.#notes.failure("start of the collector", cause);
            this.crash();
        }
    }

    /** Ends everything that is not on disk, and starts again a while later. */
    crash(): void {
        this.#life++;
        this.#notes.counts.crashes++;
        this.engine = null;
        this.handler = null;
        this.disk.crash();
        void this.#link?.close();
        this.#link = null;
        this.skewMs = this.#world.drawSkewMs();
        const delayMs = this.#world.random.below(5_000);
        this.#world.time.after(delayMs, () => void this.#world.watch(this.start(), "collector"));
    }

    /** Every record in the store: in the log, in open vertices, loose. */
    async records(): Promise<Uint8Array[]> {
        const all = await this.disk.looseRecords();
        for await (const { body } of this.disk.openVertices()) all.push(...body);
        for await (const { body } of this.disk.entries(0)) all.push(...body);
        return all;
    }

    #hooks(alive: () => boolean): StoreHooks {
        const crash = (where: string): void => {
            const full = where.startsWith("before") && this.#world.isFull(this.fullUntilMs);
            if (!alive() || (!full && !this.#world.strikes(0.03))) return;
            if (full) this.#notes.counts.fullDisks++;
            this.#world.time.after(0, () => alive() && this.crash());
            throw injected(where);
        };
        return {
            beforeCommit: (point) => crash(`before ${point}`),
            afterCommit: (point) => crash(`after ${point}`),
        };
    }

    /** An answer after a random while: verifications overtake one another. */
    #later<T>(work: () => T): Promise<T> {
        const { random, time } = this.#world;
        if (random.chance(0.5)) return Promise.resolve(work());
        return new Promise((resolve) => {
            time.after(random.below(60), () => resolve(work()));
        });
    }

    /** A link that belongs to one life, and to the network's partitions. */
    #guarded(link: CollectorLink, alive: () => boolean): CollectorLink {
        const gone = () => Promise.reject(error("MS_LINK"));
        return {
            listen: (handler) => {
                this.handler = {
                    authenticate: (subject, token) =>
                        alive() && !this.partitioned.has(subject)
                            ? handler.authenticate(subject, token)
                            : gone(),
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
}
