import { MetersealError, sha256, u32be, unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, rawSignerFromPem } from "@meterseal/core/node";
import {
    type Cosigner,
    formatCosignerKey,
    judgeQuorum,
    MerkleLog,
    originOf,
    type Policy,
    parsePolicy,
    signCheckpoint,
} from "@meterseal/ledger";
import { MemoryServerStore } from "@meterseal/stores/memory";
import { TEST_LATER_MS, TestNetwork } from "@meterseal/testkit/records";
import { SimulatedTime } from "@meterseal/testkit/sim-time";
import { beforeEach, describe, expect, it } from "vitest";
import { EmbeddedEngine } from "../src/embedded/index.ts";
import { Witness, WitnessQuorum } from "../src/witness/index.ts";
import { MemoryWitnessStore } from "./memory-witness-store.ts";

/** A witness in this process, and whether it can be reached. */
type Peer = { readonly witness: Witness; readonly memory: MemoryWitnessStore; up: boolean };

let network: TestNetwork;
let origin: string;
let store: MemoryServerStore;
let time: SimulatedTime;
let peers: Map<string, Peer>;
let policy: Policy;
let told: number[];
let waits: MetersealError[];
let engine: EmbeddedEngine;

beforeEach(async () => {
    network = new TestNetwork("witnessed");
    origin = originOf(network.networkId);
    time = new SimulatedTime(TEST_LATER_MS);
    store = new MemoryServerStore();
    await store.initialize(network.genesis);
    peers = new Map();
    const lines: string[] = [];
    for (const name of ["a", "b", "c"]) {
        const { publicKey, sign } = rawSignerFromPem(generatePrivateKeyPem("edDsa"));
        const key: Cosigner = { name, type: 4, publicKey, sign };
        const logs = new Map([
            [origin, [{ name: origin, publicKey: network.logSigner.publicKey }]],
        ]);
        const memory = new MemoryWitnessStore();
        const witness = new Witness({ cosigners: [key], logs, store: memory, clock: time });
        peers.set(`http://${name}/add-checkpoint`, { witness, memory, up: true });
        lines.push(`witness ${name} ${formatCosignerKey(key)} http://${name}/`);
    }
    policy = unwrap(parsePolicy([...lines, "group g 2 a b c", "quorum g"].join("\n")));
});

async function post(url: string, body: string): Promise<{ status: number; body: string }> {
    const peer = peers.get(url);
    if (peer?.up !== true) throw new Error("not reached");
    return await peer.witness.addCheckpoint(body);
}

function peer(name: string): Peer {
    return peers.get(`http://${name}/add-checkpoint`) as Peer;
}

async function open(): Promise<EmbeddedEngine> {
    store = store.crash();
    told = [];
    waits = [];
    engine = await EmbeddedEngine.open({
        store,
        clock: time,
        logSigner: network.logSigner,
        observer: { entryFinal: (_entry, _timeMs, { leafIndex }) => told.push(leafIndex) },
        witnesses: {
            cosigner: new WitnessQuorum(policy, post),
            timers: time,
            onWaiting: (cause) => waits.push(cause),
        },
    });
    return engine;
}

let enrolled = 0;
const entry = async (): Promise<Uint8Array> =>
    (await network.meter(`meter ${enrolled++}`)).enrolment.message.bytes;

describe("an engine with witnesses", () => {
    it("makes entries final once enough have cosigned, and keeps the cosignatures", async () => {
        await open();
        peer("c").up = false;
        for (const index of [0, 1, 2]) {
            const { checkpoint, leafIndex } = await engine.submit(await entry(), []);
            expect([leafIndex, checkpoint.size]).toEqual([index, index + 1]);
            const note = await store.cosigned();
            expect([...judgeQuorum(policy, note ?? "").cosigned].sort()).toEqual(["a", "b"]);
            expect(await store.checkpoint()).toBe(note);
        }
        expect(told).toEqual([0, 1, 2]);
        expect(engine.head().size).toBe(3);
    });
    it("goes on with the log while witnesses are too few, and is final later, in order", async () => {
        await open();
        await engine.submit(await entry(), []);
        peer("a").up = false;
        peer("b").up = false;
        const final = engine.submit(await entry(), []);
        expect(await engine.append(await entry(), [])).toBe(2);
        await time.settle();
        expect([engine.log.size, engine.head().size, told]).toEqual([3, 1, [0]]);
        expect(waits[0]?.code).toBe("MS_WITNESS");
        expect(waits[0]?.details.got).toContain("a: not reached");
        peer("a").up = true;
        await time.advance(20_000);
        expect((await final).leafIndex).toBe(1);
        expect([told, engine.head().size]).toEqual([[0, 1, 2], 3]);
        expect(time.pending).toBe(0);
    });
    it("has settled what it holds when that is final, also after a restart", async () => {
        await open();
        for (const each of peers.values()) each.up = false;
        await engine.append(await entry(), []);
        const asked = engine.settled().catch((cause: unknown) => cause);
        await time.settle();
        engine.close();
        expect(((await asked) as MetersealError).code).toBe("MS_WITNESS");
        await open();
        const settled = engine.settled().then(() => engine.head().size);
        await time.settle();
        expect([engine.log.size, engine.head().size]).toEqual([1, 0]);
        for (const each of peers.values()) each.up = true;
        await time.advance(20_000);
        expect(await settled).toBe(1);
    });
    it("tells after a restart of what was cosigned, and of the rest when it is", async () => {
        await open();
        await engine.submit(await entry(), []);
        peer("a").up = false;
        peer("b").up = false;
        await engine.append(await entry(), []);
        await time.settle();
        const unfinished = engine.submit(await entry(), []).catch((cause: unknown) => cause);
        await time.settle();
        engine.close();
        expect(((await unfinished) as MetersealError).code).toBe("MS_WITNESS");
        await open();
        await time.settle();
        expect([told, engine.head().size, engine.log.size]).toEqual([[0], 1, 3]);
        peer("b").up = true;
        await time.advance(20_000);
        expect([told, engine.head().size]).toEqual([[0, 1, 2], 3]);
    });
    it("catches up with a witness that has seen less, or nothing", async () => {
        await open();
        peer("c").up = false;
        for (let i = 0; i < 5; i++) await engine.submit(await entry(), []);
        peer("a").up = false;
        peer("c").up = true;
        expect((await engine.submit(await entry(), [])).checkpoint.size).toBe(6);
        peer("b").up = false;
        peer("a").up = true;
        expect((await engine.submit(await entry(), [])).checkpoint.size).toBe(7);
    });
    it("opens with a policy that the log has never had: everything is cosigned anew", async () => {
        await open();
        await engine.submit(await entry(), []);
        await engine.submit(await entry(), []);
        policy = { ...policy, quorum: "c" };
        peer("c").up = false;
        await open();
        await time.settle();
        expect([told, engine.head().size]).toEqual([[], 0]);
        peer("c").up = true;
        await time.advance(20_000);
        expect([told, engine.head().size]).toEqual([[0, 1], 2]);
    });
    it("stops for good where cosignatures cannot be kept", async () => {
        store = new MemoryServerStore({
            beforeCommit: (point) => {
                if (point === "keepCosigned") throw new Error("injected fault");
            },
        });
        await store.initialize(network.genesis);
        told = [];
        const fatal: unknown[] = [];
        engine = await EmbeddedEngine.open({
            store,
            clock: time,
            logSigner: network.logSigner,
            observer: { entryFinal: () => undefined },
            witnesses: {
                cosigner: new WitnessQuorum(policy, post),
                timers: time,
                onWaiting: () => undefined,
            },
            onFatal: (cause) => fatal.push(cause),
        });
        await expect(engine.submit(await entry(), [])).rejects.toThrow("injected fault");
        const failure: unknown = await engine.submit(await entry(), []).catch((cause) => cause);
        expect(failure instanceof MetersealError && failure.code).toBe("MS_STORE_UNWRITABLE");
        expect(fatal).toEqual([failure]);
    });
});

describe("witnesses of a log that shows two histories", () => {
    /** A note by the log's own key over leaves that are not the log's. */
    const forge = (size: number): Promise<string> => {
        const log = MerkleLog.of(Array.from({ length: size }, (_, i) => sha256(u32be(i))));
        return signCheckpoint(network.logSigner, origin, size, log.root());
    };
    it("refuse the second one, keep both notes, and give no quorum to both", async () => {
        await open();
        peer("c").up = false;
        await engine.submit(await entry(), []);
        await engine.submit(await entry(), []);
        peer("c").up = true;
        const forged = await forge(2);
        const quorum = new WitnessQuorum(policy, post);
        const failure: unknown = await quorum.cosign(forged, 2, () => []).catch((cause) => cause);
        expect(failure instanceof MetersealError && failure.code).toBe("MS_WITNESS");
        expect(peer("a").memory.splitViews.get(origin)?.[1]).toBe(forged);
        expect(peer("c").memory.heads.size).toBe(1);
    });
    it("go on where they cannot keep the proof, and say of each log once what it did", async () => {
        const memory = new MemoryWitnessStore();
        const logKey = { name: origin, publicKey: network.logSigner.publicKey };
        const said: unknown[][] = [];
        const witness = new Witness({
            cosigners: [],
            logs: new Map([[origin, [logKey]]]),
            store: memory,
            clock: time,
            onSplitView: (...words) => said.push(words),
        });
        const root = sha256(u32be(0));
        const lie = await signCheckpoint(network.logSigner, origin, 3, root);
        const ask = async (note: string, oldSize = 0): Promise<unknown[]> => {
            const { body, status } = await witness.addCheckpoint(`old ${oldSize}\n\n${note}`);
            return [status, body];
        };
        expect(await ask(await forge(3))).toEqual([200, ""]);
        memory.failing = true;
        for (let i = 0; i < 3; i++) expect(await ask(lie)).toEqual([409, "3\n"]);
        memory.failing = false;
        expect(await ask(lie)).toEqual([409, "3\n"]);
        expect(memory.splitViews.get(origin)?.[1]).toBe(lie);
        expect(said).toEqual([
            [origin, expect.stringContaining("two histories"), new Error("injected fault")],
        ]);
        expect(await ask(await forge(3), 3)).toEqual([200, ""]);
    });
    it("sign nothing that is not in their memory first", async () => {
        peer("a").memory.failing = true;
        const body = `old 0\n\n${await forge(2)}`;
        await expect(peer("a").witness.addCheckpoint(body)).rejects.toThrow("MS_STORE_UNWRITABLE");
        peer("a").memory.failing = false;
        await expect(peer("a").witness.addCheckpoint(body)).rejects.toThrow("MS_STORE_UNWRITABLE");
    });
    it("take requests one by one: a late one cannot roll back a later one", async () => {
        const notes = await Promise.all([forge(3), forge(9)]);
        const bodies = notes.map((note) => `old 0\n\n${note}`);
        const [nine, three] = await Promise.all([
            peer("a").witness.addCheckpoint(bodies[1] as string),
            peer("a").witness.addCheckpoint(bodies[0] as string),
        ]);
        expect([nine.status, three.status, three.body]).toEqual([200, 409, "9\n"]);
        expect(peer("a").memory.heads.get(origin)?.head.size).toBe(9);
    });
});
