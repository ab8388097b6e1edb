import { LIMITS, toHex, unwrap } from "@meterseal/core";
import { createRevocation } from "@meterseal/record";
import { TestChain, type TestCollector } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { MempoolVertices } from "../src/cometbft/mempool.ts";
import { type ReadTx, TxReader } from "../src/cometbft/tx-reader.ts";
import {
    begin,
    blockOf,
    chain,
    collector,
    engineOn,
    enrolTx,
    type Node,
    network,
    nextBlock,
    open,
    txOf,
    useCometWorld,
    vertexTx,
} from "./comet-world.ts";

useCometWorld();

/** Bytes that a reap counts for a transaction beside its own. */
const OVERHEAD_BYTES = 5;

/** A mempool as CometBFT has it: first in, first reaped, and looked through again after each block. */
class Mempool {
    readonly node: Node;
    txs: Uint8Array[] = [];

    constructor(node: Node) {
        this.node = node;
    }

    /** Offers a transaction; "ok" or why it is refused. */
    async offer(tx: Uint8Array): Promise<string> {
        const refusal = await this.node.app.screen(tx);
        if (refusal === null) this.txs.push(tx);
        return refusal?.code ?? "ok";
    }

    /** Makes a block of what the first bytes hold, and a round through what is left; the block's codes. */
    async block(maxBytes: number): Promise<string[]> {
        let room = maxBytes;
        const reaped = this.txs.filter((tx) => {
            room -= tx.length + OVERHEAD_BYTES;
            return room >= 0;
        });
        const txs = this.node.app.prepare(reaped, maxBytes);
        expect(await this.node.app.process(txs)).toBe(true);
        nextBlock();
        const { txResults } = await this.node.app.finalize(blockOf(txs));
        await this.node.app.commit();
        const included = new Set(txs.map(toHex));
        const left = this.txs.filter((tx) => !included.has(toHex(tx)));
        this.txs = [];
        for (const tx of left) if (this.node.app.rescreen(tx) === null) this.txs.push(tx);
        return txResults.map(({ log }) => log);
    }
}

let evil: TestCollector;
let mempool: Mempool;
let theirs: TestChain;

beforeEach(async () => {
    evil = await network.collector("evil");
    const node = await open();
    await begin(node, evil);
    mempool = new Mempool(node);
    const meter = await network.meter("theirs");
    theirs = new TestChain(meter);
    for (const tx of [enrolTx(), txOf(meter.enrolment.message.bytes)]) await mempool.offer(tx);
    expect(await mempool.block(100_000)).toEqual(["", ""]);
});

/** Vertices of the other collector over the same records, each naming the one before. */
async function evilVertices(count: number, records = 1): Promise<Uint8Array[]> {
    const body = [];
    for (let i = 0; i < records; i++) body.push(await theirs.usage());
    const txs: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
        const made = await evil.vertex(body);
        txs.push(txOf(made.vertex.message.bytes, made.records));
    }
    return txs;
}

const offerAll = async (txs: readonly Uint8Array[]): Promise<number> => {
    let taken = 0;
    for (const tx of txs) {
        const code = await mempool.offer(tx);
        expect(["ok", "MS_BUSY"]).toContain(code);
        if (code === "ok") taken++;
    }
    return taken;
};

describe("vertices in the mempool whose parents nobody has", () => {
    it("are so many of an author, and keep nobody out of the blocks", async () => {
        const [, ...children] = await evilVertices(200);
        expect(await offerAll(children)).toBe(LIMITS.orphanVerticesPerAuthor);
        expect(await mempool.offer(await vertexTx())).toBe("ok");
        const bytes = mempool.txs.reduce((sum, { length }) => sum + length + OVERHEAD_BYTES, 0);
        expect(await mempool.block(bytes)).toEqual([""]);
        expect(mempool.txs).toHaveLength(LIMITS.orphanVerticesPerAuthor);
        expect(await mempool.offer(children.at(-1) as Uint8Array)).toBe("MS_BUSY");
    });
    it("are so many bytes of an author", async () => {
        const [, ...children] = await evilVertices(30, 400);
        const each = children[0]?.length ?? 0;
        const fit = Math.floor(LIMITS.mempoolOrphanBytesPerAuthor / each);
        expect(fit).toBeLessThan(25);
        expect(await offerAll(children)).toBe(fit);
    });
    it("are none any more when the parent has come", async () => {
        const [parent, ...children] = await evilVertices(90);
        expect(await offerAll(children.slice(0, 60))).toBe(60);
        expect(await mempool.offer(parent as Uint8Array)).toBe("ok");
        expect(await offerAll(children.slice(60))).toBe(29);
        expect(await mempool.block(1_000_000)).toEqual(Array(90).fill(""));
        expect(mempool.txs).toEqual([]);
    });
    it("leave it beyond that number where a block refuses their parent", async () => {
        const records = [await theirs.usage()];
        const header = evil.header(records);
        const parent = await evil.sign({ ...header, round: header.round + 1 });
        evil.last = parent.id;
        const children = await evilVertices(100);
        expect(await mempool.offer(txOf(parent.message.bytes, records))).toBe("ok");
        expect(await offerAll(children)).toBe(100);
        const [code] = await mempool.block(3_000);
        expect(code).toBe("MS_VERTEX_PARENTS");
        expect(mempool.txs).toHaveLength(LIMITS.orphanVerticesPerAuthor);
    });
    it("leave it when their author is removed or has another key", async () => {
        const [, ...children] = await evilVertices(4);
        const { id } = evil.enrolment;
        expect(await offerAll(children)).toBe(3);
        const [, child] = [await vertexTx(), await vertexTx()];
        expect(await mempool.offer(child)).toBe("ok");
        const removal = { network: network.networkId, id, timeUnix: 1_700_000_000 };
        const renewal = { id: collector.enrolment.id, epoch: 1 };
        const { enrolment } = await network.collector("renewed", renewal);
        await mempool.offer(txOf(await createRevocation(network.operator, removal)));
        await mempool.offer(txOf(enrolment.message.bytes));
        expect(await mempool.block(1_000_000)).toEqual(["", ""]);
        expect(mempool.txs).toEqual([]);
        expect(await mempool.offer(children[0] as Uint8Array)).toBe("MS_FROZEN");
        expect(mempool.node.told).toContain(`counted ${toHex(id)} MS_FROZEN`);
    });
    it("have bounds for all authors together", async () => {
        const [, orphan] = (await evilVertices(2)).map((tx) => unwrap(new TxReader().read(tx)));
        const state = mempool.node.app.ledger?.state;
        if (state === undefined || orphan?.tx.entry.kind !== "vertex") throw new Error("no vertex");
        const { entry } = orphan.tx;
        const like = (author: number, number: number, size: number): ReadTx => {
            const id = { toString: () => `${author}/${number}` } as typeof entry.vertex.id;
            const vertex = { ...entry.vertex, id, author: new Uint8Array(16).fill(author) };
            const tx = { ...orphan.tx, entry: { ...entry, vertex } };
            return { hash: `${id}`, bytes: new Uint8Array(size), tx };
        };
        const [vertices, bytes] = [new MempoolVertices(), new MempoolVertices()];
        const count = { vertices: 0, bytes: 0 };
        for (let i = 0; i < 400; i++) {
            if (vertices.admit(state, like(i % 10, i, 100)) === null) count.vertices++;
            if (bytes.admit(state, like(i % 100, i, 65_536)) === null) count.bytes++;
        }
        expect(count.vertices).toBe(LIMITS.orphanVertices);
        expect(count.bytes).toBe(LIMITS.mempoolOrphanBytes / 65_536);
        expect(vertices.admit(state, like(0, 0, 100))).toBeNull(); // it has that one
        vertices.clear();
        expect(vertices.admit(state, like(0, 999, 100))).toBeNull();
    });
});

describe("an own vertex that finds no room in the mempool", () => {
    it("is offered again", async () => {
        const { node } = mempool;
        const busy = { kind: "refused", code: "MS_BUSY" } as const;
        const { ask, engine, time } = await engineOn(node, busy, { kind: "taken" });
        const { records, vertex } = await collector.vertex([await chain.usage()]);
        const logged = engine.append(vertex.message.bytes, records);
        await time.advance(2_000);
        nextBlock();
        await ask({ finalizeBlock: blockOf([txOf(vertex.message.bytes, records)]) });
        await ask({ commit: {} });
        expect(await logged).toBe(4);
        await engine.close();
    });
});
