import { EmbeddedEngine } from "@meterseal/engines/embedded";
import { compareRecords, NETWORK_MODE } from "@meterseal/ledger";
import {
    createEnrolment,
    type MeterRecord,
    parseEnrolment,
    ROLE,
    STREAM_MODE,
    type StreamDescriptor,
} from "@meterseal/record";
import { openServerStore, type ServerStore } from "@meterseal/stores/sqlite";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import {
    TEST_LATER_MS,
    TEST_START_UNIX,
    TestChain,
    TestCollector,
    type TestMeter,
    type TestNetwork,
} from "@meterseal/testkit/records";
import { ReplayClock, systemRandom } from "../src/clocks.ts";
import { claimDirectory, PLACES } from "../src/files.ts";
import { enrolCollector } from "../src/server/enrolment.ts";
import { loadGenesis, loadIdentity } from "../src/server/identity.ts";

/** A server's directory under test: what is put into its log is final at once. */
export type GrownDirectory = {
    readonly store: ServerStore;
    readonly engine: EmbeddedEngine;
    readonly genesis: Uint8Array;
    /**
     * Admits a meter of a name, whose stream is sealed unless it is said otherwise.
     * @param more - further streams of its key, as they differ from the first.
     */
    meter(
        name: string,
        mode?: number,
        more?: readonly Partial<StreamDescriptor>[],
    ): Promise<TestMeter>;
    /** Stores records and puts them into the log in one vertex. */
    log(records: readonly MeterRecord[]): Promise<void>;
    /** Stores records and a vertex over them, which stays out of the log. */
    keep(records: readonly MeterRecord[]): Promise<void>;
    close(): Promise<void>;
};

/** Makes the directory of a server without meters, whose clock stands long after every test record. */
export async function growDirectory(dataDir: string): Promise<GrownDirectory> {
    claimDirectory(dataDir);
    const clock = new ReplayClock(TEST_LATER_MS);
    const identity = loadIdentity(PLACES.serverKeys(dataDir), systemRandom);
    const store = await openServerStore(PLACES.server(dataDir));
    const started = { clock: new ReplayClock(TEST_START_UNIX * 1000), random: systemRandom };
    const { bytes, networkId } = await loadGenesis(store, identity, NETWORK_MODE.mixed, started);
    const observer = { entryFinal: () => undefined };
    const engine = await EmbeddedEngine.open({ store, clock, logSigner: identity.log, observer });
    await enrolCollector({ engine, genesis: bytes, identity, clock });
    const [enrolment] = [...engine.state.authors.values()].map((author) => author.enrolment);
    if (enrolment === undefined) throw new Error("no collector");
    // Of a network a collector needs no more than its id and the rounds of its vertices.
    const network = { networkId, rounds: new Map<string, number>() } as TestNetwork;
    for (const [id, round] of engine.state.vertices) network.rounds.set(id, round);
    const collector = new TestCollector(network, identity.collector, enrolment);
    const keep = async (records: readonly MeterRecord[]) => {
        await store.insertRecords(records);
        const made = await collector.vertex([...records].sort(compareRecords));
        await store.insertVertex(made.vertex.id.bytes, made.vertex.message.bytes, made.records);
        return made;
    };
    return {
        ...{ store, engine, genesis: bytes },
        async meter(name, mode = STREAM_MODE.sealed, more = []) {
            const signer = testSigner(name, "edDsa");
            const descriptor: StreamDescriptor = {
                ...{ stream: testBytes(`stream ${name}`, 16), sealEpoch: 0, suite: 1 },
                ...{ slotSeconds: 900, zone: "Europe/London", groups: [0], scale: 0 },
                mode,
            };
            const item = await createEnrolment(identity.operator, {
                ...{ network: networkId, role: ROLE.meter, key: signer.publicKey, epoch: 0 },
                ...{ id: testBytes(`subject ${name}`, 16), timeUnix: TEST_START_UNIX },
                streams: [descriptor, ...more.map((each) => ({ ...descriptor, ...each }))],
            });
            await engine.submit(item, []);
            const parsed = parseEnrolment(item);
            if (!parsed.ok) throw parsed.error;
            return { signer, subject: parsed.value.id, descriptor, enrolment: parsed.value };
        },
        async log(records) {
            const { records: sorted, vertex } = await keep(records);
            await engine.append(vertex.message.bytes, sorted);
        },
        async keep(records) {
            await keep(records);
        },
        async close() {
            engine.close();
            await store.close();
        },
    };
}

/** Meters with chains of so many usage records each, some records a vertex. */
export async function growMeters(
    directory: GrownDirectory,
    { meters, records, perVertex }: { meters: number; records: number; perVertex: number },
): Promise<TestChain[]> {
    const chains: TestChain[] = [];
    for (let i = 0; i < meters; i++) {
        chains.push(new TestChain(await directory.meter(`meter ${i}`)));
    }
    for (let from = 0; from < records; from += perVertex) {
        const made: MeterRecord[] = [];
        for (const chain of chains) {
            for (let i = from; i < Math.min(records, from + perVertex); i++) {
                made.push(await chain.usage());
            }
        }
        await directory.log(made);
    }
    return chains;
}
