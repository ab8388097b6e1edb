import { error, LIMITS, type SignatureJob, toHex, unwrap, verifySignature } from "@meterseal/core";
import {
    createVertex,
    decodeAnswers,
    decodeHeads,
    decodeLogPage,
    decodeVertices,
    type Exchange,
    encodeAnswers,
    encodeHeads,
    encodeLogPage,
    encodeVertices,
    genesisVertexIds,
    parseVertex,
    stateRoot,
    summarizeBody,
    Tips,
    type Vertex,
} from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { MemoryServerStore } from "@meterseal/stores/memory";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { SimulatedTime } from "@meterseal/testkit/sim-time";
import { BranchEngine, SequencerDoor } from "../src/branch/index.ts";
import { EmbeddedEngine } from "../src/embedded/index.ts";

type Hooks = NonNullable<ConstructorParameters<typeof MemoryServerStore>[0]>;

/** Checks signatures on this thread. */
export const verify = (jobs: readonly SignatureJob[]): Promise<boolean[]> =>
    Promise.resolve(
        jobs.map(({ algorithm, key, message, signature }) =>
            verifySignature(key, algorithm, message, signature),
        ),
    );

/** A link between two servers that passes bytes, as the network does, and can be cut. */
export class Link implements Exchange {
    up = true;
    /** Changes a page on its way. */
    tamper: (page: Awaited<ReturnType<Exchange["logPage"]>>) => typeof page = (page) => page;
    /** Vertices that crossed. */
    sent = 0;
    readonly #far: () => Exchange;

    constructor(far: () => Exchange) {
        this.#far = far;
    }

    #cross(): Exchange {
        if (!this.up) throw error("MS_LINK", { got: "cut" });
        return this.#far();
    }

    async logPage(fromIndex: number): ReturnType<Exchange["logPage"]> {
        const page = this.tamper(await this.#cross().logPage(fromIndex));
        return unwrap(decodeLogPage(encodeLogPage(page)));
    }

    async heads(): ReturnType<Exchange["heads"]> {
        return unwrap(decodeHeads(encodeHeads(await this.#cross().heads())));
    }

    async missing(heads: Parameters<Exchange["missing"]>[0]): ReturnType<Exchange["missing"]> {
        const found = await this.#cross().missing(unwrap(decodeHeads(encodeHeads(heads))));
        return unwrap(decodeVertices(encodeVertices(found)));
    }

    async offer(vertices: Parameters<Exchange["offer"]>[0]): ReturnType<Exchange["offer"]> {
        this.sent += vertices.length;
        const answers = await this.#cross().offer(unwrap(decodeVertices(encodeVertices(vertices))));
        return unwrap(decodeAnswers(encodeAnswers(answers)));
    }

    async submit(item: Uint8Array): Promise<void> {
        await this.#cross().submit(item);
    }
}

/** A branch with a store in memory, whose collector is the test. */
export class Branch {
    readonly world: BranchWorld;
    readonly collector: TestCollector;
    readonly toSequencer: Link;
    readonly peers: { readonly name: string; readonly exchange: Link }[] = [];
    readonly evidence: unknown[] = [];
    readonly fatal: unknown[] = [];
    readonly final: string[] = [];
    store = new MemoryServerStore();
    engine!: BranchEngine;
    tips!: Tips;

    constructor(world: BranchWorld, collector: TestCollector) {
        this.world = world;
        this.collector = collector;
        this.toSequencer = new Link(() => world.door);
    }

    async open(hooks: Hooks = {}): Promise<void> {
        const { time } = this.world;
        this.store = this.store.crash(hooks);
        const genesis = genesisVertexIds(this.world.network.networkId);
        const tips = new Tips(this.collector.enrolment.id, genesis);
        this.tips = tips;
        const store = this.store;
        const alive = (): boolean => this.store === store;
        this.engine = await BranchEngine.open({
            store,
            observer: {
                entryLogged: (entry) => entry.kind === "vertex" && tips.add(entry.vertex, 0),
                entryFinal: (entry) =>
                    entry.kind === "vertex" && this.final.push(entry.vertex.id.toString()),
            },
            clock: time,
            timers: { after: (ms, call) => time.after(ms, () => alive() && call()) },
            log: { info: () => undefined, warn: () => undefined },
            verify,
            author: this.collector.enrolment.id,
            sequencer: this.toSequencer,
            peers: this.peers,
            onEvidence: (evidence) => this.evidence.push(evidence),
            onFatal: (cause) => alive() && this.fatal.push(cause),
        });
        for await (const { bytes } of store.openVertices()) {
            const vertex = unwrap(parseVertex(bytes));
            if (toHex(vertex.author) === toHex(this.collector.enrolment.id)) tips.add(vertex, 0);
        }
        this.engine.start();
    }

    /** Signs the next vertex over records, without any store. */
    async make(records: readonly MeterRecord[]): Promise<Vertex> {
        const bytes = await createVertex(this.collector.signer, {
            net: this.world.network.networkId,
            author: this.collector.enrolment.id,
            keyEpoch: 0,
            ...this.tips.next(),
            seen: this.engine.head(),
            ...summarizeBody(records),
        });
        return unwrap(parseVertex(bytes));
    }

    /** Writes a vertex as a collector does: on disk, then handed to the engine. */
    async write(records: readonly MeterRecord[]): Promise<Vertex> {
        await this.store.insertRecords(records);
        const vertex = await this.make(records);
        await this.store.insertVertex(vertex.id.bytes, vertex.message.bytes, records);
        this.tips.add(vertex, 0);
        this.engine.carry(vertex);
        return vertex;
    }

    get root(): string {
        return toHex(stateRoot(this.engine.state));
    }
}

/** A sequencer and its branches in one process and in virtual time. */
export class BranchWorld {
    readonly network: TestNetwork;
    readonly time = new SimulatedTime(TEST_LATER_MS);
    readonly branches: Branch[] = [];
    readonly chains: TestChain[] = [];
    readonly store = new MemoryServerStore();
    engine!: EmbeddedEngine;
    door!: SequencerDoor;

    private constructor(name: string) {
        this.network = new TestNetwork(name);
    }

    static async open(count: number): Promise<BranchWorld> {
        const world = new BranchWorld("branches");
        const { network, store } = world;
        await store.initialize(network.genesis);
        world.engine = await EmbeddedEngine.open({
            store,
            clock: world.time,
            logSigner: network.logSigner,
            observer: { entryFinal: () => undefined },
        });
        world.door = await SequencerDoor.open({
            ...{ engine: world.engine, store, clock: world.time, verify },
            author: new Uint8Array(16), // no collector beside it
        });
        for (let i = 0; i < count; i++) {
            const collector = await network.collector(`branch ${i}`);
            await world.engine.submit(collector.enrolment.message.bytes, []);
            const branch = new Branch(world, collector);
            await branch.store.initialize(network.genesis);
            world.branches.push(branch);
            const meter = await network.meter(`meter ${i}`);
            await world.engine.submit(meter.enrolment.message.bytes, []);
            world.chains.push(new TestChain(meter));
        }
        for (const branch of world.branches) await branch.open();
        await world.time.advance(3_000);
        return world;
    }

    /** Lets every branch exchange with every other one; takes effect when they are opened again. */
    async connectPeers(): Promise<void> {
        for (const branch of this.branches) {
            for (const other of this.branches) {
                if (other === branch) continue;
                const name = toHex(other.collector.enrolment.id).slice(0, 4);
                branch.peers.push({ name, exchange: new Link(() => other.engine) });
            }
        }
        for (const branch of this.branches) {
            await branch.engine.close();
            await branch.open();
        }
    }

    get root(): string {
        return toHex(stateRoot(this.engine.state));
    }

    /** The next record of a meter. */
    record(meter: number): Promise<MeterRecord> {
        return (this.chains[meter] as TestChain).usage();
    }

    /** More than the longest pause between two attempts. */
    async settle(): Promise<void> {
        await this.time.advance(45_000);
    }

    meter(i: number): TestMeter {
        return (this.chains[i] as TestChain).meter;
    }
}

/** Bound that tests step over. */
export const PER_AUTHOR: number = LIMITS.orphanVerticesPerAuthor;
