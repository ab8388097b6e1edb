import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { unwrap } from "@meterseal/core";
import {
    type CheckedCommits,
    checkCommits,
    checkDoubleVote,
    doubleVoteOf,
    keepCommits,
} from "@meterseal/engines/cometbft";
import type { Contradiction } from "@meterseal/ledger";
import { createRevocation } from "@meterseal/record";
import { TestChain, type TestCollector, TestNetwork } from "@meterseal/testkit/records";
import { requireCometBft } from "../../../packages/node/src/localnet/find-cometbft.ts";
import { voteTwice } from "./double-vote.ts";
import type { AppState } from "./messages.ts";
import { makeNetwork, type Network } from "./network.ts";
import type { Validator } from "./validator.ts";

/** Four validators of four organisations, each with a collector of its own. */
const binary = requireCometBft();

const test = new TestNetwork("cometbft");
const collectors: TestCollector[] = [];
const chains: TestChain[] = [];
let network: Network;

before(async () => {
    for (const name of ["a", "b", "c", "d"]) collectors.push(await test.collector(name));
    network = makeNetwork(binary, 4, {
        genesis: test.genesis,
        entries: collectors.map(({ enrolment }) => enrolment.message.bytes),
    });
    for (const validator of network.validators) await validator.start();
    await Promise.all(network.validators.map((validator) => validator.ready()));
    for (const name of ["one", "two", "three", "four"]) {
        const meter = await test.meter(name);
        assert.equal(typeof (await submitAt(0, meter.enrolment.message.bytes)), "number");
        chains.push(new TestChain(meter));
    }
});
after(() => network.remove());

function at(index: number): Validator {
    const validator = network.validators[index];
    assert.ok(validator);
    return validator;
}
const submitAt = (index: number, item: Uint8Array, body: Uint8Array[] = []) =>
    at(index).submit(item, body);

/** A vertex of a collector with two records of its meter, submitted at its validator. */
async function write(index: number, through = index): Promise<number | string> {
    const [collector, chain] = [collectors[index], chains[index]];
    assert.ok(collector && chain);
    const { records, vertex } = await collector.vertex([await chain.usage(), await chain.usage()]);
    const body = records.map(({ message }) => message.bytes);
    return await submitAt(through, vertex.message.bytes, body);
}

const facts = ({ logRoot, size, stateRoot }: AppState) => ({ logRoot, size, stateRoot });

/** Waits until all have the same log of a size; compares their states. */
async function agree(size: number, indices = [0, 1, 2, 3]): Promise<void> {
    const states: AppState[] = [];
    for (const index of indices) {
        states.push(await at(index).until(`size ${size}`, (state) => state.size === size));
    }
    for (const state of states) assert.deepEqual(facts(state), facts(states[0] as AppState));
}

async function sizeNow(): Promise<number> {
    return (await at(0).state()).size;
}

describe("four CometBFT validators with our application", () => {
    it("agree on the log, whoever submits", async () => {
        const outcomes = await Promise.all([0, 1, 2, 3].map((index) => write(index)));
        for (const outcome of outcomes) assert.equal(typeof outcome, "number", `${outcome}`);
        await agree(4 + 4 + 4);
    });

    it("refuse what accept() refuses, with its code, and go on", async () => {
        const [collector] = collectors;
        assert.ok(collector);
        const before = await sizeNow();
        const { last } = collector;
        const stranger = await test.meter("stranger");
        const forged = await collector.vertex([await new TestChain(stranger).usage()]);
        const body = forged.records.map(({ message }) => message.bytes);
        const outcome = await submitAt(1, forged.vertex.message.bytes, body);
        assert.match(`${outcome}`, /MS_KEY_UNKNOWN/);
        collector.last = last;
        assert.equal(await sizeNow(), before);
    });

    it("go on when one node stops, and the one that was away catches up", async () => {
        const before = await sizeNow();
        await at(3).stop();
        assert.equal(typeof (await write(1)), "number");
        assert.equal(typeof (await write(2)), "number");
        await agree(before + 2, [0, 1, 2]);
        await at(3).start();
        await at(3).ready();
        await agree(before + 2);
    });

    it("halt when two stop, and never fork", async () => {
        const before = await sizeNow();
        at(2).signalNode("SIGSTOP");
        at(3).signalNode("SIGSTOP");
        const outcome = write(1);
        const first = await Promise.race([
            outcome,
            new Promise((resolve) => setTimeout(() => resolve("waits"), 6_000)),
        ]);
        assert.equal(first, "waits");
        assert.equal(await sizeNow(), before);
        at(2).signalNode("SIGCONT");
        at(3).signalNode("SIGCONT");
        assert.equal(typeof (await outcome), "number");
        await agree(before + 1);
    });

    for (const where of ["beforeCommit", "afterCommit"] as const) {
        it(`replay to the same state when an application is killed (${where})`, async () => {
            const before = await sizeNow();
            at(3).crashAt(where);
            assert.equal(typeof (await write(1)), "number");
            await at(3).appEnded();
            await at(3).stopNode();
            assert.equal(typeof (await write(2)), "number");
            await at(3).start();
            await at(3).ready();
            await agree(before + 2);
        });
    }

    it("execute a block once where a node ends alone before its commit", async () => {
        const before = await sizeNow();
        const restarted = at(3).restartNodeAtBlock();
        assert.equal(typeof (await write(1)), "number");
        await restarted;
        assert.equal(typeof (await write(3)), "number");
        await agree(before + 2);
    });

    it("let a fifth node join by state sync, with the same state", async () => {
        const trusted = (await at(0).state()).height;
        const block = (await at(0).rpc.query("block", { height: `${trusted}` })) as {
            block_id: { hash: string };
        };
        for (let i = 0; i < 6; i++) assert.equal(typeof (await write(i % 4)), "number");
        const { snapshots } = await at(0).state();
        assert.ok(snapshots.length > 0);
        const joined = network.joiner({ height: trusted, hash: block.block_id.hash });
        await joined.start();
        try {
            await joined.ready();
            assert.equal(typeof (await write(0)), "number");
            const { size } = await at(0).state();
            const state = await joined.until(`size ${size}`, (each) => each.size === size);
            assert.deepEqual(facts(state), facts(await at(0).state()));
            const { sync_info: sync } = (await joined.rpc.query("status", {})) as {
                sync_info: { earliest_block_height: string };
            };
            assert.ok(Number(sync.earliest_block_height) > 1, "it has not replayed all blocks");
        } finally {
            await joined.stop();
        }
    });

    it("refuse the vertex of a collector that is removed while it is on its way", async () => {
        const [, , , collector] = collectors;
        assert.ok(collector);
        const { networkId: id, operator } = test;
        const removal = await createRevocation(operator, {
            network: id,
            id: collector.enrolment.id,
            timeUnix: 1_700_000_000,
        });
        const removed = submitAt(0, removal);
        const outcome = await write(3, 0);
        assert.equal(typeof (await removed), "number");
        assert.match(`${outcome}`, /MS_FROZEN/);
        assert.equal(typeof (await write(0)), "number");
        await agree(await sizeNow());
    });

    it("remove a validator that votes twice, and what they signed shows the change", async () => {
        let kept: Uint8Array | null = null;
        const store = {
            commits: () => Promise.resolve(kept),
            keepCommits: (bytes: Uint8Array) => {
                kept = bytes;
                return Promise.resolve();
            },
        };
        const keep = async (): Promise<CheckedCommits> => {
            const { point } = await at(0).state();
            assert.ok(point);
            await keepCommits(point, at(0).rpc, store);
            return unwrap(checkCommits(kept ?? new Uint8Array()));
        };
        const before = await keep();
        assert.deepEqual([before.of, before.changes], [4, 0]);
        const { height } = await at(0).state();
        await voteTwice(at(0).rpc, at(3).place.home, height - 1);
        for (let i = 0; i < 4; i++) assert.equal(typeof (await write(0)), "number");
        const { validators } = (await at(0).rpc.query("validators", {})) as {
            validators: unknown[];
        };
        assert.equal(validators.length, 3);
        await agree(await sizeNow());
        const after = await keep();
        assert.deepEqual([after.of, after.changes], [3, 1]);
        assert.equal(after.firstValidators, before.firstValidators);
        assert.ok(after.height > before.height);
        const proof = await proofOf(height, after.height);
        const proven = unwrap(checkDoubleVote(proof, test.networkId));
        assert.deepEqual([proven.culprit, proven.epoch], ["validator", height - 1]);
    });
});

/** Proof against the validator whom a block of a range accuses. */
async function proofOf(first: number, last: number): Promise<Contradiction> {
    for (let height = first; height <= last; height++) {
        const { chainId, votes } = await at(0).rpc.doubleVotes(height);
        const [vote] = votes;
        if (vote === undefined) continue;
        const validators = await at(0).rpc.validators(Number(vote.vote_a.height));
        return doubleVoteOf(vote, { chainId, validators, genesis: test.genesis });
    }
    throw new Error("no block accuses anybody");
}
