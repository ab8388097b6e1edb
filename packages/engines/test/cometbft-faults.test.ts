import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { unwrap } from "@meterseal/core";
import { Request as RequestCodec } from "cosmjs-types/tendermint/abci/types";
import { describe, expect, it } from "vitest";
import { frameOf } from "../src/cometbft/abci/frames.ts";
import { AbciServer } from "../src/cometbft/abci/server.ts";
import { encodeTx, parseTx } from "../src/cometbft/tx.ts";
import type { VerifySignatures } from "../src/signature-jobs.ts";
import {
    begin,
    beginning,
    blockOf,
    chain,
    collector,
    commit,
    engineOn,
    enrolTx,
    network,
    nextBlock,
    open,
    serveEngine,
    txOf,
    useCometWorld,
    vertexTx,
} from "./comet-world.ts";

useCometWorld();

describe("a collector whose key is replaced while its vertex is on its way", () => {
    it("stops no proposal: the block refuses the vertex and takes the rest", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const [old, child] = [await vertexTx(), await vertexTx()];
        expect(await node.app.screen(old)).toBeNull();
        const renewed = await network.collector("renewed", {
            id: collector.enrolment.id,
            epoch: 1,
        });
        await commit([node], [txOf(renewed.enrolment.message.bytes)]);
        const other = await network.meter("another");
        const enrolment = txOf(other.enrolment.message.bytes);
        const proposal = node.app.prepare([old, child, enrolment], 1_000_000);
        expect(await node.app.process(proposal)).toBe(true);
        nextBlock();
        const { txResults } = await node.app.finalize(blockOf(proposal));
        expect(txResults.map(({ log }) => log)).toEqual([
            "MS_VERTEX_AUTHOR",
            "MS_VERTEX_AUTHOR",
            "",
        ]);
    });

    it("is no way to get votes for a forged signature under the key before", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const read = unwrap(parseTx(await vertexTx()));
        const renewed = { id: collector.enrolment.id, epoch: 1 };
        const { enrolment } = await network.collector("renewed", renewed);
        await commit([node], [txOf(enrolment.message.bytes)]);
        expect(await node.app.process([encodeTx(read.item, read.body)])).toBe(true);
        const forged = read.item.slice();
        forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
        expect(await node.app.process([encodeTx(forged, read.body)])).toBe(false);
    });
});

describe("CometBFT that comes back to an application that went on", () => {
    /** A vertex's block, executed and not committed; beside it a node to compare with. */
    async function atFinalize(options: Parameters<typeof open>[1] = {}) {
        const nodes = [await open(undefined, options), await open()] as const;
        for (const node of nodes) await begin(node);
        await commit([...nodes], [enrolTx()]);
        const block = [await vertexTx()];
        nextBlock();
        const first = await nodes[0].app.finalize(blockOf(block));
        await nodes[1].app.finalize(blockOf(block));
        await nodes[1].app.commit();
        return { nodes, block, first };
    }

    it("is given the same answer to the same block, which is executed once", async () => {
        const { block, first, nodes } = await atFinalize();
        const [node, other] = nodes;
        expect(node.app.info().height).toBe(1);
        expect(await node.app.finalize(blockOf(block))).toEqual(first);
        await node.app.commit();
        expect(node.app.info()).toEqual(other.app.info());
        const [one, two] = await commit([...nodes], [await vertexTx()]);
        expect(one).toBe(two);
        await node.store.close();
        expect((await open(node.dir)).app.info()).toEqual(node.app.info());
    });
    it("is given it also where the block is asked for again while it is executed", async () => {
        const gate = Promise.withResolvers<void>();
        const verify: VerifySignatures = async (jobs) => {
            if (jobs.length > 0) await gate.promise;
            return jobs.map(() => true);
        };
        const node = await open(undefined, { verify });
        await begin(node);
        await commit([node], [enrolTx()]);
        const block = [await vertexTx()];
        nextBlock();
        const answers = [node.app.finalize(blockOf(block)), node.app.finalize(blockOf(block))];
        gate.resolve();
        const [first, second] = await Promise.all(answers);
        expect(first?.txResults.map(({ code }) => code)).toEqual([0]);
        expect(second).toEqual(first);
    });
    it("hears of a height once what was under way is on disk, or that it failed", async () => {
        const { nodes } = await atFinalize();
        const committing = nodes[0].app.commit();
        await nodes[0].app.settled();
        expect(nodes[0].app.info().height).toBe(2);
        await committing;
    });
    it("gets no answer for another block of that height, or of a later one", async () => {
        const { nodes } = await atFinalize();
        const [node, other] = nodes;
        await expect(node.app.finalize(blockOf([]))).rejects.toThrow("MS_INTERNAL");
        await expect(node.app.settled()).rejects.toThrow("MS_INTERNAL");
        await expect(node.app.commit()).rejects.toThrow("MS_INTERNAL");
        nextBlock();
        nextBlock();
        await expect(other.app.finalize(blockOf([]))).rejects.toThrow("MS_INTERNAL");
    });
    it("gets none after a commit that failed, over no connection, until a start from the disk", async () => {
        const disk = { isFull: false };
        const beforeCommit = (point: string): void => {
            if (disk.isFull && point === "appendBlock") throw new Error("no space left on device");
        };
        const { block, nodes } = await atFinalize({ hooks: { beforeCommit } });
        const [node, other] = nodes;
        const failures: unknown[] = [];
        const server = new AbciServer({
            address: { host: "127.0.0.1", port: 0 },
            async handle({ commit: asked, info }) {
                if (asked !== undefined) await node.app.commit();
                if (info !== undefined) await node.app.settled();
                return { flush: {} };
            },
            onFatal: (cause) => failures.push(String(cause)),
        });
        const port = Number(new URL(await server.listen()).port);
        const dial = (): Socket => connect(port, "127.0.0.1").on("error", () => undefined);
        const ended = (socket: Socket) => new Promise((done) => socket.once("close", done));
        const [consensus, mempool] = [dial(), dial()];
        await Promise.all([consensus, mempool].map((socket) => once(socket, "connect")));
        disk.isFull = true;
        const all = Promise.all([consensus, mempool].map(ended));
        consensus.write(frameOf(RequestCodec.encode({ commit: {} }).finish()));
        await all;
        disk.isFull = false;
        await ended(dial());
        expect(failures).toEqual(["Error: no space left on device"]);
        await server.close();
        await node.store.close();
        const again = await open(node.dir);
        expect(again.app.info().height).toBe(1);
        await again.app.finalize(blockOf(block));
        await again.app.commit();
        expect(again.app.info()).toEqual(other.app.info());
    });
});

describe("a chain that begins a second time, before its first block", () => {
    it("goes on with the same ledger, which the engine has", async () => {
        const node = await open();
        const { ask, opening } = serveEngine(node, { kind: "taken" });
        await ask({ initChain: beginning() });
        const { engine } = await opening;
        await ask({ initChain: beginning() });
        await ask({ finalizeBlock: { ...blockOf([enrolTx()]), height: 1n } });
        await ask({ initChain: beginning() }); // the node ended before its commit
        await ask({ finalizeBlock: { ...blockOf([enrolTx()]), height: 1n } });
        await ask({ commit: {} });
        expect(engine.height).toBe(1);
        expect(engine.log.size).toBe(2);
        expect(engine.state.subjects.size).toBe(2);
        await engine.close();
    });
    it("is refused where it begins otherwise, or has blocks already", async () => {
        const another = await network.collector("another");
        for (const other of [beginning([another]), beginning([], 1_700_000_001)]) {
            const node = await open();
            await begin(node);
            await expect(node.app.initChain(other)).rejects.toThrow("MS_GENESIS");
        }
        const node = await open();
        const late = { ...beginning(), initialHeight: 5n };
        await expect(node.app.initChain(late)).rejects.toThrow("MS_GENESIS");
        const running = await open();
        await begin(running);
        await commit([running], []);
        await expect(begin(running)).rejects.toThrow("MS_GENESIS");
    });
});

describe("the engine of an application that failed", () => {
    it("settles what is on its way, so that the server can end", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const { ask, engine } = await engineOn(node, { kind: "taken" });
        const next = async () => await collector.vertex([await chain.usage()]);
        const [first, second, third] = [await next(), await next(), await next()];
        const final = engine.submit(first.vertex.message.bytes, first.records);
        const logged = engine.append(second.vertex.message.bytes, second.records);
        nextBlock();
        await ask({ finalizeBlock: blockOf([txOf(first.vertex.message.bytes, first.records)]) });
        await ask({ commit: {} });
        nextBlock();
        nextBlock();
        const ends = Promise.allSettled([final, logged]);
        await expect(ask({ finalizeBlock: blockOf([]) })).rejects.toThrow("MS_INTERNAL");
        expect((await ends).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
        const late = engine.append(third.vertex.message.bytes, third.records);
        await expect(late).rejects.toThrow("MS_INTERNAL");
        expect(node.told.filter((line) => line.includes("MS_INTERNAL"))).toHaveLength(1);
        await engine.close();
    });
    it("settles at its end what is in the log and not final, too", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const { ask, engine } = await engineOn(node, { kind: "taken" });
        const { records, vertex } = await collector.vertex([await chain.usage()]);
        const final = engine.submit(vertex.message.bytes, records);
        nextBlock();
        await ask({ finalizeBlock: blockOf([txOf(vertex.message.bytes, records)]) });
        await ask({ commit: {} });
        const refused = expect(final).rejects.toThrow("MS_LINK");
        await engine.close();
        await refused;
    });
});
