import { bytesEqual, concatBytes } from "@meterseal/core";
import { type Entry, type Finality, stateRoot, type Vertex } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { MemoryServerStore } from "@meterseal/stores/memory";
import { testSigner } from "@meterseal/testkit/keys";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { EmbeddedEngine } from "../src/embedded/index.ts";

type Hooks = NonNullable<ConstructorParameters<typeof MemoryServerStore>[0]>;
type Made = Awaited<ReturnType<TestCollector["vertex"]>>;

let network: TestNetwork;
let collector: TestCollector;
let meter: TestMeter;
let chain: TestChain;
let store: MemoryServerStore;
let engine: EmbeddedEngine;
let nowMs: number;
let told: { entry: Entry; timeMs: number; finality: Finality }[];
let fatal: unknown[];

async function open(hooks: Hooks = {}, from: MemoryServerStore = store): Promise<EmbeddedEngine> {
    store = from.crash(hooks);
    told = [];
    fatal = [];
    engine = await EmbeddedEngine.open({
        store,
        clock: { nowMs: () => nowMs },
        logSigner: network.logSigner,
        observer: {
            entryFinal: (entry, timeMs, finality) => told.push({ entry, timeMs, finality }),
        },
        onFatal: (cause) => fatal.push(cause),
    });
    return engine;
}

async function make(count = 2): Promise<Made> {
    const records: MeterRecord[] = [];
    for (let i = 0; i < count; i++) records.push(await chain.usage());
    const made = await collector.vertex(records);
    await store.insertRecords(made.records);
    await store.insertVertex(made.vertex.id.bytes, made.vertex.message.bytes, made.records);
    return made;
}

const submit = ({ records, vertex }: Made): Promise<Finality> =>
    engine.submit(vertex.message.bytes, records);

const failing = (when: keyof Hooks): Hooks => ({
    [when]: (point: string) => {
        if (point === "append") throw new Error("injected fault");
    },
});

beforeEach(async () => {
    nowMs = TEST_LATER_MS;
    network = new TestNetwork("engine");
    collector = await network.collector();
    meter = await network.meter();
    chain = new TestChain(meter);
    store = new MemoryServerStore();
    await store.initialize(network.genesis);
    await open();
    await engine.submit(collector.enrolment.message.bytes, []);
    await engine.submit(meter.enrolment.message.bytes, []);
});

describe("the embedded engine", () => {
    it("says where an entry stands, and tells its observer of each in order", async () => {
        const first = await submit(await make());
        const second = await submit(await make());
        expect([first.leafIndex, second.leafIndex]).toEqual([2, 3]);
        expect(second.checkpoint).toEqual(engine.head());
        expect(told.map(({ finality }) => finality.leafIndex)).toEqual([0, 1, 2, 3]);
        expect(told[2]?.finality).toEqual(first);
    });

    it("is after opening what it was before, and tells its observer everything again", async () => {
        for (let i = 0; i < 4; i++) await submit(await make());
        const before = { root: stateRoot(engine.state), head: engine.head(), told };
        await open();
        expect(stateRoot(engine.state)).toEqual(before.root);
        expect(engine.head()).toEqual(before.head);
        expect(told).toEqual(before.told);
        await submit(await make());
        expect(engine.head().size).toBe(7);
    });

    it("takes entries in the order of the calls", async () => {
        const made = [await make(), await make(), await make()] as const;
        const places = await Promise.all(made.map(submit));
        expect(places.map(({ leafIndex }) => leafIndex)).toEqual([2, 3, 4]);
    });

    it("refuses what accept() refuses, and goes on", async () => {
        const early = await make();
        const late = await make();
        const outcomes = await Promise.allSettled([submit(late), submit(early), submit(early)]);
        expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
        expect(outcomes[0]).toMatchObject({ reason: { code: "MS_VERTEX_PARENTS" } });
        expect(outcomes[2]).toMatchObject({ reason: { code: "MS_VERTEX_DUPLICATE" } });
        await expect(engine.submit(Uint8Array.of(1, 2), [])).rejects.toMatchObject({
            code: "MS_MALFORMED",
        });
        await submit(late);
        expect(engine.head().size).toBe(4);
    });

    it("takes a pruning once, whoever sends its bytes again and whenever", async () => {
        const { message } = await network.pruning();
        const { leafIndex } = await engine.submit(message.bytes, []);
        const again = () => engine.append(message.bytes, []);
        await expect(again()).rejects.toMatchObject({ code: "MS_PRUNING" });
        await open();
        await expect(again()).rejects.toMatchObject({ code: "MS_PRUNING" });
        expect(engine.head().size).toBe(leafIndex + 1);
    });

    it("takes no pruning that speaks of entries behind it", async () => {
        await open();
        const { size } = engine.head();
        const ahead = await network.pruning({ size: size + 1 });
        await expect(engine.submit(ahead.message.bytes, [])).rejects.toMatchObject({
            code: "MS_PRUNING",
        });
        await engine.submit((await network.pruning({ size })).message.bytes, []);
        expect([engine.head().size, engine.state.size]).toEqual([size + 1, size + 1]);
    });

    it("checks every signature that nobody vouched for", async () => {
        const forged = await chain.usage({}, { signer: testSigner("forger") });
        const vertex: Vertex = await collector.sign(collector.header([forged]));
        const outcome = engine.submit(vertex.message.bytes, [forged]);
        await expect(outcome).rejects.toMatchObject({ code: "MS_KEY_UNKNOWN" });
        chain = new TestChain(meter);
        const { records, vertex: good } = await make(1);
        const [record] = records as [MeterRecord];
        const bytes = concatBytes(record.message.signature);
        bytes[5] = (bytes[5] as number) ^ 1;
        const bad = { ...record, message: { ...record.message, signature: bytes } };
        const refused = engine.submit(good.message.bytes, [bad]);
        await expect(refused).rejects.toMatchObject({ code: "MS_SIGNATURE_BAD" });
        engine.markVerified(bad.message);
        await engine.submit(good.message.bytes, [bad]);
    });

    it("never dates an entry before the last one, and in whole milliseconds", async () => {
        await submit(await make());
        nowMs -= 86_400_000.5;
        await submit(await make());
        nowMs = TEST_LATER_MS + 0.75;
        await submit(await make());
        const times = told.slice(2).map(({ timeMs }) => timeMs);
        expect(times).toEqual([TEST_LATER_MS, TEST_LATER_MS, TEST_LATER_MS]);
        await open();
        expect(told.slice(2).map(({ timeMs }) => timeMs)).toEqual(times);
    });
});

describe("what the state holds", () => {
    it("is settled when it is on disk, and not before", async () => {
        const disk = Promise.withResolvers<void>();
        const append = store.append.bind(store);
        store.append = async (entry) => {
            await disk.promise;
            await append(entry);
        };
        const submitted = submit(await make());
        let isSettled = false;
        const settled = engine.settled().then(() => {
            isSettled = true;
        });
        await new Promise(setImmediate);
        expect([engine.log.size, engine.head().size, isSettled]).toEqual([3, 2, false]);
        disk.resolve();
        await settled;
        expect(engine.head().size).toBe(3);
        await submitted;
    });

    it("is not settled where its write failed", async () => {
        const lost = await make();
        await open(failing("beforeCommit"));
        await engine.settled();
        const submitted = submit(lost).catch(() => undefined);
        for (const asked of [engine.settled(), submitted.then(() => engine.settled())]) {
            await expect(asked).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
        }
    });
});

describe("a failure", () => {
    it.each(["beforeCommit", "afterCommit"] as const)(
        "of the store %s stops the engine; nothing is half applied afterwards",
        async (when) => {
            await submit(await make());
            const sound = { head: engine.head(), root: stateRoot(engine.state) };
            const lost = await make();
            await open(failing(when));
            const next = [submit(lost), submit(lost)];
            const outcomes = await Promise.allSettled(next);
            for (const outcome of outcomes) {
                expect(outcome).toMatchObject({ reason: { code: "MS_STORE_UNWRITABLE" } });
            }
            expect(engine.head()).toEqual(sound.head);
            expect(told).toHaveLength(3);
            await expect(engine.submit(meter.enrolment.message.bytes, [])).rejects.toMatchObject({
                code: "MS_STORE_UNWRITABLE",
            });
            expect(fatal).toEqual([engine.failure]); // once, however many hear of it
            expect(engine.failure).toMatchObject({ code: "MS_STORE_UNWRITABLE" });
            await open();
            if (when === "beforeCommit") {
                expect(engine.head()).toEqual(sound.head);
                expect(stateRoot(engine.state)).toEqual(sound.root);
                await submit(lost);
            }
            expect(engine.head().size).toBe(4);
            await submit(await make());
        },
    );

    it("is none where the engine is closed, and where the rules refuse", async () => {
        const made = await make();
        await submit(made);
        await expect(submit(made)).rejects.toMatchObject({ code: "MS_VERTEX_DUPLICATE" });
        engine.close();
        await expect(submit(await make())).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
        expect(fatal).toEqual([]);
    });

    it("of the observer stops the engine, and the entry stays", async () => {
        const made = await make();
        store = store.crash();
        let armed = false;
        engine = await EmbeddedEngine.open({
            store,
            clock: { nowMs: () => nowMs },
            logSigner: network.logSigner,
            observer: {
                entryFinal: () => {
                    if (armed) throw new Error("out of step");
                },
            },
            onFatal: (cause) => fatal.push(cause),
        });
        armed = true;
        await expect(submit(made)).rejects.toMatchObject({ code: "MS_INTERNAL" });
        armed = false;
        await expect(submit(await make())).rejects.toMatchObject({ code: "MS_INTERNAL" });
        expect(fatal).toMatchObject([{ code: "MS_INTERNAL" }]);
        await open();
        expect(engine.head().size).toBe(3);
    });
});

describe("opening", () => {
    let sound: MemoryServerStore;

    /** The same store with one answer changed. */
    function tampered(changes: Partial<MemoryServerStore>): MemoryServerStore {
        const changed = sound.crash();
        return Object.assign(changed, changes, { crash: () => changed });
    }

    async function entries(): Promise<
        { index: number; timeMs: number; item: Uint8Array; body: readonly Uint8Array[] }[]
    > {
        const all = [];
        for await (const entry of store.entries(0)) all.push(entry);
        return all;
    }

    beforeEach(async () => {
        await submit(await make());
        await submit(await make());
        sound = store;
    });

    it("refuses a store without genesis, and a log key that the genesis does not name", async () => {
        const empty = new MemoryServerStore();
        await expect(open({}, empty)).rejects.toMatchObject({ code: "MS_GENESIS" });
        const options = {
            store: sound.crash(),
            clock: { nowMs: () => nowMs },
            logSigner: testSigner("another log", "edDsa"),
            observer: { entryFinal: () => undefined },
        };
        await expect(EmbeddedEngine.open(options)).rejects.toMatchObject({ code: "MS_GENESIS" });
    });

    it("refuses every store that contradicts itself, with a typed error", async () => {
        const rows = await entries();
        const note = (await store.checkpoint()) as string;
        const list = (all: typeof rows) => ({
            entries: async function* () {
                yield* all;
            } as MemoryServerStore["entries"],
        });
        const flip = (bytes: Uint8Array, at: number): Uint8Array =>
            bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
        const change = (index: number, by: (row: (typeof rows)[0]) => Partial<(typeof rows)[0]>) =>
            list(rows.map((row, i) => (i === index ? { ...row, ...by(row) } : row)));
        const swapped = [rows[0], rows[1], rows[3], rows[2]] as typeof rows;
        const stores: [string, Partial<MemoryServerStore>][] = [
            ["no checkpoint", { checkpoint: () => Promise.resolve(null) }],
            ["a garbage checkpoint", { checkpoint: () => Promise.resolve("x") }],
            [
                "a checkpoint of another size",
                { checkpoint: () => Promise.resolve(note.replace("\n4\n", "\n3\n")) },
            ],
            [
                "a flipped checkpoint",
                { checkpoint: () => Promise.resolve(note.replace(/=\n$/, "A\n")) },
            ],
            ["a missing last entry", list(rows.slice(0, -1))],
            ["a missing entry", list(rows.filter((_, i) => i !== 2))],
            ["no entry", list([])],
            ["swapped entries", list(swapped)],
            ["an entry twice", list([...rows, ...rows.slice(-1)])],
            ["another time", change(3, ({ timeMs }) => ({ timeMs: timeMs + 1 }))],
            ["an earlier time", change(3, () => ({ timeMs: 5 }))],
            ["a flipped item", change(2, ({ item }) => ({ item: flip(item, item.length - 3) }))],
            [
                "a flipped record",
                change(2, ({ body }) => ({ body: body.map((b) => flip(b, b.length - 3)) })),
            ],
            ["a missing record", change(2, ({ body }) => ({ body: body.slice(1) }))],
            [
                "a record too many",
                change(2, ({ body }) => ({ body: [...body, ...body.slice(-1)] })),
            ],
            ["a garbage record", change(2, () => ({ body: [Uint8Array.of(1)] }))],
            ["a body under an enrolment", change(0, () => ({ body: rows[2]?.body ?? [] }))],
        ];
        for (const [name, changes] of stores) {
            const outcome = await open({}, tampered(changes)).catch((cause: unknown) => cause);
            expect(outcome, name).toMatchObject({ name: "MetersealError" });
        }
        await open({}, tampered({}));
        expect(
            bytesEqual(engine.head().root, told.at(-1)?.finality.checkpoint.root as Uint8Array),
        ).toBe(true);
    });
});
