import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { concatBytes, sha256, toHex, utf8 } from "@meterseal/core";
import type { StoreHooks } from "@meterseal/stores";
import { openServerStore, type ServerStore } from "@meterseal/stores/sqlite";
import {
    TestChain,
    type TestCollector,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { SimulatedTime } from "@meterseal/testkit/sim-time";
import type {
    RequestFinalizeBlock,
    RequestInitChain,
    ResponseInitChain,
} from "cosmjs-types/tendermint/abci/types";
import { afterAll, beforeEach } from "vitest";
import type { AbciHandler } from "../src/cometbft/abci/server.ts";
import { Application } from "../src/cometbft/application.ts";
import { formatGenesisState } from "../src/cometbft/genesis-state.ts";
import { CometEngine } from "../src/cometbft/index.ts";
import type { BroadcastAnswer } from "../src/cometbft/rpc.ts";
import { encodeTx } from "../src/cometbft/tx.ts";
import type { EngineImages } from "../src/image.ts";
import type { VerifySignatures } from "../src/signature-jobs.ts";

let scratch: string;
let directories = 0;

const BLOCK_UNIX = 1_700_000_000;
export const KEYS = [1, 2, 3, 4].map((seed) => new Uint8Array(32).fill(seed));

/** Network of a test: its collector is enrolled by the genesis, its meter is not. */
export let network: TestNetwork;
export let collector: TestCollector;
export let meter: TestMeter;
export let chain: TestChain;
let height: number;

/** Gives each test of a file a network of its own. */
export function useCometWorld(): void {
    scratch = mkdtempSync(join(tmpdir(), "meterseal-comet-"));
    afterAll(() => rmSync(scratch, { recursive: true, force: true }));
    beforeEach(async () => {
        network = new TestNetwork("comet unit");
        collector = await network.collector();
        meter = await network.meter();
        chain = new TestChain(meter);
        height = 0;
    });
}

/** What an application is opened with besides. */
type OpenOptions = {
    readonly images?: EngineImages;
    readonly verify?: VerifySignatures;
    readonly hooks?: StoreHooks;
};

/** An application on a store of its own, and what it told. */
export type Node = { app: Application; store: ServerStore; dir: string; told: string[] };

/** A directory that nobody has. */
export const freshDirectory = (): string => join(scratch, `node${directories++}`);

/** Opens an application on a directory. */
export async function open(
    dir = freshDirectory(),
    { hooks, ...tools }: OpenOptions = {},
): Promise<Node> {
    const store = await openServerStore(dir, hooks === undefined ? {} : { hooks });
    const told: string[] = [];
    const app = await Application.open({
        store,
        logSigner: network.logSigner,
        ...tools,
        observer: {
            entryLogged: ({ leafIndex }) => told.push(`logged ${leafIndex}`),
            entryFinal: ({ leafIndex }, { checkpoint }) =>
                told.push(`final ${leafIndex} of ${checkpoint.size}`),
            txRefused: (_hash, code) => told.push(`refused ${code}`),
            entryRefused: (author, code) => told.push(`counted ${author} ${code}`),
        },
    });
    return { app, store, dir, told };
}

/** The beginning of the chain, with further collectors and at another time. */
export const beginning = (others: TestCollector[] = [], unix = BLOCK_UNIX): RequestInitChain => ({
    time: { seconds: BigInt(unix), nanos: 0 },
    chainId: "test",
    validators: KEYS.map((ed25519) => ({ pubKey: { ed25519 }, power: 10n })),
    appStateBytes: utf8(
        JSON.stringify(
            formatGenesisState({
                genesis: network.genesis,
                entries: [collector, ...others].map(({ enrolment }) => enrolment.message.bytes),
            }),
        ),
    ),
    initialHeight: 1n,
});

/** Begins the chain. */
export const begin = ({ app }: Node, ...others: TestCollector[]): Promise<ResponseInitChain> =>
    app.initChain(beginning(others));

/** Goes on to the next height. */
export function nextBlock(): void {
    height++;
}

/** The block of the height, of transactions and evidence. */
export const blockOf = (
    txs: Uint8Array[],
    misbehavior: RequestFinalizeBlock["misbehavior"] = [],
): RequestFinalizeBlock => ({
    txs,
    decidedLastCommit: { round: 0, votes: [] },
    misbehavior,
    hash: sha256(concatBytes(Uint8Array.of(height), ...txs)),
    height: BigInt(height),
    time: { seconds: BigInt(BLOCK_UNIX + height), nanos: 5_000_000 },
    nextValidatorsHash: new Uint8Array(32),
    proposerAddress: new Uint8Array(20),
});

/** Executes and commits a block on each node; the hashes that they come to. */
export async function commit(nodes: Node[], txs: Uint8Array[]): Promise<string[]> {
    nextBlock();
    const hashes: string[] = [];
    for (const { app } of nodes) {
        hashes.push(toHex((await app.finalize(blockOf(txs))).appHash));
        await app.commit();
    }
    return hashes;
}

/** A transaction of an item and its records. */
export const txOf = (
    item: Uint8Array,
    records: readonly { message: { bytes: Uint8Array } }[] = [],
): Uint8Array =>
    encodeTx(
        item,
        records.map(({ message }) => message.bytes),
    );

/** The next vertex of a collector, over records of a chain. */
export async function vertexTx(count = 2, author = collector, of = chain): Promise<Uint8Array> {
    const records = [];
    for (let i = 0; i < count; i++) records.push(await of.usage());
    const made = await author.vertex(records);
    return txOf(made.vertex.message.bytes, made.records);
}

/** The meter's enrolment. */
export const enrolTx = (): Uint8Array => txOf(meter.enrolment.message.bytes);

/** An engine that opens on a node, which answers its offers, the last ones alike, and hands out the application. */
export function serveEngine(node: Node, ...answers: [BroadcastAnswer, ...BroadcastAnswer[]]) {
    const served = Promise.withResolvers<AbciHandler>();
    const time = new SimulatedTime();
    const opening = CometEngine.open({
        store: node.store,
        logSigner: null,
        observer: { entryFinal: () => undefined },
        timers: time,
        node: {
            serve: (handle, fail) => {
                served.resolve(async (request) => {
                    try {
                        return await handle(request);
                    } catch (cause) {
                        fail(cause);
                        throw cause;
                    }
                });
                return Promise.resolve("test");
            },
            broadcast: () => {
                const [next] = answers.length > 1 ? answers.splice(0, 1) : answers;
                return Promise.resolve(next as BroadcastAnswer);
            },
            close: () => Promise.resolve(),
        },
        snapshotInterval: 100,
        onFatal: (cause) => node.told.push(String(cause)),
    }).then((engine) => ({ engine, time }));
    const ask: AbciHandler = async (request) => await (await served.promise)(request);
    return { opening, ask };
}

/** The same on a chain that has begun, once the engine is open. */
export async function engineOn(node: Node, ...answers: [BroadcastAnswer, ...BroadcastAnswer[]]) {
    const { ask, opening } = serveEngine(node, ...answers);
    return { ask, ...(await opening) };
}
