import { type Clock, LIMITS, MetersealError, toHex, unixOfSlot, unwrap } from "@meterseal/core";
import type { MemoryLink } from "@meterseal/links/memory";
import { createLinkToken, MeterAgent } from "@meterseal/meter";
import {
    type MeterStore,
    type OutboxRecord,
    parseReceipt,
    splitSequence,
    verifySign1,
} from "@meterseal/record";
import { MemoryMeterStore } from "@meterseal/stores/memory";
import type { SimHost } from "./sim-host.ts";
import type { SimHousehold } from "./sim-household.ts";
import { injected, type SimNotes } from "./sim-notes.ts";

type StoreHooks = NonNullable<ConstructorParameters<typeof MemoryMeterStore>[0]>;

/** A meter of a simulation: the real agent, on a store that crashes and a link that lies. */
export class SimMeter {
    readonly household: SimHousehold;
    readonly subjectHex: string;
    /** How far its clock is off, ms of the world's clock. */
    skewMs = 0;
    agent: MeterAgent | null = null;
    /** Until this instant of virtual time its disk has no room. */
    fullUntilMs = 0;
    readonly #world: SimHost;
    readonly #notes: SimNotes;
    readonly #clock: Clock;
    #disk = new MemoryMeterStore();
    #link: ReturnType<MemoryLink["meter"]> | null = null;
    #life = 0;
    /** Next boundary of the truth to give to the agent of this life. */
    #next = 0;
    #flushed = false;
    #isFlushing = false;

    constructor(world: SimHost, household: SimHousehold) {
        this.#world = world;
        this.#notes = world.notes;
        this.household = household;
        this.subjectHex = toHex(household.meter.subject);
        this.#clock = { nowMs: () => Math.floor(world.clockMs() + this.skewMs) };
    }

    /** True when everything was measured, written, and is final. */
    get done(): boolean {
        const all = this.#next === this.household.truth.length && this.#flushed;
        return all && this.agent !== null && this.agent.openRecords === 0;
    }

    /** Starts the agent on what its store holds. */
    async start(): Promise<void> {
        const life = ++this.#life;
        const alive = (): boolean => life === this.#life;
        const { meter, master, memory, recordBoundaries } = this.household;
        const { collectorKey, link, network, time } = this.#world;
        this.#disk = this.#disk.crash(this.#hooks(alive));
        const store = this.#observed(this.#disk);
        const token = () =>
            createLinkToken(meter.signer, network.networkId, meter.subject, this.#clock);
        this.#link = link.meter(this.subjectHex, token);
        const agent = await MeterAgent.open({
            profile: {
                network: network.networkId,
                subject: meter.subject,
                chainEpoch: meter.enrolment.epoch,
                anchor: meter.enrolment.message.hash,
                stream: meter.descriptor,
                collectorKey,
            },
            signer: meter.signer,
            master,
            store,
            link: this.#tapped(this.#link, alive),
            clock: this.#clock,
            timers: {
                after: (delayMs, callback) => time.after(delayMs, () => alive() && callback()),
            },
            log: { info: () => undefined, warn: () => undefined },
            recordBoundaries,
            ...(memory === null ? {} : { memory }),
        });
        if (!alive()) return;
        this.agent = agent;
        this.#next = this.household.truth.findIndex(({ slot }) => slot >= agent.nextSlot);
        if (this.#next < 0) this.#next = this.household.truth.length;
        this.#flushed = false;
        this.#isFlushing = false;
        await agent.connect();
        this.#tick(alive);
    }

    /** Ends everything that is not on disk, and starts again a while later. */
    crash(): void {
        if (this.agent === null) return;
        this.#life++;
        this.#notes.counts.crashes++;
        this.agent = null;
        this.#disk.crash();
        void this.#link?.close();
        this.#link = null;
        this.skewMs = this.#world.drawSkewMs();
        const delayMs = this.#world.random.below(4_000);
        this.#world.time.after(
            delayMs,
            () => void this.#world.watch(this.start(), this.subjectHex),
        );
    }

    /** What the meter holds on its disk. */
    outbox(): Promise<OutboxRecord[]> {
        return this.#disk.outbox();
    }

    /** Measures what is due, a little at a time. */
    #tick(alive: () => boolean): void {
        void this.#world.watch(this.#measure(alive), this.subjectHex);
        this.#world.time.after(300, () => {
            if (alive() && !this.done) this.#tick(alive);
        });
    }

    async #measure(alive: () => boolean): Promise<void> {
        const { meter, truth } = this.household;
        const nowUnix = this.#clock.nowMs() / 1000;
        try {
            for (; alive() && this.agent !== null; this.#next++) {
                const boundary = truth[this.#next];
                if (boundary === undefined) break;
                if (unixOfSlot(boundary.slot, meter.descriptor.slotSeconds) > nowUnix) return;
                const agent: MeterAgent = this.agent;
                const added = agent.add(boundary);
                if (this.household.memory === null) {
                    await added;
                    continue;
                }
                // It measures one boundary at a time, and waits for nobody.
                added.catch((cause) => alive() && this.#failed(cause));
                this.#next++;
                return;
            }
            if (!alive() || this.agent === null || this.#flushed || this.#isFlushing) return;
            this.#isFlushing = true;
            await this.agent.flush();
            if (alive()) this.#flushed = true;
        } catch (cause) {
            if (alive()) this.#failed(cause);
        }
    }

    /** What the meter refused to take stays in its register; anything else ends this life. */
    #failed(cause: unknown): void {
        if (cause instanceof MetersealError && cause.code === "MS_OUTBOX_FULL") return;
        this.#notes.failure(`meter ${this.household.name}`, cause);
        this.crash();
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
            afterCommit: (point) => {
                if (point === "append") this.#notePersisted();
                crash(`after ${point}`);
            },
        };
    }

    #appending: OutboxRecord | null = null;

    #notePersisted(): void {
        if (this.#appending !== null) this.#notes.record(this.#appending.bytes);
    }

    #observed(disk: MemoryMeterStore): MeterStore {
        return {
            state: () => disk.state(),
            append: (state, record) => {
                this.#appending = record;
                return disk.append(state, record);
            },
            outbox: () => disk.outbox(),
            keepStored: (receipt) => disk.keepStored(receipt),
            keepFinal: (receipt, epoch, seq) => disk.keepFinal(receipt, epoch, seq),
            receipts: () => disk.receipts(),
            close: () => disk.close(),
        };
    }

    /** The link, with the world listening in and lying a little on the way down. */
    #tapped(link: ReturnType<MemoryLink["meter"]>, alive: () => boolean): typeof link {
        const world = this.#world;
        return {
            open: (handler) =>
                link.open({
                    up: () => alive() && handler.up(),
                    down: () => alive() && handler.down(),
                    message: (message) => {
                        if (!alive()) return;
                        this.#noteReceipt(message);
                        handler.message(message);
                        const lie = world.mischief.lieTo(this.subjectHex, message);
                        if (lie !== null) handler.message(lie);
                    },
                }),
            send: (message) => {
                world.notes.counts.messages++;
                for (const bytes of unwrap(splitSequence(message, LIMITS.messageRecords))) {
                    this.#notes.record(bytes);
                }
                world.mischief.overhear(this.subjectHex, message);
                return link.send(message);
            },
            close: () => link.close(),
        };
    }

    #noteReceipt(message: Uint8Array): void {
        const receipt = parseReceipt(message);
        if (!receipt.ok) return;
        if (!verifySign1(receipt.value.message, this.#world.collectorKey)) {
            this.#notes.complain("the collector sent a receipt that does not verify");
        } else if (toHex(receipt.value.subject) !== this.subjectHex) {
            this.#notes.complain("the collector sent a receipt about another meter");
        } else this.#notes.receipt(receipt.value);
    }
}
