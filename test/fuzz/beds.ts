import { Collector } from "@meterseal/collector";
import { error, type MeterLinkHandler, toHex, unwrap } from "@meterseal/core";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import { MeterAgent } from "@meterseal/meter";
import { parseReceipt, parseUnsignedReceipt, type Receipt } from "@meterseal/record";
import { MemoryMeterStore, MemoryServerStore } from "@meterseal/stores/memory";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import {
    TEST_LATER_MS,
    TEST_START_SLOT,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { SimulatedTime } from "@meterseal/testkit/sim-time";

const quiet = { info: () => undefined, warn: () => undefined };

/** A collector with its engine on a store in memory, in virtual time; every signature counts as good. */
export class CollectorBed {
    readonly time = new SimulatedTime(TEST_LATER_MS);
    readonly network = new TestNetwork("fuzz bed");
    readonly answers: Receipt[] = [];
    readonly fatal: unknown[] = [];
    meter!: TestMeter;
    #collector!: Collector;

    static async create(): Promise<CollectorBed> {
        const bed = new CollectorBed();
        const store = new MemoryServerStore();
        await store.initialize(bed.network.genesis);
        const { enrolment, signer } = await bed.network.collector("fuzz collector");
        bed.meter = await bed.network.meter("fuzz");
        bed.#collector = new Collector(bed.network.state(), {
            store,
            clock: bed.time,
            steadyClock: bed.time,
            timers: bed.time,
            signer,
            author: enrolment.id,
            keyEpoch: 0,
            verify: (jobs) => Promise.resolve(jobs.map(() => true)),
            log: quiet,
            nextTurn: () => Promise.resolve(),
            onFatal: (cause) => void bed.fatal.push(cause),
        });
        const logSigner = bed.network.logSigner;
        const observer = bed.#collector;
        const engine = await EmbeddedEngine.open({ store, clock: bed.time, logSigner, observer });
        for (const { message } of [enrolment, bed.meter.enrolment]) {
            await engine.submit(message.bytes, []);
        }
        await bed.#collector.start(engine);
        await bed.#collector.listen({
            listen: () => Promise.resolve("test:"),
            deliver: (_, message) => {
                const signed = parseReceipt(message);
                bed.answers.push(signed.ok ? signed.value : unwrap(parseUnsignedReceipt(message)));
                return Promise.resolve(true);
            },
            close: () => Promise.resolve(),
        });
        return bed;
    }

    /** Hands in one message; resolves with its answers, or rejects as the collector does. */
    async send(message: Uint8Array): Promise<Receipt[]> {
        await this.time.advance(1_100); // answers to garbage are rare
        const before = this.answers.length;
        await this.time.run(this.#collector.receive(toHex(this.meter.subject), message), 5_000);
        return this.answers.slice(before);
    }
}

/** A meter with records that are not final, on a link whose other end is the test. */
export class MeterBed {
    readonly time = new SimulatedTime(TEST_LATER_MS);
    readonly collector = testSigner("fuzz collector", "edDsa");
    readonly store = new MemoryMeterStore();
    readonly subject = testBytes("subject fuzz", 16);
    agent!: MeterAgent;
    #handler: MeterLinkHandler | null = null;

    static async create(records: number): Promise<MeterBed> {
        const bed = new MeterBed();
        const meter = await new TestNetwork("fuzz bed").meter("fuzz");
        bed.agent = await MeterAgent.open({
            profile: {
                network: testBytes("network", 32),
                subject: bed.subject,
                chainEpoch: 0,
                anchor: meter.enrolment.message.hash,
                stream: meter.descriptor,
                collectorKey: bed.collector.publicKey,
            },
            signer: testSigner("fuzz", "edDsa"),
            master: testBytes("master", 32),
            store: bed.store,
            link: {
                open: (handler) => {
                    bed.#handler = handler;
                    return Promise.resolve();
                },
                send: () =>
                    bed.#handler === null ? Promise.reject(error("MS_LINK")) : Promise.resolve(),
                close: () => Promise.resolve(),
            },
            clock: bed.time,
            timers: bed.time,
            log: quiet,
            recordBoundaries: 1,
        });
        await bed.agent.connect();
        for (let i = 0; i < records; i++) {
            await bed.agent.add({ slot: TEST_START_SLOT + i, registers: [BigInt(i)], flag: 0 });
        }
        bed.#handler?.up();
        await bed.time.settle();
        return bed;
    }

    /** A message comes down the link. */
    deliver(message: Uint8Array): void {
        this.#handler?.message(message);
    }
}
