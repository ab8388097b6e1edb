import {
    type Clock,
    LIMITS,
    type MeterLink,
    MetersealError,
    toHex,
    unixOfSlot,
    unwrap,
} from "@meterseal/core";
import { createLinkToken, MeterAgent, type MonotonicCounter } from "@meterseal/meter";
import {
    type MeterStore,
    type OutboxRecord,
    parseReceipt,
    RECEIPT_LEVEL,
    splitSequence,
    verifySign1,
} from "@meterseal/record";
import { MemoryMeterStore } from "@meterseal/stores/memory";
import type { SimHousehold } from "../sim-household.ts";
import type { OrgHost } from "./host.ts";
import type { OrgNode } from "./org-node.ts";

/** How often a meter looks at its register, and whether its records become final, ms. */
const MEASURE_MS = 1_000;
const WATCH_MS = 6_000;
/** Longest pause between the end of a meter's process and its next start, ms. */
const PAUSE_MS = 3_000;
/** One receipt of so many is verified here too; the agent verifies each. */
const RECEIPTS_VERIFIED = 8;

/** An honest meter: the real agent, which moves from one collector to another. */
export class OrgMeter {
    readonly index: number;
    readonly household: SimHousehold;
    readonly subjectHex: string;
    /** How far its clock is off, ms. */
    skewMs = 0;
    agent: MeterAgent | null = null;
    /** Collector that it talks to. */
    home: number;
    disk: MemoryMeterStore;
    readonly #host: OrgHost;
    readonly #clock: Clock;
    /** Tells whether the memory is the latest; a restored backup is not. */
    #starts = 0;
    #link: MeterLink | null = null;
    #life = 0;
    /** Signed once: it says who the meter is, whenever. */
    #token: Promise<Uint8Array> | null = null;
    #next = 0;
    #isFlushed = false;
    #writes = 0;
    #openBefore = 0;
    #receipts = 0;

    constructor(host: OrgHost, index: number, household: SimHousehold, home: number) {
        this.#host = host;
        this.index = index;
        this.household = household;
        this.home = home;
        this.subjectHex = toHex(household.meter.subject);
        this.#clock = { nowMs: () => Math.floor(host.clockMs() + this.skewMs) };
        this.disk = new MemoryMeterStore();
    }

    /** True when everything was measured, written, and is final. */
    get isDone(): boolean {
        const all = this.#next === this.household.truth.length && this.#isFlushed;
        return all && this.agent !== null && this.agent.openRecords === 0;
    }

    /** Starts the agent on what its store holds. */
    async start(): Promise<void> {
        const life = ++this.#life;
        const alive = (): boolean => life === this.#life;
        const { founding, time } = this.#host;
        const { master, meter, recordBoundaries } = this.household;
        const { networkId } = founding.network;
        const node = this.#host.nodes[this.home] as OrgNode;
        this.disk = this.disk.crash({
            beforeCommit: (point) => this.#cut(alive, `before ${point}`),
            afterCommit: (point) => this.#cut(alive, `after ${point}`),
        });
        this.#token ??= createLinkToken(meter.signer, networkId, meter.subject, this.#clock);
        const token = this.#token;
        this.#link = node.link.meter(this.subjectHex, () => token);
        const agent = await MeterAgent.open({
            profile: {
                network: networkId,
                subject: meter.subject,
                chainEpoch: meter.enrolment.epoch,
                anchor: meter.enrolment.message.hash,
                stream: meter.descriptor,
                collectorKey: node.identity.signer.publicKey,
            },
            signer: meter.signer,
            master,
            store: this.#forgetful(this.disk),
            counter: this.#counter(),
            link: this.#tapped(this.#link, node, alive),
            clock: this.#clock,
            timers: {
                after: (delayMs, callback) => time.after(delayMs, () => alive() && callback()),
            },
            log: { info: () => undefined, warn: () => undefined },
            recordBoundaries,
        });
        if (!alive()) return;
        this.agent = agent;
        this.#next = this.household.truth.findIndex(({ slot }) => slot >= agent.nextSlot);
        if (this.#next < 0) this.#next = this.household.truth.length;
        this.#isFlushed = false;
        await agent.connect();
        this.#tick(alive);
        this.#openBefore = 0;
        time.after(WATCH_MS, () => alive() && this.#watch(alive));
    }

    /** Ends everything that is not on disk, and starts again a while later, perhaps elsewhere. */
    crash(home: number = this.home, memory: MemoryMeterStore = this.disk): void {
        this.#life++;
        this.agent = null;
        this.disk.crash();
        this.disk = memory;
        void this.#link?.close();
        this.home = home;
        this.skewMs = this.#host.drawSkewMs();
        const delayMs = this.#host.random.below(PAUSE_MS);
        this.#host.time.after(delayMs, () =>
            this.#host.inBackground(this.start(), `meter ${this.index}`),
        );
    }

    /** Goes to another collector that takes messages, if there is one. */
    roam(): void {
        const others = this.#host.nodes.filter(({ index, isUp }) => isUp && index !== this.home);
        if (this.agent === null || others.length === 0) return;
        const { index } = this.#host.random.pick(others);
        this.#host.trace.note("roam", `meter ${this.index} to ${index}`);
        this.crash(index);
    }

    /** Measures what is due until everything is in a record. */
    #tick(alive: () => boolean): void {
        this.#host.inBackground(this.#measure(alive), `meter ${this.index}`);
        this.#host.time.after(MEASURE_MS, () => {
            const isWritten = this.#next === this.household.truth.length && this.#isFlushed;
            if (alive() && !isWritten) this.#tick(alive);
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
                await this.agent.add(boundary);
            }
            if (!alive() || this.agent === null) return;
            await this.agent.flush();
            if (alive()) this.#isFlushed = true;
        } catch (cause) {
            if (!alive()) return;
            this.#host.notes.failure(`meter ${this.index}`, cause);
            this.crash();
        }
    }

    /** A meter whose records do not become final, or that was turned away, tries another collector. */
    #watch(alive: () => boolean): void {
        if (this.agent === null) return;
        const { openRecords, refusal } = this.agent;
        const isStuck = openRecords > 0 && openRecords >= this.#openBefore && this.#openBefore > 0;
        this.#openBefore = openRecords;
        if (isStuck || refusal !== null) this.roam();
        if (alive() && !this.isDone) {
            this.#host.time.after(WATCH_MS, () => alive() && this.#watch(alive));
        }
    }

    #cut(alive: () => boolean, where: string): void {
        if (!alive() || !this.#host.strikes(this.#host.plan.crashRate / 4)) return;
        this.#host.trace.note("power", `meter ${this.index} ${where}`);
        this.#host.time.after(0, () => alive() && this.crash());
        throw new MetersealError("MS_STORE_UNWRITABLE", { where, got: "injected fault" });
    }

    #counter(): MonotonicCounter {
        return {
            read: () => Promise.resolve(this.#starts),
            raise: (to) => {
                this.#starts = to;
                return Promise.resolve();
            },
        };
    }

    #forgetful(disk: MemoryMeterStore): MeterStore {
        return {
            state: () => disk.state(),
            append: async (state, record) => {
                if (this.#host.broken === "meter memory" && ++this.#writes % 3 === 0) return;
                await disk.append(state, record);
                if (record !== null) this.#host.notes.record(record.bytes);
            },
            outbox: () => disk.outbox(),
            keepStored: (receipt) => disk.keepStored(receipt),
            keepFinal: (receipt, epoch, seq) => disk.keepFinal(receipt, epoch, seq),
            receipts: () => disk.receipts(),
            close: () => disk.close(),
        };
    }

    /** What the meter holds on its disk. */
    outbox(): Promise<OutboxRecord[]> {
        return this.disk.outbox();
    }

    #tapped(link: MeterLink, node: OrgNode, alive: () => boolean): MeterLink {
        return {
            open: (handler) =>
                link.open({
                    up: () => alive() && handler.up(),
                    down: () => alive() && handler.down(),
                    message: (message) => {
                        if (!alive()) return;
                        this.#noteReceipt(message, node);
                        handler.message(message);
                    },
                }),
            send: (message) => {
                for (const bytes of unwrap(splitSequence(message, LIMITS.messageRecords))) {
                    this.#host.notes.record(bytes);
                }
                this.#host.notes.counts.messages++;
                this.#host.liars.overhear(this.subjectHex, message);
                return link.send(message);
            },
            close: () => link.close(),
        };
    }

    #noteReceipt(message: Uint8Array, node: OrgNode): void {
        const receipt = parseReceipt(message);
        if (!receipt.ok) return;
        const { notes, trace, watch } = this.#host;
        if (++this.#receipts % RECEIPTS_VERIFIED === 0) {
            const isGenuine = verifySign1(receipt.value.message, node.identity.signer.publicKey);
            trace.check("I7", isGenuine, () => `meter ${this.index} was told something unsigned`);
        }
        notes.receipt(receipt.value);
        if (receipt.value.level === RECEIPT_LEVEL.refused) return;
        trace.note("receipt", `${this.index} ${receipt.value.level} ${receipt.value.seq}`);
        watch.acknowledge(node.index, receipt.value.recordHash);
    }
}
