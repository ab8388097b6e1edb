import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Log, unwrap } from "@meterseal/core";
import {
    accept,
    entryLeafHash,
    type LedgerState,
    MerkleLog,
    originOf,
    signCheckpoint,
} from "@meterseal/ledger";
import { TEST_LATER_MS, TestNetwork } from "@meterseal/testkit/records";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointFollower } from "../src/server/checkpoint-follower.ts";
import type { ServerEngine } from "../src/server/engine.ts";

const network = new TestNetwork("follower");
const origin = originOf(network.networkId);
const state: LedgerState = network.state();
const log = new MerkleLog();
let answer: unknown = {};
let http: Server;

beforeAll(async () => {
    for (const name of ["one", "two", "three"]) {
        const { enrolment } = await network.collector(name);
        const item = enrolment.message.bytes;
        unwrap(accept(state, { kind: "enrolment", enrolment }, TEST_LATER_MS, () => true));
        log.append(entryLeafHash({ timeMs: TEST_LATER_MS, item }));
    }
    http = createServer((_request, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
    http.closeAllConnections();
    http.close();
});

/** Follows a server that answers the same so many times; returns what was kept and what was said. */
async function follow(note: unknown, rounds: number): Promise<{ kept: number[]; said: string[] }> {
    answer = { checkpoint: note };
    const [kept, said]: [number[], string[]] = [[], []];
    const unused = () => Promise.reject(new Error("nothing is submitted here"));
    const engine: ServerEngine = {
        ...{ state, log, origin, submit: unused, append: unused },
        markVerified: () => undefined,
        settled: () => Promise.resolve(),
        head: () => ({ size: log.size, root: log.root() }),
        close: () => undefined,
    };
    const quiet: Log = { info: () => {}, warn: (message) => void said.push(message) };
    await new Promise<void>((resolve) => {
        let left = rounds;
        const follower = new CheckpointFollower({
            url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
            engine,
            store: {
                keepCheckpoint: (size) => {
                    kept.push(size);
                    return Promise.resolve();
                },
            },
            timers: {
                after(_delayMs, callback) {
                    left--;
                    if (left > 0) queueMicrotask(callback);
                    else {
                        follower.close();
                        resolve();
                    }
                    return () => undefined;
                },
            },
            log: quiet,
        });
        follower.start();
    });
    return { kept, said };
}

describe("a server without the log's key", () => {
    it("keeps each checkpoint over its own log once", async () => {
        const note = await signCheckpoint(network.logSigner, origin, 2, log.root(2));
        expect(await follow(note, 3)).toEqual({ kept: [2], said: [] });
    });

    it("waits for what its own node has not executed yet", async () => {
        const root = new Uint8Array(32).fill(7);
        const note = await signCheckpoint(network.logSigner, origin, 4, root);
        expect(await follow(note, 2)).toEqual({ kept: [], said: [] });
        expect(await follow(null, 2)).toEqual({ kept: [], said: [] });
    });

    it("keeps no checkpoint of another log, and says so once", async () => {
        const note = await signCheckpoint(network.logSigner, origin, 2, log.root(3));
        const { kept, said } = await follow(note, 3);
        expect(kept).toEqual([]);
        expect(said).toEqual(["the signed checkpoint is of another log than ours"]);
    });

    it("keeps none that the log's key has not signed", async () => {
        const note = await signCheckpoint(network.operator, origin, 2, log.root(2));
        expect(await follow(note, 2)).toMatchObject({ kept: [], said: [expect.any(String)] });
    });
});
