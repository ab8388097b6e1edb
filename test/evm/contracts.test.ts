import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
    type Address,
    acceptEvm,
    CONTRACTS,
    decodeAnswer,
    decodeRefusal,
    type EvmProfile,
    type EvmProfiles,
    type EvmRefusal,
    emptyCommittedBatch,
    emptyRootAnchor,
    emptySingleWrite,
    encodeCall,
    encodeEvmCall,
    type Hex,
    NO_ADDRESS,
    NO_HASH,
} from "@meterseal/engines/evm";
import { leafHash, MerkleLog } from "@meterseal/ledger";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { Anvil } from "./anvil.ts";
import { RandomCalls } from "./random-calls.ts";

/** Calls of one sequence, which begins at a new contract and is run in one go. */
const LENGTH = 400;
/** Sequences of each contract: with three contracts more than ten thousand calls. */
const SEQUENCES = Number(process.env.METERSEAL_EVM_SEQUENCES ?? 25);
/** Calls of each contract that are made as transactions, each in a block of its own. */
const MINED = 100;

let anvil: Anvil;
let accounts: Address[] = [];
before(async () => {
    anvil = await Anvil.start();
    accounts = await anvil.accounts();
});
after(async () => await anvil.stop());

const hex = (value: Uint8Array): Hex => `0x${Buffer.from(value).toString("hex")}`;
const bytes = (value: Hex): Uint8Array => Uint8Array.from(Buffer.from(value.slice(2), "hex"));

/** One answer of a function that changes nothing. */
async function view(
    profile: EvmProfile,
    contract: Address,
    name: string,
    args: Record<string, unknown>,
): Promise<unknown> {
    const data = encodeCall(CONTRACTS[profile], name, args);
    const answer = await anvil.rpc.query("eth_call", [{ to: contract, data }, "latest"]);
    return decodeAnswer(CONTRACTS[profile], name, answer as Hex);
}

/** A random call and what our rules say of it. */
type Step<P extends EvmProfile> = {
    readonly sender: Address;
    readonly call: EvmProfiles[P]["call"];
    readonly refusal: EvmRefusal | null;
};

/** Draws a sequence of calls by the state that our rules keep of it. */
type Draw<P extends EvmProfile> = (
    calls: RandomCalls,
    state: EvmProfiles[P]["state"],
) => { sender: Address; call: EvmProfiles[P]["call"] };

type Profile<P extends EvmProfile> = {
    readonly profile: P;
    readonly empty: (admin: Address) => EvmProfiles[P]["state"];
    readonly draw: Draw<P>;
    /** What the contract must answer in the end: functions, arguments, answers. */
    readonly facts: (
        state: EvmProfiles[P]["state"],
    ) => readonly (readonly [string, Record<string, unknown>, unknown])[];
};

function drawSteps<P extends EvmProfile>(
    { draw, empty, profile }: Profile<P>,
    calls: RandomCalls,
    length: number,
): { steps: Step<P>[]; state: EvmProfiles[P]["state"] } {
    const steps: Step<P>[] = [];
    let state = empty(accounts[0] as Address);
    while (steps.length < length) {
        const { call, sender } = draw(calls, state);
        const verdict = acceptEvm(profile, state, sender, call);
        steps.push({ sender, call, refusal: verdict.ok ? null : verdict.refusal });
        if (!verdict.ok) continue;
        state = verdict.state;
        if ("next" in call && call.call === "write") calls.keep(call);
    }
    return { steps, state };
}

/** Answers of the contract to calls one after the other, none of which lasts. */
async function simulate(
    contract: Address,
    calls: readonly { readonly from: Address; readonly data: Hex }[],
): Promise<{ status: string; returnData: Hex }[]> {
    const sent = calls.map(({ data, from }) => ({ from, to: contract, data, gas: "0x100000" }));
    const blocks = { blockStateCalls: [{ calls: sent }] };
    const [block] = (await anvil.rpc.query("eth_simulateV1", [blocks, "latest"])) as {
        calls: { status: string; returnData: Hex }[];
    }[];
    assert.equal(block?.calls.length, calls.length);
    return block.calls;
}

const text = (value: unknown): string =>
    JSON.stringify(value, (_, each) => (typeof each === "bigint" ? `${each}` : each));

/** Random sequences at a contract and at our rules: the same verdicts, the same state at the end. */
async function compare<P extends EvmProfile>(
    profile: Profile<P>,
    seed: number,
): Promise<Map<string, number>> {
    const { bytecode } = CONTRACTS[profile.profile];
    const contract = await anvil.deploy(accounts[0] as Address, bytecode);
    const seen = new Map<string, number>();
    for (let n = 0; n < SEQUENCES; n++) {
        const calls = new RandomCalls(seededRandom(seed + n), accounts);
        const { state, steps } = drawSteps(profile, calls, LENGTH);
        const facts = profile.facts(state);
        const reads = facts.map(([name, args]) => ({
            from: accounts[0] as Address,
            data: encodeCall(CONTRACTS[profile.profile], name, args),
        }));
        const writes = steps.map(({ call, sender }) => ({
            from: sender,
            data: encodeEvmCall(profile.profile, call),
        }));
        const answers = await simulate(contract, [...writes, ...reads]);
        for (const [i, { call, refusal }] of steps.entries()) {
            const { returnData, status } = answers[i] as { status: string; returnData: Hex };
            const theirs = status === "0x1" ? null : decodeRefusal(profile.profile, returnData);
            const what = `seed ${seed + n}, step ${i}: ${text(call)}`;
            assert.equal(status === "0x1", refusal === null, what);
            assert.deepEqual(theirs, refusal, what);
            const kind = refusal?.name ?? `${call.call} taken`;
            seen.set(kind, (seen.get(kind) ?? 0) + 1);
        }
        for (const [i, [name, args, expected]] of facts.entries()) {
            const { returnData } = answers[LENGTH + i] as { returnData: Hex };
            const kept = decodeAnswer(CONTRACTS[profile.profile], name, returnData);
            assert.deepEqual(kept, expected, `seed ${seed + n}: ${name} ${text(args)}`);
        }
    }
    return seen;
}

/** The same with transactions in blocks. */
async function mine<P extends EvmProfile>(profile: Profile<P>, seed: number): Promise<void> {
    const { bytecode } = CONTRACTS[profile.profile];
    const contract = await anvil.deploy(accounts[0] as Address, bytecode);
    const calls = new RandomCalls(seededRandom(seed), accounts);
    const { state, steps } = drawSteps(profile, calls, MINED);
    for (const [i, { call, refusal, sender }] of steps.entries()) {
        const data = encodeEvmCall(profile.profile, call);
        const { isTaken } = await anvil.send(sender, contract, data);
        assert.equal(isTaken, refusal === null, `seed ${seed}, transaction ${i}: ${text(call)}`);
    }
    for (const [name, args, expected] of profile.facts(state)) {
        assert.deepEqual(await view(profile.profile, contract, name, args), expected);
    }
}

function requireSeen(seen: ReadonlyMap<string, number>, kinds: readonly string[]): void {
    const sorted = [...seen].sort(([a], [b]) => (a < b ? -1 : 1));
    console.log(sorted.map(([kind, times]) => `${kind} ${times}`).join(", "));
    for (const kind of kinds) assert.ok((seen.get(kind) ?? 0) >= SEQUENCES, `${kind} too rarely`);
}

const SINGLE_WRITE: Profile<"single-write"> = {
    profile: "single-write",
    empty: emptySingleWrite,
    draw: (calls, state) => calls.singleWrite(state),
    facts: ({ admin, proposedAdmin, readings, servers }) => [
        ["admin", {}, admin],
        ["proposedAdmin", {}, proposedAdmin],
        ...accounts.map((server) => ["isServer", { server }, servers.has(server)] as const),
        ...[...readings].map(
            ([register, { seq, time, value }]) =>
                [
                    "readings",
                    { register },
                    { value, time: BigInt(time), seq: BigInt(seq) },
                ] as const,
        ),
    ],
};

const COMMITTED_BATCH: Profile<"committed-batch"> = {
    profile: "committed-batch",
    empty: emptyCommittedBatch,
    draw: (calls, state) => calls.committedBatch(state),
    facts: ({ admin, groups }) => [
        ["admin", {}, admin],
        ...[...groups].flatMap(([group, { commitment, owner, seq, time }]) => [
            ["groups", { group }, { owner, seq: BigInt(seq), time: BigInt(time) }] as const,
            ["commitment", { group }, bytes(commitment ?? NO_HASH)] as const,
        ]),
    ],
};

const ROOT_ANCHOR: Profile<"root-anchor"> = {
    profile: "root-anchor",
    empty: emptyRootAnchor,
    draw: (calls, state) => calls.rootAnchor(state),
    facts: ({ admin, heads, proposedOwners }) => [
        ["admin", {}, admin],
        ...[...heads].flatMap(([log, { owner, root, size }]) => [
            ["headOf", { log }, { owner, size: BigInt(size), root: bytes(root) }] as const,
            ["proposedOwner", { log }, proposedOwners.get(log) ?? NO_ADDRESS] as const,
        ]),
    ],
};

describe("contracts and rules say the same of random calls", () => {
    const seed = seedOf(26) * 1_000;
    const count = 3 * SEQUENCES * LENGTH;
    console.log(`seed ${seed}, ${count} calls (METERSEAL_SEED, METERSEAL_EVM_SEQUENCES)`);

    it("single write", async () => {
        const seen = await compare(SINGLE_WRITE, seed);
        requireSeen(seen, [
            ...["NotAllowed", "NotProposed", "Replayed", "Gap", "Decreased"],
            ...["write taken", "acceptServer taken", "removeServer taken"],
        ]);
        await mine(SINGLE_WRITE, seed);
    });

    it("committed batch", async () => {
        const seen = await compare(COMMITTED_BATCH, seed);
        requireSeen(seen, [
            ...["NotAllowed", "NotProposed", "Replayed", "Gap", "Decreased"],
            ...["BadLength", "BadParent", "write taken", "acceptGroup taken"],
        ]);
        await mine(COMMITTED_BATCH, seed);
    });

    it("root anchor", async () => {
        const seen = await compare(ROOT_ANCHOR, seed);
        requireSeen(seen, [
            ...["NotAllowed", "NotProposed", "BadParent", "NotAppended"],
            ...["anchor taken", "acceptLog taken", "acceptAdmin taken"],
        ]);
        await mine(ROOT_ANCHOR, seed);
    });
});

describe("the contract of anchored roots", () => {
    it("says of every leaf and path what RFC 9162 says", async () => {
        const [owner] = accounts as [Address];
        const contract = await anvil.deploy(owner, CONTRACTS["root-anchor"].bytecode);
        const includes = async (log: Hex, leaf: Uint8Array, index: number, path: Uint8Array[]) =>
            await view("root-anchor", contract, "includes", { log, leaf, index, path });
        const leaves = Array.from({ length: 33 }, (_, i) => leafHash(Uint8Array.of(i)));
        for (const size of [1, 2, 3, 7, 8, 13, 33]) {
            const tree = MerkleLog.of(leaves.slice(0, size));
            const log = hex(Uint8Array.from({ length: 32 }, () => size));
            const send = async (call: EvmProfiles["root-anchor"]["call"]): Promise<void> => {
                const data = encodeEvmCall("root-anchor", call);
                assert.ok((await anvil.send(owner, contract, data)).isTaken);
            };
            await send({ call: "proposeLogOwner", log, owner });
            await send({ call: "acceptLog", log });
            await send({
                call: "anchor",
                log,
                previousRoot: NO_HASH,
                size,
                root: hex(tree.root()),
            });
            for (let index = 0; index < size; index++) {
                const leaf = leaves[index] as Uint8Array;
                const path = tree.inclusionPath(index);
                assert.equal(await includes(log, leaf, index, path), true, `${index} of ${size}`);
                assert.equal(await includes(log, leaf, (index + 1) % (size + 1), path), false);
                assert.equal(await includes(log, leafHash(leaf), index, path), false);
                assert.equal(await includes(log, leaf, index, [...path, leaf]), false);
                if (path.length === 0) continue;
                assert.equal(await includes(log, leaf, index, path.slice(1)), false);
                const bent = path.map((hash, i) => (i === 0 ? leafHash(hash) : hash));
                assert.equal(await includes(log, leaf, index, bent), false);
            }
        }
        assert.equal(
            await includes(`0x${"99".repeat(32)}`, leafHash(new Uint8Array()), 0, []),
            false,
        );
    });
});
