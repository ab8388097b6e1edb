import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
    type Address,
    deployAnchors,
    EvmRpc,
    type EvmRpcAnswer,
    type EvmSigner,
    encodeEvmCall,
    type Hex,
    readAnchor,
    type SenderOptions,
} from "@meterseal/engines/evm";
import {
    anchored,
    CHAIN,
    deployed,
    GWEI,
    headOf,
    LOG,
    ORIGIN,
    refusal,
    start,
    until,
    type World,
    worldOf,
    writer,
} from "./anchor-world.ts";
import type { Anvil } from "./anvil.ts";

type Honest = () => Promise<EvmRpcAnswer>;

/** What a node answers to a call; undefined for what the chain behind it does. */
type Answer = (method: string, honest: Honest, params: readonly unknown[]) => unknown;

/** A node that answers some calls otherwise than the chain behind it. */
class Node extends EvmRpc {
    readonly #answer: Answer;

    constructor({ url }: Anvil, answer: Answer) {
        super(url);
        this.#answer = answer;
    }

    override async ask(method: string, params: readonly unknown[]): Promise<EvmRpcAnswer> {
        const honest = (): Promise<EvmRpcAnswer> => super.ask(method, params);
        const result = await this.#answer(method, honest, params);
        return result === undefined ? await honest() : { ok: true, result };
    }
}

/** A node whose first answer to one method is another one. */
function lyingOnce(anvil: Anvil, method: string, lie: unknown): Node {
    let lies = 1;
    return new Node(anvil, (asked) => (asked === method && lies-- > 0 ? lie : undefined));
}

const nextNumber = async ({ options }: World): Promise<number> => {
    const asked = [options.signer.address, "latest"];
    return Number(await options.rpc.quantity("eth_getTransactionCount", asked));
};

/** Sends another transaction of the account, as its wallet does. */
async function sendOther({ options }: World, nonce: number, gwei: bigint): Promise<Hex> {
    const { rpc, signer } = options;
    const fees = { maxFeePerGas: gwei * GWEI, maxPriorityFeePerGas: gwei * GWEI };
    const call = { to: signer.address, data: "0x" as Hex, gasLimit: 21_000n };
    const raw = await signer.sign({ chainId: CHAIN, nonce, ...call, ...fees });
    return (await rpc.query("eth_sendRawTransaction", [raw])) as Hex;
}

/** What is awaited, with a block now and then. */
async function whileMining<T>(anvil: Anvil, awaited: Promise<T>): Promise<T> {
    const ended = awaited.then(
        () => true,
        () => true,
    );
    const tick = async (): Promise<boolean> => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return false;
    };
    while (!(await Promise.race([ended, tick()]))) await anvil.mine();
    return await awaited;
}

const SOON: Partial<SenderOptions> = { raiseAfterMs: 200, waitMs: 5_000 };

describe("a node that lies about the account's number", () => {
    it("blocks anchoring no longer than until the transaction would pay more", async () => {
        const world = await worldOf(await start());
        const contract = await deployed(world);
        const rpc = lyingOnce(world.anvil, "eth_getTransactionCount", "0x3e8");
        const outcome = await writer(world, contract, { ...SOON, rpc }).anchor(headOf(5));
        assert.equal(outcome.kind, "anchored");
        assert.deepEqual(await anchored(world.anvil, contract), [5]);
        assert.equal(world.kept.load(), null);
    });

    it("is not believed where no number is so high, and nothing is kept", async () => {
        const world = await worldOf(await start());
        const contract = await deployed(world);
        const lie = `0x${(2n ** 60n).toString(16)}`;
        const rpc = lyingOnce(world.anvil, "eth_getTransactionCount", lie);
        const told = writer(world, contract, { ...SOON, rpc }).anchor(headOf(5));
        assert.equal(await refusal(told), "MS_LINK");
        assert.equal(world.kept.text, null);
        assert.equal((await writer(world, contract).anchor(headOf(5))).kind, "anchored");
    });

    it("is no worse than a pool that drops another transaction of the account", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        await anvil.rpc.query("evm_setAutomine", [false]);
        const other = await sendOther(world, await nextNumber(world), 90n);
        const anchoring = writer(world, contract, { waitMs: 5_000 }).anchor(headOf(5));
        await until(world, /the anchor of 5 entries sent|asks for more/);
        await anvil.rpc.query("anvil_dropTransaction", [other]);
        assert.equal((await whileMining(anvil, anchoring)).kind, "anchored");
        assert.deepEqual(await anchored(anvil, contract), [5]);
    });
});

describe("a node that is behind", () => {
    it("with a receipt does not end the wait for the transaction", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        let isHidden = false;
        const rpc = new Node(anvil, async (method, honest) => {
            if (method !== "eth_getTransactionReceipt" || isHidden) return undefined;
            const answer = await honest();
            isHidden = answer.ok && answer.result !== null;
            return null;
        });
        const asked = writer(world, contract, { rpc, confirmations: 6 }).anchor(headOf(5));
        const outcome = await whileMining(anvil, asked);
        assert.ok(outcome.kind === "anchored");
        const latest = Number(await anvil.rpc.quantity("eth_blockNumber", []));
        assert.ok(latest - outcome.mined.blockNumber + 1 >= 6);
    });

    it("with the state accuses nobody: the next round looks again", async () => {
        const world = await worldOf(await start());
        const contract = await deployed(world);
        const early = new Map<string, unknown>();
        let isSent = false;
        const rpc = new Node(world.anvil, async (method, honest, params) => {
            if (method === "eth_sendRawTransaction") isSent = true;
            if (method !== "eth_call") return undefined;
            const [asked, answer] = [JSON.stringify(params), await honest()];
            if (!isSent && answer.ok) early.set(asked, answer.result);
            return early.get(asked);
        });
        const asked = writer(world, contract, { rpc }).anchor(headOf(5));
        assert.equal(await refusal(asked), "MS_BUSY");
        // And where the transaction is estimated by a node that is not behind.
        const later = writer(world, contract, { rpc }).anchor(headOf(7));
        assert.equal(await refusal(later), "MS_BUSY");
        assert.equal((await writer(world, contract).anchor(headOf(7))).kind, "anchored");
        assert.deepEqual(await anchored(world.anvil, contract), [5, 7]);
    });
});

describe("a transaction whose number another one of the account used", () => {
    it("is given up when that one is confirmed, and signed anew in the next round", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        await anvil.rpc.query("evm_setAutomine", [false]);
        const asked = refusal(writer(world, contract, { confirmations: 3 }).anchor(headOf(5)));
        await until(world, /the anchor of 5 entries sent/);
        const other = await sendOther(world, await nextNumber(world), 90n);
        await anvil.mine();
        assert.ok(await anvil.rpc.query("eth_getTransactionReceipt", [other]));
        await until(world, /is used/);
        assert.ok(world.kept.load(), "a block may leave the chain");
        assert.equal(await whileMining(anvil, asked), "MS_BUSY");
        assert.equal(world.kept.load(), null);
        const again = writer(world, contract).anchor(headOf(6));
        assert.equal((await whileMining(anvil, again)).kind, "anchored");
        assert.deepEqual(await anchored(anvil, contract), [6]);
    });
});

describe("a transaction that an earlier account of the log left", () => {
    /** A log whose owner's anchor of 5 entries is under way, and in no pool. */
    async function left(): Promise<
        {
            readonly [name in "admin" | "owner" | "heir"]: World;
        } & { readonly contract: Address }
    > {
        const anvil = await start();
        const [admin, owner, heir] = [
            await worldOf(anvil),
            await worldOf(anvil),
            await worldOf(anvil),
        ];
        const proposed = { origin: ORIGIN, owner: owner.options.signer.address };
        const contract = await deployAnchors(admin.options, proposed);
        await writer(owner, contract).anchor(headOf(3));
        await anvil.rpc.query("evm_setAutomine", [false]);
        const asked = writer(owner, contract, { waitMs: 100 }).anchor(headOf(5));
        assert.equal(await refusal(asked), "MS_BUSY");
        await anvil.rpc.query("anvil_dropAllTransactions", []);
        await anvil.rpc.query("evm_setAutomine", [true]);
        heir.kept.text = owner.kept.text;
        return { admin, owner, heir, contract };
    }

    it("is left alone where the log is another account's by now", async () => {
        const { admin, contract, heir, owner } = await left();
        const address = heir.options.signer.address;
        const call = { call: "proposeLogOwner", log: LOG, owner: address } as const;
        const from = admin.options.signer;
        const data = encodeEvmCall("root-anchor", call);
        const fees = { maxFeePerGas: 90n * GWEI, maxPriorityFeePerGas: GWEI };
        const nonce = await nextNumber(admin);
        const sent = { chainId: CHAIN, nonce, to: contract, data, gasLimit: 200_000n, ...fees };
        await admin.anvil.rpc.query("eth_sendRawTransaction", [await from.sign(sent)]);
        const outcome = await writer(heir, contract, SOON).anchor(headOf(6));
        assert.equal(outcome.kind, "anchored");
        assert.equal((await readAnchor(heir.anvil.rpc, contract, LOG)).owner, address);
        assert.deepEqual(await anchored(heir.anvil, contract), [3, 6]);
        assert.equal(await nextNumber(heir), 2);
        assert.match(heir.said.join(), new RegExp(`${owner.options.signer.address}.* left`));
    });

    it("is sent as it is while the log is that account's, and never signed by another", async () => {
        const { contract, heir } = await left();
        const { anvil } = heir;
        const before = heir.kept.text;
        const signer: EvmSigner = {
            address: heir.options.signer.address,
            sign: () => assert.fail("another account signed it"),
        };
        const dropping = { ...SOON, signer, waitMs: 1_000 };
        await anvil.rpc.query("evm_setAutomine", [false]);
        assert.equal(await refusal(writer(heir, contract, dropping).anchor(headOf(6))), "MS_BUSY");
        assert.equal(heir.kept.text, before);
        await anvil.mine();
        const owned = writer(heir, contract, { signer }).anchor(headOf(6));
        assert.equal(await refusal(owned), "MS_NOT_ALLOWED");
        assert.deepEqual(await anchored(anvil, contract), [3, 5]);
    });
});

describe("a lower fee cap", () => {
    it("holds for what was signed before: another form of it is sent", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        const base = async (gwei: bigint): Promise<void> => {
            const wei = `0x${(gwei * GWEI).toString(16)}`;
            await anvil.rpc.query("anvil_setNextBlockBaseFeePerGas", [wei]);
            await anvil.mine();
        };
        await anvil.rpc.query("evm_setAutomine", [false]);
        await base(20n);
        const dear = writer(world, contract, { waitMs: 100 }).anchor(headOf(5));
        assert.equal(await refusal(dear), "MS_BUSY");
        await anvil.rpc.query("anvil_dropAllTransactions", []);
        const sent: unknown[] = [];
        const rpc = new Node(anvil, (method, _, [raw]) => {
            if (method === "eth_sendRawTransaction") sent.push(raw);
            return undefined;
        });
        const feeCapWei = 5n * GWEI;
        const waiting = writer(world, contract, { rpc, feeCapWei, waitMs: 300 }).anchor(headOf(5));
        assert.equal(await refusal(waiting), "MS_BUSY");
        assert.equal(sent.length, 0);
        assert.match(world.said.join(), /not sent again/);
        await base(1n);
        world.said.splice(0);
        const cheap = writer(world, contract, { rpc, feeCapWei, waitMs: 5_000 }).anchor(headOf(5));
        await until(world, /sent as/);
        const [dearer, allowed] = world.kept.load()?.versions ?? [];
        assert.ok(dearer !== undefined && dearer.maxFeePerGas > feeCapWei);
        assert.ok(allowed !== undefined && allowed.maxFeePerGas <= feeCapWei);
        assert.equal((await whileMining(anvil, cheap)).kind, "anchored");
        assert.ok(!sent.includes(dearer.raw) && sent.includes(allowed.raw));
        assert.deepEqual(await anchored(anvil, contract), [5]);
    });
});
