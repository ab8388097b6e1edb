import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
    type Address,
    AnchorWriter,
    CONTRACTS,
    decodeRefusal,
    deployAnchors,
    type EvmSigner,
    encodeEvmCall,
    type Hex,
    NO_HASH,
    readAnchor,
    remoteSigner,
} from "@meterseal/engines/evm";
import {
    anchored,
    deployed,
    GWEI,
    headOf,
    hex,
    LOG,
    ORIGIN,
    refusal,
    start,
    until,
    worldOf,
    writer,
} from "./anchor-world.ts";

describe("anchors of a log", () => {
    it("are written once, each on the one before", async () => {
        const world = await worldOf(await start());
        const contract = await deployed(world);
        const anchors = writer(world, contract);
        assert.equal((await anchors.anchor(headOf(10))).kind, "anchored");
        assert.deepEqual(await anchors.anchor(headOf(10)), { kind: "present", size: 10 });
        assert.deepEqual(await anchors.anchor(headOf(7)), { kind: "present", size: 10 });
        assert.equal((await anchors.anchor(headOf(12))).kind, "anchored");
        assert.deepEqual(await anchored(world.anvil, contract), [10, 12]);
        assert.equal(world.kept.load(), null);
        const { root, size } = await readAnchor(world.anvil.rpc, contract, LOG);
        assert.deepEqual([size, root], [12, hex(headOf(12).root)]);
    });

    it("go to the chain and contract that were named, or nowhere", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        const place = { contract, origin: ORIGIN };
        const rootAt = (): Promise<null> => Promise.resolve(null);
        const other = { ...world.options, place: { ...place, chainId: 1 }, rootAt };
        assert.equal(await refusal(new AnchorWriter(other).anchor(headOf(1))), "MS_EVM_CHAIN");
        const nobody = writer(world, world.options.signer.address);
        assert.equal(await refusal(nobody.anchor(headOf(1))), "MS_EVM_CHAIN");
        const [account] = (await anvil.accounts()) as [Address];
        const batch = await anvil.deploy(account, CONTRACTS["committed-batch"].bytecode);
        assert.equal(await refusal(writer(world, batch).anchor(headOf(1))), "MS_EVM_CHAIN");
        const wrong = { ...world.options, chainId: 1 };
        const owner = account;
        assert.equal(
            await refusal(deployAnchors(wrong, { origin: ORIGIN, owner })),
            "MS_EVM_CHAIN",
        );
        assert.deepEqual(await anchored(anvil, contract), []);
    });

    it("are refused from an account that does not own the log, before it pays", async () => {
        const anvil = await start();
        const [world, stranger] = [await worldOf(anvil), await worldOf(anvil)];
        const contract = await deployed(world);
        assert.equal(await refusal(writer(stranger, contract).anchor(headOf(3))), "MS_NOT_ALLOWED");
        const address = stranger.options.signer.address;
        assert.equal(await anvil.rpc.quantity("eth_getTransactionCount", [address, "latest"]), 0n);
    });

    it("are taken over by who was proposed", async () => {
        const anvil = await start();
        const [admin, owner] = [await worldOf(anvil), await worldOf(anvil)];
        const proposed = { origin: ORIGIN, owner: owner.options.signer.address };
        const contract = await deployAnchors(admin.options, proposed);
        assert.equal(await refusal(writer(admin, contract).anchor(headOf(3))), "MS_NOT_ALLOWED");
        assert.equal((await writer(owner, contract).anchor(headOf(3))).kind, "anchored");
    });

    it("never stand behind a root that our log did not have", async () => {
        const world = await worldOf(await start());
        const contract = await deployed(world);
        await writer(world, contract).anchor(headOf(10));
        const forked = writer(world, contract);
        assert.equal(await refusal(forked.anchor(headOf(10, "other"))), "MS_ANCHOR");
        const rootAt = (size: number): Promise<Uint8Array> =>
            Promise.resolve(headOf(size, "other").root);
        const changed = writer(world, contract, { rootAt });
        assert.equal(await refusal(changed.anchor(headOf(12, "other"))), "MS_ANCHOR");
        assert.deepEqual(await anchored(world.anvil, contract), [10]);
    });

    it("end where a call is replayed, or names another previous root", async () => {
        const world = await worldOf(await start());
        const contract = await deployed(world);
        await writer(world, contract).anchor(headOf(10));
        const root = hex(headOf(11).root);
        const asked = async (size: number, previousRoot: Hex): Promise<string> => {
            const call = { call: "anchor", log: LOG, size, previousRoot, root } as const;
            const data = encodeEvmCall("root-anchor", call);
            const from = world.options.signer.address;
            const { rpc } = world.anvil;
            const answer = await rpc.ask("eth_call", [{ from, to: contract, data }, "latest"]);
            if (answer.ok) return "taken";
            return decodeRefusal("root-anchor", answer.data ?? "0x")?.name ?? answer.message;
        };
        assert.equal(await asked(11, hex(headOf(10).root)), "taken");
        assert.equal(await asked(11, NO_HASH), "BadParent");
        assert.equal(await asked(10, hex(headOf(10).root)), "NotAppended");
    });
});

describe("a transaction that is under way", () => {
    it("is mined once after a crash before or after it was sent", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        for (const [size, crash] of [
            [5, "before"],
            [6, "after"],
        ] as const) {
            // A process that dies at the moment it sends: its file is all that is left.
            const rpc = Object.create(anvil.rpc) as typeof anvil.rpc;
            rpc.ask = async (method, params) => {
                if (method !== "eth_sendRawTransaction") return await anvil.rpc.ask(method, params);
                if (crash === "after") await anvil.rpc.ask(method, params);
                throw new Error("power cut");
            };
            const dying = writer(world, contract, { rpc }).anchor(headOf(size));
            assert.match(await refusal(dying), /power cut/);
            assert.ok(world.kept.load());
            const again = await writer(world, contract).anchor(headOf(size));
            assert.equal(again.kind, "anchored");
        }
        assert.deepEqual(await anchored(anvil, contract), [5, 6]);
    });

    it("is sent again to a node that lost it", { timeout: 60_000 }, async () => {
        const stateFile = join(tmpdir(), `meterseal-evm-${process.pid}.json`);
        try {
            const first = await start({ stateFile });
            const world = await worldOf(first);
            const contract = await deployed(world);
            await first.stop(); // gently: the chain is on the disk
            const port = Number(new URL(first.url).port);
            const second = await start({ stateFile, port, isManual: true });
            const anchoring = writer(world, contract).anchor(headOf(20));
            await until(world, /the anchor of 20 entries sent as/);
            await second.stop("SIGKILL");
            await until(world, /Trying again/);
            const third = await start({ stateFile, port });
            assert.equal((await anchoring).kind, "anchored");
            assert.deepEqual(await anchored(third, contract), [20]);
            assert.equal(world.kept.load(), null);
        } finally {
            rmSync(stateFile, { force: true });
        }
    });

    it("is sent again when its block leaves the chain", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        const snapshot = await anvil.rpc.query("evm_snapshot", []);
        const anchoring = writer(world, contract, { confirmations: 3 }).anchor(headOf(30));
        await until(world, /1 of 3 confirmations/);
        assert.equal(await anvil.rpc.query("evm_revert", [snapshot]), true);
        for (let i = 0; i < 3; i++) {
            await new Promise((resolve) => setTimeout(resolve, 150));
            await anvil.mine();
        }
        const outcome = await anchoring;
        assert.equal(outcome.kind, "anchored");
        assert.deepEqual(await anchored(anvil, contract), [30]);
    });

    it("is signed anew with another previous root where the chain lost the one before", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        const snapshot = await anvil.rpc.query("evm_snapshot", []);
        await writer(world, contract).anchor(headOf(40));
        await anvil.rpc.query("evm_revert", [snapshot]);
        assert.equal((await writer(world, contract).anchor(headOf(41))).kind, "anchored");
        assert.deepEqual(await anchored(anvil, contract), [41]);
    });

    it("waits while the chain is dear, and pays more up to the cap only", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        await anvil.rpc.query("anvil_setNextBlockBaseFeePerGas", ["0x1bf08eb000"]); // 120 gwei
        await anvil.mine();
        assert.equal(await refusal(writer(world, contract).anchor(headOf(50))), "MS_EVM_FEE");
        assert.equal(world.kept.load(), null);
        const dear = writer(world, contract, { feeCapWei: 400n * GWEI });
        assert.equal((await dear.anchor(headOf(50))).kind, "anchored");

        await anvil.rpc.query("evm_setAutomine", [false]);
        const waiting = writer(world, contract, { feeCapWei: 500n * GWEI, raiseAfterMs: 100 });
        const anchoring = waiting.anchor(headOf(51));
        await until(world, /are allowed, no more/);
        const versions = world.kept.load()?.versions ?? [];
        assert.ok(versions.length > 1);
        assert.ok(versions.every(({ maxFeePerGas }) => maxFeePerGas <= 500n * GWEI));
        await anvil.mine();
        assert.equal((await anchoring).kind, "anchored");
        assert.deepEqual(await anchored(anvil, contract), [50, 51]);
    });

    it("is kept when the wait ends, and goes on in the next run", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        await anvil.rpc.query("evm_setAutomine", [false]);
        const short = writer(world, contract, { waitMs: 200 }).anchor(headOf(60));
        assert.equal(await refusal(short), "MS_BUSY");
        await anvil.mine();
        assert.equal((await writer(world, contract).anchor(headOf(60))).kind, "anchored");
        assert.deepEqual(await anchored(anvil, contract), [60]);
    });

    it("is not begun by an account without means", async () => {
        const anvil = await start();
        const world = await worldOf(anvil);
        const contract = await deployed(world);
        await anvil.rpc.query("anvil_setBalance", [world.options.signer.address, "0x1"]);
        assert.equal(await refusal(writer(world, contract).anchor(headOf(70))), "MS_EVM_FEE");
        assert.equal(world.kept.load(), null);
    });
});

describe("signers", () => {
    it("behind JSON-RPC sign transactions, and no others than were asked for", async () => {
        const anvil = await start();
        const [address] = (await anvil.accounts()) as [Address];
        const signer = remoteSigner(anvil.rpc, address);
        const world = await worldOf(anvil, { signer });
        const contract = await deployed(world);
        assert.equal((await writer(world, contract).anchor(headOf(1))).kind, "anchored");
        const dearer: EvmSigner = {
            address,
            sign: (transaction) =>
                signer.sign({ ...transaction, gasLimit: transaction.gasLimit * 2n }),
        };
        const wrong = writer(world, contract, { signer: dearer }).anchor(headOf(2));
        assert.equal(await refusal(wrong), "MS_SIGNATURE_BAD");
        const junk: EvmSigner = { address, sign: () => Promise.resolve("0x1234") };
        const broken = writer(world, contract, { signer: junk }).anchor(headOf(2));
        assert.equal(await refusal(broken), "MS_SIGNATURE_BAD");
        assert.equal(world.kept.load(), null);
    });
});
