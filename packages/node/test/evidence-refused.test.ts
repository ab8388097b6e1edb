import { EmbeddedEngine } from "@meterseal/engines/embedded";
import { checkEvidence } from "@meterseal/ledger";
import { createRevocation, type MeterRecord } from "@meterseal/record";
import { openServerStore, type ServerStore } from "@meterseal/stores/sqlite";
import { testSigner } from "@meterseal/testkit/keys";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimDirectory, PLACES } from "../src/files.ts";
import { EvidenceBuilder } from "../src/server/evidence.ts";
import { Facts } from "../src/server/facts.ts";
import { useScratch } from "./fixture.ts";

/** A server whose log carries records that the ledger refused. */
const dir = useScratch();
const network = new TestNetwork("refused");
const facts = new Facts();
let store: ServerStore;
let engine: EmbeddedEngine;
let collectors: TestCollector[];

async function carry(by: number, ...records: MeterRecord[]): Promise<void> {
    const { records: body, vertex } = await (collectors[by] as TestCollector).vertex(records);
    await store.insertRecords(body);
    await store.insertVertex(vertex.id.bytes, vertex.message.bytes, body);
    await engine.submit(vertex.message.bytes, body);
}

const enrol = ({ enrolment }: Pick<TestMeter, "enrolment">) =>
    engine.submit(enrolment.message.bytes, []);

/** Places of the records in the evidence of a meter, and codes of what does not hold. */
async function shown({ subject }: TestMeter): Promise<[string[], string[]]> {
    const builder = new EvidenceBuilder(store.reader, engine, facts, network.genesis);
    const { networkId } = network;
    const report = checkEvidence(await builder.evidenceOf(subject), { networkId, subject });
    const faults = [...report.signatures.faults, ...report.continuity.faults];
    return [
        report.records.map(({ record }) => `${record.chainEpoch}/${record.seq}`),
        faults.map(({ error }) => error.code),
    ];
}

beforeAll(async () => {
    claimDirectory(dir);
    store = await openServerStore(PLACES.server(dir));
    await store.initialize(network.genesis);
    const clock = { nowMs: () => TEST_LATER_MS };
    const { logSigner } = network;
    engine = await EmbeddedEngine.open({ store, clock, logSigner, observer: facts });
    collectors = [await network.collector("one"), await network.collector("other")];
    for (const collector of collectors) await enrol(collector);
});
afterAll(async () => {
    engine.close();
    await store.close();
});

describe("evidence that a server gives", () => {
    it("is without what came after its meter was removed, and holds", async () => {
        const meter = await network.meter("removed");
        await enrol(meter);
        const chain = new TestChain(meter);
        const [first, second] = [await chain.usage(), await chain.usage()];
        await carry(0, first);
        const { networkId } = network;
        const removal = { network: networkId, id: meter.subject, timeUnix: 1 };
        await engine.submit(await createRevocation(network.operator, removal), []);
        // Another collector has the first record too; the second was under way.
        await carry(1, first, second);
        expect(await shown(meter)).toEqual([["0/1"], []]);
        const builder = new EvidenceBuilder(store.reader, engine, facts, network.genesis);
        expect((await builder.evidenceOf(meter.subject)).statements).toHaveLength(1);
    });

    it("is without what a replaced key signed in the next key's epoch, and holds", async () => {
        const meter = await network.meter("replaced");
        await enrol(meter);
        const chain = new TestChain(meter);
        await carry(0, await chain.usage());
        const two = await network.meter("replaced", {
            signer: testSigner("next key"),
            payload: { epoch: 1 },
            descriptor: { sealEpoch: 1 },
        });
        await enrol(two);
        await carry(1, await chain.epoch(), await chain.usage());
        const next = Object.assign(new TestChain(two), { nextSlot: chain.nextSlot });
        await carry(0, await next.usage());
        expect(await shown(meter)).toEqual([["0/1", "1/1"], []]);
    });

    it("has both histories of a meter that signed two, and does not hold", async () => {
        const meter = await network.meter("forked");
        await enrol(meter);
        const chain = new TestChain(meter);
        const first = await chain.usage();
        const other = chain.fork();
        await carry(0, first, await chain.usage());
        const changed = { values: { mode: "sealed", bytes: new Uint8Array(32) } } as const;
        await carry(1, await other.usage(changed));
        expect(await shown(meter)).toEqual([["0/1", "0/2", "0/2"], ["MS_CHAIN_MISMATCH"]]);
    });
});
