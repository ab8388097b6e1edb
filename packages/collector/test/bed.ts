import { type CollectorLink, concatBytes, toHex, unwrap, verifySignature } from "@meterseal/core";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import type { ImageStore, LedgerState, Vertex } from "@meterseal/ledger";
import {
    type MeterRecord,
    parseReceipt,
    parseUnsignedReceipt,
    type Receipt,
    verifySign1,
} from "@meterseal/record";
import { MemoryServerStore } from "@meterseal/stores/memory";
import { testSigner } from "@meterseal/testkit/keys";
import {
    TEST_START_UNIX,
    type TestChain,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { SimulatedTime } from "@meterseal/testkit/sim-time";
import type { SignatureVerifier } from "../src/index.ts";
import { Collector } from "../src/index.ts";

/** A receipt as the link carried it. */
export type Answer = Receipt & { readonly signed: boolean; readonly to: string };

type StoreHooks = NonNullable<ConstructorParameters<typeof MemoryServerStore>[0]>;

/** Time at which beds start: a month after the chains of the testkit begin. */
export const START_MS = (TEST_START_UNIX + 30 * 86_400) * 1000;

/** What a bed may be given. */
export type BedOptions = {
    readonly mode?: number;
    readonly verify?: SignatureVerifier;
    readonly hooks?: StoreHooks;
    readonly engineHooks?: StoreHooks;
    /** Where the engine keeps an image of its state. */
    readonly image?: ImageStore;
};

/** A collector with engine and store in memory and virtual time; it can crash and start again. */
export class Bed {
    readonly network: TestNetwork;
    readonly time = new SimulatedTime(START_MS);
    /** Added to the clock that judges record times. */
    skewMs = 0;
    /** How far the ledger's time is off that clock. */
    ledgerSkewMs = 0;
    readonly signer = testSigner("collector");
    readonly answers: Answer[] = [];
    readonly fatal: unknown[] = [];
    /** Codes of what was refused, in order. */
    readonly refused: string[] = [];
    readonly warnings: string[] = [];
    /** Rejects what goes to a meter, where set. */
    deliverFault: Error | null = null;
    author: Uint8Array = new Uint8Array(16);
    store!: MemoryServerStore;
    engine!: EmbeddedEngine;
    collector!: Collector;
    verify: SignatureVerifier;
    /** Entries that the collector was told of since the last start. */
    told = 0;
    readonly #image: ImageStore | null;
    #life = 0;

    private constructor(options: BedOptions) {
        this.network = new TestNetwork("bed", options.mode);
        this.#image = options.image ?? null;
        this.verify =
            options.verify ??
            (async (jobs) =>
                jobs.map(({ algorithm, key, message, signature }) =>
                    verifySignature(key, algorithm, message, signature),
                ));
    }

    static async create(options: BedOptions = {}): Promise<Bed> {
        const bed = new Bed(options);
        bed.store = new MemoryServerStore();
        await bed.store.initialize(bed.network.genesis);
        const { enrolment } = await bed.network.collector("collector");
        bed.author = enrolment.id;
        const engine = await EmbeddedEngine.open({
            store: bed.store,
            clock: bed.clock,
            logSigner: bed.network.logSigner,
            observer: { entryFinal: () => undefined },
        });
        await engine.submit(enrolment.message.bytes, []);
        await bed.restart(options.hooks);
        return bed;
    }

    get clock(): { nowMs(): number } {
        return { nowMs: () => this.time.nowMs() + this.skewMs };
    }

    get state(): LedgerState {
        return this.engine.state;
    }

    /** Ends collector and store as a crash does, and starts them on what was durable. */
    async restart(hooks: StoreHooks = {}): Promise<void> {
        this.store = this.store.crash(hooks);
        const life = ++this.#life;
        const alive = (): boolean => life === this.#life;
        const { clock, time, store } = this;
        const collector = new Collector(this.network.state(), {
            store,
            clock,
            steadyClock: time,
            timers: {
                after: (delayMs, callback) => time.after(delayMs, () => alive() && callback()),
            },
            nextTurn: () => Promise.resolve(),
            signer: this.signer,
            author: this.author,
            keyEpoch: 0,
            verify: (jobs) => this.verify(jobs),
            log: {
                info: () => undefined,
                warn: (message) => alive() && this.warnings.push(message),
            },
            onFatal: (cause) => alive() && this.fatal.push(cause),
            onRefused: (code) => this.refused.push(code),
        });
        this.told = 0;
        const image = this.#image;
        this.engine = await EmbeddedEngine.open({
            store,
            clock: { nowMs: () => clock.nowMs() + this.ledgerSkewMs },
            logSigner: this.network.logSigner,
            observer: {
                begin: (state) => collector.begin(state),
                entryLogged: (entry, timeMs) => {
                    this.told++;
                    collector.entryLogged(entry, timeMs);
                },
                entryFinal: (...entry) => collector.entryFinal(...entry),
            },
            ...(image === null ? {} : { images: imagesIn(image) }),
        });
        await collector.start(this.engine);
        await collector.listen(this.#link(alive));
        this.collector = collector;
        await time.settle();
    }

    #link(alive: () => boolean): CollectorLink {
        return {
            listen: async () => "test:",
            deliver: async (to, message) => {
                await Promise.resolve();
                if (!alive()) return false;
                if (this.deliverFault !== null) throw this.deliverFault;
                const signed = parseReceipt(message);
                if (signed.ok && !verifySign1(signed.value.message, this.signer.publicKey)) {
                    throw new Error("a receipt whose signature does not verify");
                }
                const receipt = signed.ok ? signed.value : unwrap(parseUnsignedReceipt(message));
                this.answers.push({ ...receipt, signed: signed.ok, to });
                return true;
            },
            close: async () => undefined,
        };
    }

    /** Brings a vertex of another collector into the log, as its branch would; resolves with its leaf. */
    async submit(vertex: Vertex, records: readonly MeterRecord[]): Promise<number> {
        const { bytes } = vertex.message;
        await this.store.takeVertices([{ id: vertex.id.bytes, bytes, records }]);
        return await this.engine.append(bytes, records);
    }

    /** Makes a meter final in the ledger. */
    async enrol(meter: TestMeter): Promise<void> {
        await this.engine.submit(meter.enrolment.message.bytes, []);
    }

    /** Hands in one message; resolves with its answers, or rejects as the collector does. */
    async send(
        from: TestMeter | string,
        ...parts: (MeterRecord | Uint8Array)[]
    ): Promise<Answer[]> {
        const message = concatBytes(
            ...parts.map((part) => (part instanceof Uint8Array ? part : part.message.bytes)),
        );
        const before = this.answers.length;
        const subject = typeof from === "string" ? from : toHex(from.subject);
        await this.time.run(this.collector.receive(subject, message), 1_000);
        return this.answers.slice(before);
    }

    /** Waits until everything that is stored is final; resolves with the answers of that. */
    async finish(): Promise<Answer[]> {
        const before = this.answers.length;
        await this.time.advance(3_000);
        return this.answers.slice(before);
    }

    /** Every record in the log, in order. */
    async logged(): Promise<Uint8Array[]> {
        const records: Uint8Array[] = [];
        for await (const { body } of this.store.entries(0)) records.push(...body);
        return records;
    }

    /** How often a record stands in the log. */
    async timesLogged(record: MeterRecord): Promise<number> {
        const name = toHex(record.message.bytes);
        return (await this.logged()).filter((bytes) => toHex(bytes) === name).length;
    }
}

/** Images that are written when they are asked for, and must be good. */
function imagesIn(store: ImageStore) {
    return {
        ...{ store, every: Number.POSITIVE_INFINITY },
        onFailed(cause: unknown) {
            throw cause;
        },
    };
}

/** Records of a chain, one after the other. */
export async function records(chain: TestChain, count: number): Promise<MeterRecord[]> {
    const made: MeterRecord[] = [];
    for (let i = 0; i < count; i++) made.push(await chain.usage());
    return made;
}

/** Codes of answers. */
export function codes(answers: readonly Answer[]): number[] {
    return answers.map((answer) => answer.code);
}

/** The record with one byte of its signature changed: parses, and does not verify. */
export function badlySigned(record: MeterRecord): Uint8Array {
    const bytes = record.message.bytes.slice();
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] as number) ^ 1;
    return bytes;
}
