import { unwrap } from "@meterseal/core";
import {
    accept,
    entryLeafHash,
    type LedgerState,
    MerkleLog,
    type TreeHead,
} from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { openServerStore, type ServerStore } from "@meterseal/stores/sqlite";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    TestNetwork,
} from "@meterseal/testkit/records";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lineOf } from "../src/server/indexed-stream.ts";
import { StreamIndex } from "../src/server/stream-index.ts";
import { useScratch } from "./fixture.ts";

/** A log whose entries become final one by one, when a test says so. */
const network = new TestNetwork("index");
const state: LedgerState = network.state();
const log = new MerkleLog();
const dir = useScratch();
let store: ServerStore;
let collector: TestCollector;
let chain: TestChain;
let stream: Uint8Array;
let finalSize = 0;
const told: (() => void)[] = [];
const indexes: StreamIndex[] = [];

const head = (): TreeHead => ({ size: finalSize, root: log.root(finalSize) });

function newIndex(): StreamIndex {
    const index = new StreamIndex();
    index.attach({ state, head, reader: store.reader });
    indexes.push(index);
    return index;
}

async function append(item: Uint8Array, vertexId: Uint8Array | null): Promise<number> {
    const leafIndex = log.append(entryLeafHash({ timeMs: TEST_LATER_MS, item }));
    const entry = { timeMs: TEST_LATER_MS, item };
    await store.append({ entry, vertexId, checkpoint: `note ${log.size}`, size: log.size });
    return leafIndex;
}

/** Puts records into the log; they are final with {@link finish}. */
async function logged(...records: MeterRecord[]): Promise<void> {
    const entry = await collector.vertex(records);
    const { outcomes } = unwrap(accept(state, entry, TEST_LATER_MS, () => true));
    await store.insertRecords(entry.records);
    await store.insertVertex(entry.vertex.id.bytes, entry.vertex.message.bytes, entry.records);
    const leafIndex = await append(entry.vertex.message.bytes, entry.vertex.id.bytes);
    told.push(() => {
        finalSize = leafIndex + 1;
        const finality = { leafIndex, checkpoint: head() };
        for (const index of indexes) index.entryFinal(entry, TEST_LATER_MS, finality, outcomes);
    });
}

function finish(): void {
    for (const tell of told.splice(0)) tell();
}

/** Last slot and number of boundaries that an index knows of the stream. */
async function seen(index: StreamIndex): Promise<unknown> {
    const indexed = await index.get(stream);
    const line = await lineOf(indexed, state, store.reader);
    const epoch = indexed.epochs.get(0);
    return [epoch?.line.last, epoch?.chains, line];
}

beforeAll(async () => {
    store = await openServerStore(dir);
    await store.initialize(network.genesis);
    collector = await network.collector();
    const meter = await network.meter();
    chain = new TestChain(meter);
    ({ stream } = meter.descriptor);
    for (const { enrolment } of [collector, meter]) {
        unwrap(accept(state, { kind: "enrolment", enrolment }, 0));
        finalSize = (await append(enrolment.message.bytes, null)) + 1;
    }
});
afterAll(() => store.close());

describe("the index of streams", () => {
    it("says the same of a stream that it followed and of one that it reads", async () => {
        const followed = newIndex();
        await followed.get(stream);
        for (let i = 0; i < 3; i++) {
            await logged(await chain.usage(), await chain.warning(i), await chain.usage());
            finish();
            expect(await seen(newIndex())).toEqual(await seen(followed));
        }
        const [last] = (await seen(followed)) as [number];
        expect(last).toBe(chain.nextSlot - 1);
    });

    it("knows nothing of what is not final yet, and learns it in order", async () => {
        const before = await seen(newIndex());
        const [first, second] = [await chain.usage(), await chain.usage()];
        // The second came first, in an entry of its own: it counts when the first one does.
        await logged(second);
        await logged(first);
        const index = newIndex();
        expect(await seen(index)).toEqual(before);
        told.shift()?.();
        expect([await seen(index), await seen(newIndex())]).toEqual([before, before]);
        finish();
        const [last] = (await seen(index)) as [number];
        expect(last).toBe(chain.nextSlot - 1);
        expect(await seen(newIndex())).toEqual(await seen(index));
    });

    it("misses nothing that becomes final while it reads, and takes nothing twice", async () => {
        await logged(await chain.usage());
        const index = newIndex();
        const asked = index.get(stream);
        finish();
        await asked;
        expect(await seen(index)).toEqual(await seen(newIndex()));
        const [last] = (await seen(index)) as [number];
        expect(last).toBe(chain.nextSlot - 1);
    });

    it("has no stream that nobody enrolled, and answers nothing before it is attached", async () => {
        const nobodys = new Uint8Array(16);
        expect(await newIndex().find(nobodys)).toBeNull();
        await expect(newIndex().get(nobodys)).rejects.toMatchObject({ code: "MS_NOT_FOUND" });
        await expect(new StreamIndex().get(stream)).rejects.toMatchObject({ code: "MS_BUSY" });
    });
});
