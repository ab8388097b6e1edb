import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LIMITS, MetersealError, toHex, utf8 } from "@meterseal/core";
import { genesisVertexIds, stateRoot, type VertexHeader } from "@meterseal/ledger";
import { createRevocation, createSign1, MESSAGE_TYPE, type MeterRecord } from "@meterseal/record";
import { openServerStore } from "@meterseal/stores/sqlite";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    TestNetwork,
} from "@meterseal/testkit/records";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { Application } from "../src/cometbft/application.ts";
import { formatGenesisState } from "../src/cometbft/genesis-state.ts";
import { encodeTx, TX_BYTES } from "../src/cometbft/tx.ts";
import { EmbeddedEngine } from "../src/embedded/index.ts";

const scratch = mkdtempSync(join(tmpdir(), "meterseal-bad-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let directories = 0;

let network: TestNetwork;
let collector: TestCollector;
let revoked: TestCollector;
let expired: TestCollector;
let chain: TestChain;

/** A vertex as bytes, beside its records. */
type Bad = { readonly item: Uint8Array; readonly records: readonly MeterRecord[] };
type Case = {
    readonly name: string;
    readonly code: string;
    /** Whose refusal is counted; undefined for nobody's. */
    readonly counted?: () => TestCollector;
    readonly make: () => Promise<Bad>;
};

/** A vertex over one new record with changes in its header. */
async function changed(
    changes: (header: VertexHeader) => Partial<VertexHeader>,
    author: TestCollector = collector,
    signer = author.signer,
): Promise<Bad> {
    const records = [await chain.fork().usage()];
    const header = author.header(records);
    const vertex = await author.sign({ ...header, ...changes(header) }, signer);
    return { item: vertex.message.bytes, records };
}

/** A vertex whose signed header has the bytes of its two parents changed. */
async function withParents(
    change: (one: Uint8Array, two: Uint8Array) => Uint8Array[],
): Promise<Bad> {
    const records = [await chain.fork().usage()];
    const vertex = await collector.sign(collector.header(records));
    const payload = vertex.message.payload.slice();
    const parents = vertex.parents.map(({ bytes }) => bytes);
    const [one, two] = parents as [Uint8Array, Uint8Array];
    const places = parents.map((bytes) => Buffer.from(payload).indexOf(bytes));
    for (const [i, bytes] of change(one, two).entries()) payload.set(bytes, places[i]);
    const item = await createSign1(collector.signer, MESSAGE_TYPE.vertex, payload);
    return { item, records };
}

const CASES: readonly Case[] = [
    {
        name: "of an author that nobody enrolled",
        code: "MS_VERTEX_AUTHOR",
        make: () => changed(() => ({ author: testBytes("nobody", 16) })),
    },
    {
        name: "of an author that was revoked",
        code: "MS_FROZEN",
        counted: () => revoked,
        make: () => changed(() => ({}), revoked),
    },
    {
        name: "under a key that was replaced",
        code: "MS_VERTEX_AUTHOR",
        counted: () => expired,
        make: () => changed(() => ({}), expired),
    },
    {
        name: "with a signature by another key",
        code: "MS_SIGNATURE_BAD",
        counted: () => collector,
        make: () => changed(() => ({}), collector, testSigner("somebody")),
    },
    {
        name: "of another network",
        code: "MS_GENESIS",
        counted: () => collector,
        make: () => changed(() => ({ net: testBytes("another network", 32) })),
    },
    {
        name: "with a parent that is missing",
        code: "MS_VERTEX_PARENTS",
        counted: () => collector,
        make: () => changed(({ parents: [first] }) => ({ parents: [first as never, strange()] })),
    },
    {
        name: "with one parent twice",
        code: "MS_MALFORMED",
        make: () => withParents((one) => [one, one]),
    },
    {
        name: "with parents that are not in order",
        code: "MS_MALFORMED",
        make: () => withParents((one, two) => [two, one]),
    },
    {
        name: "without its author's own last vertex",
        code: "MS_VERTEX_FORK",
        counted: () => collector,
        make: () => changed(() => ({ parents: genesisVertexIds(network.networkId), round: 1 })),
    },
    {
        name: "with a root that is not that of its records",
        code: "MS_VERTEX_BODY",
        counted: () => collector,
        make: () => changed(() => ({ root: testBytes("root", 32) })),
    },
    {
        name: "that is there already",
        code: "MS_VERTEX_DUPLICATE",
        counted: () => collector,
        make: async () => ({ item: first.vertex.message.bytes, records: first.records }),
    },
];

const strange = (): VertexHeader["parents"][number] =>
    genesisVertexIds(testBytes("another network", 32))[0];

/** The vertex that stands in the log before the bad ones come. */
let first: Awaited<ReturnType<TestCollector["vertex"]>>;
/** Entries that the log begins with. */
let entries: { item: Uint8Array; records: readonly MeterRecord[] }[];

beforeEach(async () => {
    network = new TestNetwork("bad vertices");
    collector = await network.collector();
    revoked = await network.collector("revoked");
    expired = await network.collector("expired");
    const renewed = await network.collector("renewed", {
        id: expired.enrolment.id,
        epoch: 1,
    });
    const meter = await network.meter();
    chain = new TestChain(meter);
    first = await collector.vertex([await chain.usage()]);
    const payload = {
        network: network.networkId,
        id: revoked.enrolment.id,
        timeUnix: 1_400_000_000,
    };
    const removal = await createRevocation(network.operator, payload);
    entries = [
        ...[collector, revoked, expired, renewed, meter].map(({ enrolment }) => ({
            item: enrolment.message.bytes,
            records: [],
        })),
        { item: removal, records: [] },
        { item: first.vertex.message.bytes, records: first.records },
    ];
});

describe("the embedded engine", () => {
    let engine: EmbeddedEngine;
    let counted: string[];

    beforeEach(async () => {
        const store = await openServerStore(join(scratch, `${directories++}`));
        await store.initialize(network.genesis);
        counted = [];
        engine = await EmbeddedEngine.open({
            store,
            clock: { nowMs: () => TEST_LATER_MS },
            logSigner: network.logSigner,
            observer: {
                entryFinal: () => undefined,
                entryRefused: (author, code) => counted.push(`${author} ${code}`),
            },
        });
        for (const { item, records } of entries) {
            if (records.length > 0) {
                await store.insertRecords(records);
                await store.insertVertex(first.vertex.id.bytes, item, records);
            }
            await engine.submit(item, records);
        }
    });

    it.each(CASES)(
        "refuses a vertex $name, counts it, and goes on",
        async ({ code, make, ...by }) => {
            const before = { root: stateRoot(engine.state), head: engine.head() };
            const { item, records } = await make();
            const refusal = await engine.submit(item, records).catch((cause: unknown) => cause);
            expect(refusal).toBeInstanceOf(MetersealError);
            expect(refusal).toMatchObject({ code });
            const author = by.counted === undefined ? null : toHex(by.counted().enrolment.id);
            expect(counted).toEqual([`${author} ${code}`]);
            expect({ root: stateRoot(engine.state), head: engine.head() }).toEqual(before);
        },
    );
});

describe("the application of CometBFT", () => {
    let app: Application;
    let told: string[];
    let height: number;

    const finalize = async (txs: Uint8Array[]): Promise<string[]> => {
        height++;
        const { txResults } = await app.finalize({
            txs,
            decidedLastCommit: { round: 0, votes: [] },
            misbehavior: [],
            hash: new Uint8Array(32),
            height: BigInt(height),
            time: { seconds: BigInt(TEST_LATER_MS / 1000 + height), nanos: 0 },
            nextValidatorsHash: new Uint8Array(32),
            proposerAddress: new Uint8Array(20),
        });
        await app.commit();
        return txResults.map(({ log }) => log);
    };
    const txOf = ({ item, records }: Bad): Uint8Array =>
        encodeTx(
            item,
            records.map(({ message }) => message.bytes),
        );

    beforeEach(async () => {
        const store = await openServerStore(join(scratch, `${directories++}`));
        [told, height] = [[], 0];
        app = await Application.open({
            store,
            logSigner: network.logSigner,
            observer: {
                entryLogged: () => undefined,
                entryFinal: () => undefined,
                txRefused: () => undefined,
                entryRefused: (author, code) => told.push(`${author} ${code}`),
            },
        });
        const state = formatGenesisState({ genesis: network.genesis, entries: [] });
        await app.initChain({
            time: { seconds: 1_400_000_000n, nanos: 0 },
            chainId: "test",
            validators: [{ pubKey: { ed25519: new Uint8Array(32).fill(1) }, power: 1n }],
            appStateBytes: utf8(JSON.stringify(state)),
            initialHeight: 1n,
        });
        expect(await finalize(entries.map(txOf))).toEqual(entries.map(() => ""));
    });

    it.each(CASES)(
        "refuses a vertex $name in a block, counts it, and goes on",
        async ({ code, make, ...by }) => {
            const before = app.info().appHash;
            const bad = await make();
            expect(await finalize([txOf(bad)])).toEqual([code]);
            const author = by.counted === undefined ? null : toHex(by.counted().enrolment.id);
            expect(told).toEqual([`${author} ${code}`]);
            expect(app.info().appHash).toEqual(before);
        },
    );

    it("counts what its mempool refuses, too", async () => {
        const bad = await changed(() => ({}), collector, testSigner("somebody"));
        expect((await app.screen(txOf(bad)))?.code).toBe("MS_SIGNATURE_BAD");
        expect((await app.screen(Uint8Array.of(1)))?.code).toBe("MS_MALFORMED");
        const id = toHex(collector.enrolment.id);
        expect(told).toEqual([`${id} MS_SIGNATURE_BAD`, "null MS_MALFORMED"]);
    });

    it("refuses a transaction and a vertex above their sizes", async () => {
        expect((await app.screen(new Uint8Array(TX_BYTES + 1)))?.code).toBe("MS_TOO_LARGE");
        const { item } = await changed(() => ({}));
        const body = new Uint8Array(LIMITS.recordBytes + 1);
        expect((await app.screen(encodeTx(item, [body])))?.code).toBe("MS_MALFORMED");
    });

    it("answers anything at all: no bytes make a method throw", { timeout: 60_000 }, async () => {
        const good = txOf(await changed(() => ({})));
        const mutated = fc
            .tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }))
            .map(([at, flip]) => {
                const tx = good.slice();
                tx[at] = (tx[at] ?? 0) ^ flip;
                return tx;
            });
        const tx = fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated);
        await fc.assert(
            fc.asyncProperty(fc.array(tx, { maxLength: 3 }), async (txs) => {
                for (const each of txs) {
                    expect((await app.screen(each))?.code ?? "ok").toMatch(/^(MS_|ok)/);
                }
                await app.process(txs);
                app.prepare(txs, 1_000_000);
                for (const code of await finalize(txs)) expect(code).toMatch(/^(MS_|$)/);
            }),
            { numRuns: 150 },
        );
        expect(app.info().height).toBe(height);
    });
});
