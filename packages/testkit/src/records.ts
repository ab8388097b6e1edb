import { type Signer, unwrap } from "@meterseal/core";
import {
    compareRecords,
    createVertex,
    encodeGenesis,
    type Genesis,
    genesisVertexIds,
    type LedgerState,
    networkIdOf,
    parseVertex,
    stateOfGenesis,
    summarizeBody,
    type Vertex,
    type VertexHeader,
} from "@meterseal/ledger";
import {
    createEnrolment,
    createPruning,
    createRecord,
    createUsageRecord,
    type Enrolment,
    type EnrolPayload,
    encodeEpoch,
    type MeterRecord,
    type Pruning,
    type PruningPayload,
    parseEnrolment,
    parsePruning,
    parseRecord,
    RECORD_CLASS,
    type RecordPayload,
    ROLE,
    STREAM_MODE,
    type StreamDescriptor,
    type UsageBody,
} from "@meterseal/record";
import { testBytes, testSigner } from "./keys.ts";

/** 2013-01-01T00:00Z in seconds since 1970: where test chains begin. */
export const TEST_START_UNIX = 1_356_998_400;
/** The same instant as a slot of 900 s. */
export const TEST_START_SLOT = 455_904;
/** An entry time (ms) that is later than every record of a test chain. */
export const TEST_LATER_MS = (TEST_START_UNIX + 400 * 86_400) * 1000;

/** Ids of a vertex: they sort and compare by these bytes. */
type VertexId = Vertex["id"];

/** A meter of a test network, enrolled or about to be. */
export type TestMeter = {
    readonly signer: Signer;
    readonly subject: Uint8Array;
    readonly descriptor: StreamDescriptor;
    readonly enrolment: Enrolment;
};

/** What {@link TestNetwork.meter} takes; what is left out has a value that fits. */
export type TestMeterOptions = {
    readonly signer?: Signer;
    readonly groups?: readonly number[];
    readonly payload?: Partial<EnrolPayload>;
    readonly descriptor?: Partial<StreamDescriptor>;
};

/** A sealed usage body of four boundaries from a first slot, with changes. */
export function usageBody(changes: Partial<UsageBody> = {}): UsageBody {
    const count = changes.count ?? 4;
    const groups = changes.groups ?? [0];
    return {
        stream: testBytes("stream meter", 16),
        sealEpoch: 0,
        slotSeconds: 900,
        firstSlot: TEST_START_SLOT + 1,
        count,
        groups,
        values: {
            mode: "sealed",
            bytes: new Uint8Array(
                count * (groups.includes(15) ? groups.length + 1 : groups.length) * 8,
            ).fill(0x5e),
        },
        hourPhaseSeconds: 0,
        exceptions: [],
        flags: [],
        ...changes,
    };
}

/** A network with its operator, its log key and a shared memory of vertex rounds. */
export class TestNetwork {
    readonly operator: Signer;
    readonly logSigner: Signer;
    readonly mode: number;
    readonly genesis: Uint8Array;
    readonly networkId: Uint8Array;
    /** Round of every vertex that was made here, by id. */
    readonly rounds = new Map<string, number>();

    constructor(name = "network", mode: number = STREAM_MODE.sealed) {
        this.operator = testSigner(`${name} operator`, "edDsa");
        this.logSigner = testSigner(`${name} log`, "edDsa");
        this.mode = mode;
        const genesis: Genesis = {
            operator: this.operator.publicKey,
            logKey: this.logSigner.publicKey,
            createdUnix: TEST_START_UNIX,
            nonce: testBytes(`${name} nonce`, 16),
            mode,
        };
        this.genesis = encodeGenesis(genesis);
        this.networkId = networkIdOf(this.genesis);
        for (const id of genesisVertexIds(this.networkId)) this.rounds.set(id.toString(), 0);
    }

    /** State before the first entry, made anew at each call. */
    state(): LedgerState {
        return unwrap(stateOfGenesis(this.genesis));
    }

    /** Signs an enrolment, by the operator unless another signer is given. */
    async enrol(payload: EnrolPayload, signer: Signer = this.operator): Promise<Enrolment> {
        return unwrap(parseEnrolment(await createEnrolment(signer, payload)));
    }

    /** A meter of a name, with one stream of its own. */
    async meter(name = "meter", options: TestMeterOptions = {}): Promise<TestMeter> {
        const signer = options.signer ?? testSigner(name);
        const descriptor: StreamDescriptor = {
            stream: testBytes(`stream ${name}`, 16),
            sealEpoch: 0,
            suite: 1,
            slotSeconds: 900,
            zone: "Europe/London",
            groups: options.groups ?? [0],
            mode: this.mode,
            scale: 0,
            ...options.descriptor,
        };
        const enrolment = await this.enrol({
            network: this.networkId,
            role: ROLE.meter,
            id: testBytes(`subject ${name}`, 16),
            key: signer.publicKey,
            timeUnix: TEST_START_UNIX,
            epoch: 0,
            streams: [descriptor],
            ...options.payload,
        });
        return { signer, subject: enrolment.id, descriptor, enrolment };
    }

    /** Signs a pruning of nothing, with changes, by the operator unless another signer is given. */
    async pruning(
        changes: Partial<PruningPayload> = {},
        signer: Signer = this.operator,
    ): Promise<Pruning> {
        const nothing = { beforeUnix: TEST_START_UNIX, size: 0, count: 0, timeUnix: 1 };
        const payload = { ...nothing, network: this.networkId, digest: new Uint8Array(32) };
        return unwrap(parsePruning(await createPruning(signer, { ...payload, ...changes })));
    }

    /** A collector of a name. */
    async collector(
        name = "collector",
        payload: Partial<EnrolPayload> = {},
    ): Promise<TestCollector> {
        const signer = testSigner(name);
        const enrolment = await this.enrol({
            network: this.networkId,
            role: ROLE.collector,
            id: testBytes(`author ${name}`, 16),
            key: signer.publicKey,
            timeUnix: TEST_START_UNIX,
            epoch: 0,
            streams: [],
            ...payload,
        });
        return new TestCollector(this, signer, enrolment);
    }
}

/** Author of vertices; remembers its own last one, as the rules demand. */
export class TestCollector {
    readonly network: TestNetwork;
    readonly signer: Signer;
    readonly enrolment: Enrolment;
    last: VertexId | null = null;

    constructor(network: TestNetwork, signer: Signer, enrolment: Enrolment) {
        this.network = network;
        this.signer = signer;
        this.enrolment = enrolment;
    }

    /** Header of the next vertex over sorted records: own last vertex, tips of others, genesis. */
    header(records: readonly MeterRecord[], tips: readonly VertexId[] = []): VertexHeader {
        const genesis = [...genesisVertexIds(this.network.networkId)].reverse();
        const wanted = [...(this.last === null ? [] : [this.last]), ...tips, ...genesis];
        const names = new Map(wanted.map((id) => [id.toString(), id]));
        const parents = [...names.values()].slice(0, Math.max(2, 1 + tips.length));
        const round = Math.max(...parents.map((id) => this.network.rounds.get(id.toString()) ?? 0));
        return {
            ...summarizeBody(records),
            net: this.network.networkId,
            author: this.enrolment.id,
            keyEpoch: this.enrolment.epoch,
            round: round + 1,
            parents,
            seen: { size: 0, root: new Uint8Array(32) },
        };
    }

    /** Signs a header as it is, right or wrong, and leaves the own last vertex alone. */
    async sign(header: VertexHeader, signer: Signer = this.signer): Promise<Vertex> {
        const vertex = unwrap(parseVertex(await createVertex(signer, header)));
        this.network.rounds.set(vertex.id.toString(), vertex.round);
        return vertex;
    }

    /** Makes the next vertex; the records are returned in body order beside it. */
    async vertex(
        records: readonly MeterRecord[],
        tips: readonly VertexId[] = [],
    ): Promise<{
        readonly kind: "vertex";
        readonly vertex: Vertex;
        readonly records: MeterRecord[];
    }> {
        const sorted = [...records].sort(compareRecords);
        const vertex = await this.sign(this.header(sorted, tips));
        this.last = vertex.id;
        return { kind: "vertex", vertex, records: sorted };
    }
}

/** Where the next record of a chain goes, and what it says beside its place. */
export type RecordChanges = Partial<RecordPayload> & { readonly signer?: Signer };

/** One chain of a meter; every record that it makes follows the one before. */
export class TestChain {
    readonly meter: TestMeter;
    chainEpoch: number;
    seq = 0;
    head: Uint8Array;
    nextSlot = TEST_START_SLOT + 1;
    timeUnix = TEST_START_UNIX + 3600;

    constructor(meter: TestMeter, chainEpoch: number = meter.enrolment.epoch) {
        this.meter = meter;
        this.chainEpoch = chainEpoch;
        this.head = meter.enrolment.message.hash;
    }

    /** A second history from here on: what both make next has the same place. */
    fork(): TestChain {
        return Object.assign(new TestChain(this.meter, this.chainEpoch), this);
    }

    /** Next usage record: four boundaries after the last ones. */
    usage(usage: Partial<UsageBody> = {}, changes: RecordChanges = {}): Promise<MeterRecord> {
        const { descriptor } = this.meter;
        const body = usageBody({
            stream: descriptor.stream,
            sealEpoch: descriptor.sealEpoch,
            slotSeconds: descriptor.slotSeconds,
            firstSlot: this.nextSlot,
            groups: descriptor.groups,
            ...(descriptor.scale === 0 ? {} : { scale: descriptor.scale }),
            ...usage,
        });
        this.nextSlot = body.firstSlot + body.count;
        this.timeUnix += body.count * body.slotSeconds;
        return this.#follow(changes, (payload, signer) => createUsageRecord(signer, payload, body));
    }

    /** Next record with a body of a class without rules. */
    warning(body: unknown = 1, changes: RecordChanges = {}): Promise<MeterRecord> {
        return this.other(RECORD_CLASS.warning, body, changes);
    }

    /** Next record of any class. */
    other(recordClass: number, body: unknown, changes: RecordChanges = {}): Promise<MeterRecord> {
        this.timeUnix += 1;
        return this.#follow(changes, (payload, signer) =>
            createRecord(signer, { recordClass, body, ...payload }),
        );
    }

    /** Opens the next chain epoch and goes on there. */
    epoch(changes: RecordChanges = {}): Promise<MeterRecord> {
        const body = encodeEpoch({
            chainEpoch: this.chainEpoch,
            lastSeq: this.seq,
            lastHash: this.head,
        });
        this.chainEpoch += 1;
        this.seq = 0;
        this.head = this.meter.enrolment.message.hash;
        return this.other(RECORD_CLASS.epoch, body, changes);
    }

    async #follow(
        { signer, ...changes }: RecordChanges,
        create: (
            payload: Omit<RecordPayload, "recordClass" | "body">,
            by: Signer,
        ) => Promise<Uint8Array>,
    ): Promise<MeterRecord> {
        const place = {
            seq: this.seq + 1,
            timeUnix: this.timeUnix,
            chainEpoch: this.chainEpoch,
            prev: this.head,
            subject: this.meter.subject,
        };
        this.seq = place.seq;
        const bytes = await create({ ...place, ...changes }, signer ?? this.meter.signer);
        const record = unwrap(parseRecord(bytes));
        this.head = record.message.hash;
        return record;
    }
}
