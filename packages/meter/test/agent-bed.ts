import { error, type MeterLink, type MeterLinkHandler, type Signer, unwrap } from "@meterseal/core";
import {
    createReceipt,
    type MeterRecord,
    parseRecord,
    RECEIPT_LEVEL,
    type Receipt,
    STREAM_MODE,
    type StreamDescriptor,
    splitSequence,
    type UsageBody,
    usageOf,
} from "@meterseal/record";
import { MemoryMeterStore } from "@meterseal/stores/memory";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TEST_START_SLOT, TEST_START_UNIX } from "@meterseal/testkit/records";
import { SimulatedTime } from "@meterseal/testkit/sim-time";
import {
    type Boundary,
    type ClockAhead,
    MeterAgent,
    type MeterAgentOptions,
    type MeterProfile,
} from "../src/index.ts";

/** Hooks of a store in memory. */
export type StoreHooks = NonNullable<ConstructorParameters<typeof MemoryMeterStore>[0]>;

/** First slot of the tests. */
export const FIRST_SLOT = TEST_START_SLOT;

/** Link whose other end is the test. */
export class ScriptedLink implements MeterLink {
    /** What was sent, acknowledged or not. */
    readonly sent: MeterRecord[][] = [];
    /** How the transport answers a message. */
    mode: "acknowledge" | "hold" | "fail" = "acknowledge";
    closed = false;
    onSend: ((records: readonly MeterRecord[]) => void) | null = null;
    #handler: MeterLinkHandler | null = null;
    #held: { done(): void; failed(): void }[] = [];

    async open(handler: MeterLinkHandler): Promise<void> {
        this.#handler = handler;
        await Promise.resolve();
    }

    up(): void {
        this.#handler?.up();
    }

    /** Ends the connection: what is held fails first. */
    down(): void {
        for (const held of this.#held.splice(0)) held.failed();
        this.#handler?.down();
    }

    /** Acknowledges what is held. */
    release(): void {
        for (const held of this.#held.splice(0)) held.done();
    }

    deliver(message: Uint8Array): void {
        this.#handler?.message(message);
    }

    send(message: Uint8Array): Promise<void> {
        const items = unwrap(splitSequence(message, 1_000));
        const records = items.map((item) => unwrap(parseRecord(item.slice())));
        this.sent.push(records);
        this.onSend?.(records);
        return new Promise((resolve, reject) => {
            const failed = (): void => reject(error("MS_LINK"));
            if (this.mode === "acknowledge") resolve();
            else if (this.mode === "fail") failed();
            else this.#held.push({ done: resolve, failed });
        });
    }

    async close(): Promise<void> {
        this.closed = true;
        await Promise.resolve();
    }

    /** Sequence numbers of each message that was sent, and forgets them. */
    take(): number[][] {
        return this.sent.splice(0).map((records) => records.map(({ seq }) => seq));
    }
}

/** A meter on a scripted link, a store in memory, and virtual time. */
export class MeterBed {
    readonly time = new SimulatedTime((TEST_START_UNIX + 86_400) * 1000);
    readonly collector: Signer = testSigner("collector", "edDsa");
    readonly warnings: string[] = [];
    /** What the agent said about {@link MeterAgent.clockAhead}. */
    readonly clockAheads: (ClockAhead | null)[] = [];
    readonly stream: StreamDescriptor;
    readonly profile: MeterProfile;
    readonly master: Uint8Array | null;
    source: MeterAgentOptions["source"];
    store = new MemoryMeterStore();
    link = new ScriptedLink();
    agent!: MeterAgent;

    constructor(stream: Partial<StreamDescriptor> = {}) {
        this.stream = {
            stream: testBytes("stream", 16),
            sealEpoch: 0,
            suite: 1,
            slotSeconds: 900,
            zone: "Europe/London",
            groups: [0],
            mode: STREAM_MODE.sealed,
            scale: 0,
            ...stream,
        };
        this.master = this.stream.mode === STREAM_MODE.sealed ? testBytes("master", 32) : null;
        this.profile = {
            network: testBytes("network", 32),
            subject: testBytes("subject", 16),
            chainEpoch: 0,
            anchor: testBytes("anchor", 32),
            stream: this.stream,
            collectorKey: this.collector.publicKey,
        };
    }

    /** Opens the meter on what its store holds, as after a crash, and connects it. */
    async start(
        options: { recordBoundaries?: number; hooks?: StoreHooks; connect?: boolean } = {},
    ): Promise<MeterAgent> {
        this.store = this.store.crash(options.hooks);
        const link = new ScriptedLink();
        link.mode = this.link.mode;
        link.onSend = this.link.onSend;
        this.link = link;
        this.agent = await MeterAgent.open(this.options(options.recordBoundaries));
        await this.agent.connect();
        if (options.connect !== false) this.link.up();
        await this.time.settle();
        return this.agent;
    }

    /** What an agent on this bed works with. */
    options(recordBoundaries: number = 4): MeterAgentOptions {
        return {
            profile: this.profile,
            signer: testSigner("meter", "edDsa"),
            master: this.master,
            store: this.store,
            link: this.link,
            clock: this.time,
            timers: this.time,
            log: { info: () => undefined, warn: (message) => void this.warnings.push(message) },
            recordBoundaries,
            source: this.source,
            onClockAhead: (ahead) => void this.clockAheads.push(ahead),
        };
    }

    /** Gives the meter boundaries that follow what it has; the register grows by 10 a slot. */
    async feed(
        count: number,
        from: number = Math.max(FIRST_SLOT, this.agent.nextSlot),
    ): Promise<void> {
        for (let slot = from; slot < from + count; slot++) await this.agent.add(boundary(slot));
        await this.time.settle();
    }

    /** Signed receipt on a record. */
    async receipt(record: MeterRecord, changes: Partial<Receipt> = {}): Promise<Uint8Array> {
        return await createReceipt(this.collector, this.content(record, changes));
    }

    /** Content of a receipt: `stored` unless changed. */
    content(record: MeterRecord, changes: Partial<Receipt> = {}): Receipt {
        return {
            subject: record.subject,
            chainEpoch: record.chainEpoch,
            seq: record.seq,
            recordHash: record.message.hash,
            level: RECEIPT_LEVEL.stored,
            code: 0,
            timeUnix: Math.floor(this.time.nowMs() / 1000),
            ...changes,
        };
    }

    /** Delivers a receipt and lets the meter act on it. */
    async answer(record: MeterRecord, changes: Partial<Receipt> = {}): Promise<void> {
        this.link.deliver(await this.receipt(record, changes));
        await this.time.settle();
    }

    /** Delivers a final receipt. */
    async final(record: MeterRecord): Promise<void> {
        await this.answer(record, FINAL);
    }

    /** Every record in the outbox. */
    async kept(): Promise<MeterRecord[]> {
        return (await this.store.outbox()).map(({ bytes }) => unwrap(parseRecord(bytes)));
    }
}

/** What makes a receipt final. */
export const FINAL: Partial<Receipt> = {
    level: RECEIPT_LEVEL.final,
    leafIndex: 3,
    checkpoint: { size: 4, root: new Uint8Array(32).fill(1) },
};

/** A boundary whose register grows by 10 a slot. */
export function boundary(slot: number, flag: Boundary["flag"] = 0): Boundary {
    return { slot, registers: [BigInt(slot - FIRST_SLOT) * 10n + 1_000n], flag };
}

/** Usage body of a record. */
export function usage(record: MeterRecord | undefined): UsageBody {
    if (record === undefined) throw new Error("there is no such record");
    return unwrap(usageOf(record));
}
