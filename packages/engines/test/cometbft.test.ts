import { connect } from "node:net";
import {
    LIMITS,
    MetersealError,
    type SignatureJob,
    sha256,
    toHex,
    u64be,
    utf8,
} from "@meterseal/core";
import { ImageFile } from "@meterseal/stores";
import { testSigner } from "@meterseal/testkit/keys";
import { TestNetwork } from "@meterseal/testkit/records";
import {
    Request as RequestCodec,
    Response as ResponseCodec,
} from "cosmjs-types/tendermint/abci/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader, frameOf } from "../src/cometbft/abci/frames.ts";
import { AbciServer } from "../src/cometbft/abci/server.ts";
import { formatGenesisState, parseGenesisState } from "../src/cometbft/genesis-state.ts";
import { encodeTx, parseTx, TX_BYTES } from "../src/cometbft/tx.ts";
import type { EngineImages } from "../src/image.ts";
import type { VerifySignatures } from "../src/signature-jobs.ts";
import {
    begin,
    blockOf,
    chain,
    collector,
    commit,
    engineOn,
    enrolTx,
    freshDirectory,
    KEYS,
    type Node,
    network,
    nextBlock,
    open,
    txOf,
    useCometWorld,
    vertexTx,
} from "./comet-world.ts";

useCometWorld();

/** A node that has begun, and puts the signatures that it has checked into a list. */
async function listingNode(checked: SignatureJob[]): Promise<Node> {
    const verify: VerifySignatures = (jobs) => {
        checked.push(...jobs);
        return Promise.resolve(jobs.map(() => true));
    };
    const node = await open(undefined, { verify });
    await begin(node);
    return node;
}

describe("our CometBFT application", () => {
    it("gives two nodes the same hash for the same blocks, and is the same after opening again", async () => {
        const nodes = [await open(), await open()];
        for (const node of nodes) await begin(node);
        const blocks = [[enrolTx()], [await vertexTx()], [], [await vertexTx(5)]];
        for (const block of blocks) {
            const [one, other] = await commit(nodes, block);
            expect(one).toBe(other);
        }
        const [first] = nodes as [Node];
        const before = first.app.info();
        await first.store.close();
        const again = await open(first.dir);
        expect(again.app.info()).toEqual(before);
        expect(again.app.ledger?.log.root()).toEqual(first.app.ledger?.log.root());
        expect(again.told.filter((line) => line.startsWith("final"))).toHaveLength(3);
    });
    it("starts from an image, and from the whole log where the image leads elsewhere", async () => {
        const failures: string[] = [];
        const imagesOf = (dir: string): EngineImages => ({
            store: new ImageFile(`${dir}.image`),
            every: 6,
            onFailed: (cause) => failures.push((cause as MetersealError).code),
        });
        const dir = freshDirectory();
        const node = await open(dir, { images: imagesOf(dir) });
        await begin(node);
        const blocks = [
            [enrolTx()],
            [await vertexTx()],
            [await vertexTx(3)],
            [],
            [await vertexTx()],
        ];
        for (const block of blocks) await commit([node], block);
        const before = node.app.info();
        await node.store.close();
        const again = await open(dir, { images: imagesOf(dir) });
        expect(again.app.info()).toEqual(before);
        expect(again.told.filter((line) => line.startsWith("logged"))).toEqual(["logged 4"]);
        await again.store.close();
        const pieces = await imagesOf(dir).store.read();
        const leaves = pieces?.at(-7) as Uint8Array; // of the tree over facts: another root
        leaves.fill(0);
        await imagesOf(dir).store.write(pieces ?? []);
        const replayed = await open(dir, { images: imagesOf(dir) });
        expect(replayed.app.info()).toEqual(before);
        expect(replayed.told.filter((line) => line.startsWith("logged"))).toHaveLength(5);
        expect(failures).toEqual(["MS_CHECKPOINT"]);
    });

    it("keeps the hash where a block changes nothing, so that no blocks follow for it", async () => {
        const node = await open();
        await begin(node);
        const [one] = await commit([node], [enrolTx()]);
        const [two] = await commit([node], []);
        expect(two).toBe(one);
    });
    it("makes entries final with the block after theirs", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        expect(node.told).toEqual(["logged 0", "logged 1"]);
        await commit([node], [await vertexTx()]);
        expect(node.told.slice(2)).toEqual(["final 0 of 2", "final 1 of 2", "logged 2"]);
    });
    it("replays to the same hash where the commit was lost", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const tx = await vertexTx();
        nextBlock();
        const { appHash } = await node.app.finalize(blockOf([tx]));
        await node.store.close(); // and no commit
        const again = await open(node.dir);
        expect(again.app.info().height).toBe(1);
        expect((await again.app.finalize(blockOf([tx]))).appHash).toEqual(appHash);
    });
    it("refuses with a code what accept() refuses, and takes the rest of the block", async () => {
        const node = await open();
        await begin(node);
        const vertex = await vertexTx();
        nextBlock();
        const block = blockOf([vertex, enrolTx(), vertex, utf8("no")]);
        const { txResults } = await node.app.finalize(block);
        expect(txResults.map(({ code, log }) => (code === 0 ? "ok" : log))).toEqual([
            "MS_KEY_UNKNOWN",
            "ok",
            "ok",
            "MS_MALFORMED",
        ]);
        expect(txResults[2]?.data).toEqual(u64be(2n));
        await node.app.commit();
        expect(node.told).toContain("refused MS_KEY_UNKNOWN");
    });
    it("votes for every block that it would propose, in any order of the mempool", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const txs = [await vertexTx(), await vertexTx(), await vertexTx(), utf8("garbage")];
        await fc.assert(
            fc.asyncProperty(fc.shuffledSubarray(txs, { minLength: 1 }), async (mempool) => {
                const block = node.app.prepare(mempool, 1_000_000);
                expect(await node.app.process(block)).toBe(true);
                // Each after its parents: as many as hang together from the first on.
                const names = txs.map(toHex);
                const places = block.map((tx) => names.indexOf(toHex(tx)));
                expect(places).toEqual(places.map((_, i) => i));
            }),
            { numRuns: 30 },
        );
        expect(node.app.prepare(txs, 300)).toEqual([]);
    });
    it("votes against what only a faulty proposer puts together", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const good = await vertexTx();
        expect(await node.app.process([good])).toBe(true);
        expect(await node.app.process([good, good])).toBe(false);
        expect(await node.app.process([utf8("garbage")])).toBe(false);
        const forged = parseTx(good);
        if (!forged.ok) throw forged.error;
        const { body, item } = forged.value;
        const bad = item.slice();
        bad[bad.length - 1] = (bad.at(-1) as number) ^ 1;
        expect(await node.app.process([encodeTx(bad, body)])).toBe(false);
        const child = await vertexTx();
        expect(await node.app.process([good, child])).toBe(true);
        expect(await node.app.process([child, good])).toBe(false);
        expect(await node.app.process([child])).toBe(false);
    });
    it("keeps out of its mempool what is unsigned, unknown or there already", async () => {
        const node = await open();
        await begin(node);
        const codeOf = async (tx: Uint8Array): Promise<string> =>
            (await node.app.screen(tx))?.code ?? "ok";
        const vertex = await vertexTx();
        expect(await codeOf(vertex)).toBe("MS_KEY_UNKNOWN");
        await commit([node], [enrolTx()]);
        expect(await codeOf(vertex)).toBe("ok");
        await commit([node], [vertex]);
        expect(await codeOf(vertex)).toBe("MS_VERTEX_DUPLICATE");
        expect(await codeOf(utf8("garbage"))).toBe("MS_MALFORMED");
        expect(await codeOf(new Uint8Array(TX_BYTES + 1))).toBe("MS_TOO_LARGE");
        const other = new TestNetwork("other");
        const stranger = await other.enrol(
            { ...(await other.meter("m")).enrolment, network: network.networkId },
            testSigner("nobody"),
        );
        expect(await codeOf(txOf(stranger.message.bytes))).toBe("MS_SIGNATURE_BAD");
    });
    it("checks nothing in a vertex that the log has and somebody sends again", async () => {
        const checked: SignatureJob[] = [];
        const node = await listingNode(checked);
        const old = await vertexTx();
        await commit([node], [enrolTx()]);
        await commit([node], [old]);
        expect(checked).toHaveLength(2);
        // Long after: the memory of verdicts holds others.
        const message = chain.meter.enrolment.message;
        for (let i = 0; i < LIMITS.rememberedSignatures; i++) {
            const bytes = new Uint8Array(4);
            new DataView(bytes.buffer).setUint32(0, i);
            node.app.markVerified({ ...message, bytes });
        }
        expect((await node.app.screen(old))?.code).toBe("MS_VERTEX_DUPLICATE");
        expect(checked).toHaveLength(2);
    });
    it("checks no signature in a vertex that came with other records than its own", async () => {
        const checked: SignatureJob[] = [];
        const node = await listingNode(checked);
        await commit([node], [enrolTx()]);
        const [own, other] = [parseTx(await vertexTx()), parseTx(await vertexTx())];
        if (!own.ok || !other.ok) throw new Error("no transactions");
        const before = checked.length;
        for (const body of [other.value.body, [...own.value.body, ...other.value.body], []]) {
            const swapped = encodeTx(own.value.item, body);
            expect((await node.app.screen(swapped))?.code).toBe("MS_VERTEX_BODY");
        }
        expect(checked).toHaveLength(before);
        const whole = encodeTx(own.value.item, own.value.body);
        expect(await node.app.screen(whole)).toBeNull();
    });
    it("takes the power of a validator that voted twice", async () => {
        const node = await open();
        await begin(node);
        nextBlock();
        const address = sha256(KEYS[2] as Uint8Array).slice(0, 20);
        const evidence = {
            type: 1,
            validator: { address, power: 10n },
            height: 1n,
            time: { seconds: 0n, nanos: 0 },
            totalVotingPower: 40n,
        };
        const before = node.app.info().appHash;
        const { appHash, validatorUpdates } = await node.app.finalize(blockOf([], [evidence]));
        expect(validatorUpdates).toEqual([{ pubKey: { ed25519: KEYS[2] }, power: 0n }]);
        expect(appHash).not.toEqual(before);
        await node.app.commit();
        await node.store.close();
        expect((await open(node.dir)).app.ledger?.validators.list()).toHaveLength(3);
    });
    it("does not open on a store that parts from what was agreed on", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const head = await node.store.blockHead();
        if (head === null) throw new Error("no block");
        const wrong = { ...head, appHash: new Uint8Array(32), entries: [], checkpoint: null };
        await node.store.appendBlock(wrong);
        await node.store.close();
        const failure: unknown = await open(node.dir).catch((cause: unknown) => cause);
        expect(failure instanceof MetersealError && failure.code).toBe("MS_CHECKPOINT");
    });
});

describe("the engine", () => {
    it("takes an own vertex that the log has already as done, and not as refused", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const made = await collector.vertex([await chain.usage()]);
        const item = made.vertex.message.bytes;
        await commit([node], [txOf(item, [...made.records])]);
        const known = { kind: "refused", code: "MS_VERTEX_DUPLICATE" } as const;
        const { engine, ask } = await engineOn(node, known);
        expect(await engine.append(item, made.records)).toBe(2);
        const final = engine.submit(item, made.records);
        await ask({ finalizeBlock: { ...blockOf([]), height: 3n } });
        await ask({ commit: {} });
        expect(await final).toMatchObject({ leafIndex: 2, checkpoint: { size: 3 } });
        await engine.close();
    });
    it("offers a vertex again whose block is executed and not on disk yet", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const made = await collector.vertex([await chain.usage()]);
        const tx = txOf(made.vertex.message.bytes, [...made.records]);
        const known = { kind: "refused", code: "MS_VERTEX_DUPLICATE" } as const;
        const { engine, ask, time } = await engineOn(node, known);
        await ask({ finalizeBlock: { ...blockOf([tx]), height: 2n } });
        const logged = engine.append(made.vertex.message.bytes, made.records);
        await time.advance(2_000);
        await ask({ commit: {} });
        expect(await logged).toBe(2);
        await engine.close();
    });
    it("offers a vertex again that a block had without its parent", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const { engine, ask } = await engineOn(node, { kind: "taken" });
        const made = [];
        for (let i = 0; i < 2; i++) made.push(await collector.vertex([await chain.usage()]));
        const logged = made.map(({ records, vertex }) =>
            engine.append(vertex.message.bytes, records),
        );
        const [first = utf8(""), second = utf8("")] = made.map(({ records, vertex }) =>
            txOf(vertex.message.bytes, [...records]),
        );
        await ask({ finalizeBlock: { ...blockOf([second, first]), height: 2n } });
        await ask({ commit: {} });
        await ask({ finalizeBlock: { ...blockOf([second]), height: 3n } });
        await ask({ commit: {} });
        expect(await Promise.all(logged)).toEqual([2, 3]);
        await engine.close();
    });
    it("has settled what a block did when a later one has signed it, and not where it ends before", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const { engine, ask } = await engineOn(node, { kind: "taken" });
        const made = await collector.vertex([await chain.usage()]);
        const tx = txOf(made.vertex.message.bytes, [...made.records]);
        await ask({ finalizeBlock: { ...blockOf([tx]), height: 2n } });
        let isSettled = false;
        const settled = engine.settled().then(() => {
            isSettled = true;
        });
        await ask({ commit: {} });
        await new Promise(setImmediate);
        expect([engine.log.size, engine.head().size, isSettled]).toEqual([3, 2, false]);
        await ask({ finalizeBlock: { ...blockOf([]), height: 3n } });
        await settled;
        await engine.settled();
        await ask({ commit: {} });
        const more = await collector.vertex([await chain.usage()]);
        const next = txOf(more.vertex.message.bytes, [...more.records]);
        await ask({ finalizeBlock: { ...blockOf([next]), height: 4n } });
        const cut = engine.settled().catch((cause: unknown) => cause);
        await engine.close();
        expect(await cut).toMatchObject({ code: "MS_LINK" });
        await expect(engine.settled()).rejects.toMatchObject({ code: "MS_LINK" });
    });
    it("passes on every other refusal", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const made = await collector.vertex([await chain.usage()]);
        const { engine } = await engineOn(node, { kind: "refused", code: "MS_KEY_UNKNOWN" });
        await expect(engine.append(made.vertex.message.bytes, made.records)).rejects.toThrow(
            "MS_KEY_UNKNOWN",
        );
        await engine.close();
    });
});

describe("the ABCI socket", () => {
    it("cuts any stream into its messages", () => {
        fc.assert(
            fc.property(
                fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 }),
                fc.array(fc.integer({ min: 1, max: 300 })),
                (messages, cuts) => {
                    const stream = Buffer.concat(messages.map(frameOf));
                    const reader = new FrameReader();
                    const read: Uint8Array[] = [];
                    let at = 0;
                    for (const cut of [...cuts, stream.length]) {
                        read.push(...reader.push(stream.subarray(at, at + cut)));
                        at += cut;
                    }
                    expect(read.map(toHex)).toEqual(messages.map(toHex));
                },
            ),
        );
    });
    it("refuses a length above its bound, or that has no end", () => {
        const codeOf = (bytes: number[]): string => {
            try {
                new FrameReader().push(Uint8Array.from(bytes));
                return "ok";
            } catch (cause) {
                return cause instanceof MetersealError ? cause.code : String(cause);
            }
        };
        expect(codeOf([0xff, 0xff, 0xff, 0x7f])).toBe("MS_TOO_LARGE");
        expect(codeOf([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).toBe("MS_MALFORMED");
    });
    it("reads on while it has not answered, and answers in the order it was asked", async () => {
        const gate = Promise.withResolvers<void>();
        const server = new AbciServer({
            address: { host: "127.0.0.1", port: 0 },
            async handle(request) {
                await gate.promise;
                return { echo: { message: request.echo?.message.slice(0, 2) ?? "" } };
            },
            onFatal: () => undefined,
        });
        const url = new URL(await server.listen());
        const socket = connect(Number(url.port), url.hostname);
        const asked = Array.from({ length: 40 }, (_, i) => `${i + 10}`);
        for (const name of asked) {
            const message = name.padEnd(400_000, ".");
            const frame = frameOf(RequestCodec.encode({ echo: { message } }).finish());
            // Far beyond what the sockets hold: taken though nothing is answered.
            await new Promise<void>((taken) => socket.write(frame, () => taken()));
        }
        const reader = new FrameReader();
        const answers: string[] = [];
        const all = new Promise<void>((done) =>
            socket.on("data", (chunk: Buffer) => {
                for (const frame of reader.push(chunk)) {
                    answers.push(ResponseCodec.decode(frame).echo?.message ?? "");
                }
                if (answers.length === asked.length) done();
            }),
        );
        expect(answers).toEqual([]);
        gate.resolve();
        await all;
        expect(answers).toEqual(asked);
        socket.destroy();
        await server.close();
    });
    it("ends without a failure while it is asked", async () => {
        const failures: unknown[] = [];
        const asked = Promise.withResolvers<void>();
        const answer = Promise.withResolvers<never>();
        const server = new AbciServer({
            address: { host: "127.0.0.1", port: 0 },
            handle() {
                asked.resolve();
                return answer.promise;
            },
            onFatal: (cause) => failures.push(cause),
        });
        const url = new URL(await server.listen());
        const socket = connect(Number(url.port), url.hostname);
        socket.write(frameOf(RequestCodec.encode({ flush: {} }).finish()));
        await asked.promise;
        await server.close();
        answer.reject(new Error("its threads have ended"));
        await new Promise((resolve) => setImmediate(resolve));
        expect(failures).toEqual([]);
    });
    it("drops a peer that does not speak it, and listens on the loopback only", async () => {
        const failures: unknown[] = [];
        const server = new AbciServer({
            address: { host: "127.0.0.1", port: 0 },
            handle: () => Promise.resolve({ flush: {} }),
            onFatal: (cause) => failures.push(cause),
        });
        const url = new URL(await server.listen());
        const socket = connect(Number(url.port), url.hostname);
        socket.write(Uint8Array.from([3, 0xff, 0xff, 0xff]));
        await new Promise((resolve) => socket.once("close", resolve));
        expect(failures).toEqual([]);
        await server.close();
        const outside = new AbciServer({
            address: { host: "0.0.0.0", port: 0 },
            handle: () => Promise.reject(new Error("never")),
            onFatal: () => undefined,
        });
        expect(() => outside.listen()).toThrow("MS_LISTEN_ADDRESS");
    });
});

describe("the beginning of a chain", () => {
    it("is read as it was written, and nothing else is", () => {
        const state = { genesis: network.genesis, entries: [collector.enrolment.message.bytes] };
        const bytes = utf8(JSON.stringify(formatGenesisState(state)));
        const read = parseGenesisState(bytes);
        expect(read.ok && read.value).toEqual(state);
        for (const text of ["", "null", "{}", '{"genesis":"0","entries":[]}', '{"genesis":"00"}']) {
            const refused = parseGenesisState(utf8(text));
            expect(refused.ok ? "ok" : refused.error.code).toBe("MS_GENESIS");
        }
    });
});
