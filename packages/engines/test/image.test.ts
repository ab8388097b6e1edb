import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MetersealError } from "@meterseal/core";
import { type Finality, stateRoot } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { ImageFile } from "@meterseal/stores";
import { MemoryServerStore } from "@meterseal/stores/memory";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    TestNetwork,
} from "@meterseal/testkit/records";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { EmbeddedEngine } from "../src/embedded/index.ts";

const scratch = mkdtempSync(join(tmpdir(), "meterseal-engine-image-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let files = 0;

let network: TestNetwork;
let collector: TestCollector;
let chain: TestChain;
let store: MemoryServerStore;
let engine: EmbeddedEngine;
let path: string;
let told: number[];
let failures: string[];

async function open(every = 1_000_000): Promise<EmbeddedEngine> {
    store = store.crash();
    [told, failures] = [[], []];
    engine = await EmbeddedEngine.open({
        store,
        clock: { nowMs: () => TEST_LATER_MS },
        logSigner: network.logSigner,
        observer: { entryFinal: (_entry, _timeMs, { leafIndex }) => told.push(leafIndex) },
        images: {
            store: new ImageFile(path),
            every,
            onFailed: (cause) =>
                failures.push(cause instanceof MetersealError ? cause.code : String(cause)),
        },
    });
    return engine;
}

async function submit(count = 2, from: TestChain = chain): Promise<Finality> {
    const records: MeterRecord[] = [];
    for (let i = 0; i < count; i++) records.push(await from.usage());
    const made = await collector.vertex(records);
    await store.insertRecords(made.records);
    await store.insertVertex(made.vertex.id.bytes, made.vertex.message.bytes, made.records);
    return await engine.submit(made.vertex.message.bytes, made.records);
}

beforeEach(async () => {
    path = join(scratch, `${files++}`);
    network = new TestNetwork("image");
    collector = await network.collector();
    const meter = await network.meter();
    chain = new TestChain(meter);
    store = new MemoryServerStore();
    await store.initialize(network.genesis);
    await open();
    await engine.submit(collector.enrolment.message.bytes, []);
    await engine.submit(meter.enrolment.message.bytes, []);
    await submit();
});

/** Opens again and checks that it is the same ledger, told from an index on. */
async function expectSame(from: number): Promise<void> {
    const before = { head: engine.head(), root: stateRoot(engine.state) };
    await open();
    expect(told).toEqual(Array.from({ length: before.head.size - from }, (_, i) => from + i));
    expect({ head: engine.head(), root: stateRoot(engine.state) }).toEqual(before);
    expect((await submit()).leafIndex).toBe(before.head.size);
}

describe("an embedded engine with an image", () => {
    it("starts from it and replays what came after, to the same state", async () => {
        await engine.saveImage();
        await submit();
        await expectSame(3);
        expect(failures).toEqual([]);
    });

    it("writes one by itself after so many entries and records", async () => {
        await open(12);
        await submit(2);
        expect(await new ImageFile(path).read()).toBe(null);
        await submit(3);
        await submit(2);
        await expectSame(5);
    });

    it("replays the whole log where the image is damaged", async () => {
        await engine.saveImage();
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
        writeFileSync(path, bytes);
        await expectSame(0);
    });

    it("replays the whole log where the image is another network's, and says so", async () => {
        await engine.saveImage();
        const other = readFileSync(path);
        network = new TestNetwork("other image");
        collector = await network.collector();
        store = new MemoryServerStore();
        await store.initialize(network.genesis);
        path = join(scratch, `${files++}`);
        writeFileSync(path, other);
        await open();
        expect([told, failures]).toEqual([[], ["MS_GENESIS"]]);
    });

    it("replays the whole log where the image has other entries, and says so", async () => {
        await submit();
        await engine.saveImage();
        store = new MemoryServerStore();
        await store.initialize(network.genesis);
        await open();
        expect([told, failures, engine.log.size]).toEqual([[], ["MS_LOG_LEAF"], 0]);
    });

    it("goes on where no image can be written, and says so", async () => {
        path = join(scratch, "no", "directory");
        await open(1);
        await submit();
        expect(failures.join()).toContain("ENOENT");
        await expectSame(0);
    });
});
