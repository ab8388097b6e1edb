import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { MetersealError, sha256, utf8 } from "@meterseal/core";
import {
    type Address,
    type AnchorPlace,
    type AnchorProof,
    AnchorWriter,
    checkAnchorProof,
    deployAnchors,
    fetchAnchorProof,
    formatAnchorProof,
    keySigner,
    logName,
    type PendingTransaction,
    parseAnchorProof,
    requireBlock,
    type SenderOptions,
} from "@meterseal/engines/evm";
import type { TreeHead } from "@meterseal/ledger";
import { Anvil } from "./anvil.ts";

const ORIGIN = "meterseal/proofs";
const CHAIN = 31_337;
const headOf = (size: number): TreeHead => ({ size, root: sha256(utf8(`proof ${size}`)) });

let anvil: Anvil;
let place: AnchorPlace;
let proofs: AnchorProof[];

before(async () => {
    anvil = await Anvil.start();
    const signer = keySigner(randomBytes(32));
    await anvil.rpc.query("anvil_setBalance", [signer.address, "0x56bc75e2d63100000"]);
    let kept: PendingTransaction | null = null;
    const options: SenderOptions = {
        ...{ rpc: anvil.rpc, chainId: CHAIN, signer, confirmations: 1, feeCapWei: 10n ** 11n },
        ...{ pollMs: 10, raiseAfterMs: 60_000, waitMs: 30_000, clock: { nowMs: () => Date.now() } },
        pending: {
            load: () => kept,
            save: (pending) => {
                kept = pending;
            },
        },
        signal: new AbortController().signal,
    };
    const contract = await deployAnchors(options, { origin: ORIGIN, owner: signer.address });
    place = { chainId: CHAIN, contract, origin: ORIGIN };
    const rootAt = (size: number): Promise<Uint8Array> => Promise.resolve(headOf(size).root);
    const writer = new AnchorWriter({ ...options, place, rootAt });
    proofs = [];
    for (const size of [3, 300, 2 ** 40]) {
        const outcome = await writer.anchor(headOf(size));
        assert.ok(outcome.kind === "anchored");
        const { blockNumber, hash: transaction } = outcome.mined;
        proofs.push(
            await fetchAnchorProof(anvil.rpc, place, headOf(size), { blockNumber, transaction }),
        );
    }
});
after(async () => await anvil.stop());

/** What a changed proof comes to: its code, or what it shows. */
const verdict = (proof: AnchorProof): string => {
    const checked = checkAnchorProof(proof);
    return checked instanceof MetersealError ? checked.code : `${checked.size} entries`;
};

describe("the proof of an anchor", () => {
    it("holds by itself, from a file, after newer anchors", () => {
        for (const proof of proofs) {
            const read = parseAnchorProof(formatAnchorProof(proof));
            assert.deepEqual(read, proof);
            const checked = checkAnchorProof(read);
            assert.ok(!(checked instanceof Error));
            assert.deepEqual([checked.size, checked.root], [proof.size, headOf(proof.size).root]);
            assert.ok(checked.timeUnix > 1.6e9);
            assert.equal(checked.blockHash, proof.block.hash);
        }
    });

    it("holds for nothing but its own chain state, contract, log, size and root", () => {
        const [proof, other] = proofs as [AnchorProof, AnchorProof];
        const changes: [string, Partial<AnchorProof>][] = [
            ["size", { size: 4 }],
            ["root", { root: headOf(4).root }],
            ["log", { origin: "meterseal/other" }],
            ["contract", { contract: `0x${"12".repeat(20)}` as Address }],
            ["block", { block: other.block }],
            ["number", { block: { ...proof.block, number: proof.block.number + 1 } }],
            ["header", { header: other.header }],
            ["header and block", { header: other.header, block: other.block }],
            ["account", { accountProof: other.accountProof }],
            ["words", { storageProofs: other.storageProofs }],
            [
                "words in the other order",
                { storageProofs: [proof.storageProofs[1], proof.storageProofs[0]] },
            ],
            ["no account", { accountProof: [] }],
            ["no words", { storageProofs: [[], []] }],
            ["a node more", { accountProof: [...proof.accountProof, ...proof.accountProof] }],
        ];
        for (const [what, change] of changes) {
            assert.equal(verdict({ ...proof, ...change }), "MS_ANCHOR", what);
        }
        assert.equal(verdict(proof), "3 entries");
    });

    it("does not survive one bit in any part", () => {
        const [proof] = proofs as [AnchorProof];
        const bend = (bytes: Uint8Array, bit: number): Uint8Array => {
            const bent = Uint8Array.from(bytes);
            bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
            return bent;
        };
        const bendAll = (
            bytes: Uint8Array,
            put: (bent: Uint8Array) => Partial<AnchorProof>,
        ): void => {
            for (let bit = 0; bit < bytes.length * 8; bit += 7) {
                assert.equal(
                    verdict({ ...proof, ...put(bend(bytes, bit)) }),
                    "MS_ANCHOR",
                    `bit ${bit}`,
                );
            }
        };
        bendAll(proof.header, (header) => ({ header }));
        const { accountProof, storageProofs } = proof;
        for (const [i, node] of accountProof.entries()) {
            bendAll(node, (bent) => ({ accountProof: accountProof.with(i, bent) }));
        }
        const [first, second] = storageProofs;
        for (const [i, node] of first.entries()) {
            bendAll(node, (bent) => ({ storageProofs: [first.with(i, bent), second] }));
        }
        for (const [i, node] of second.entries()) {
            bendAll(node, (bent) => ({ storageProofs: [first, second.with(i, bent)] }));
        }
    });

    it("is refused as a file with anything else in it", () => {
        const [proof] = proofs as [AnchorProof];
        const file = JSON.parse(formatAnchorProof(proof)) as Record<string, unknown>;
        const broken: unknown[] = [
            { ...file, format: "meterseal-anchor/v2" },
            { ...file, size: -1 },
            { ...file, contract: "0x12" },
            { ...file, block: null },
            { ...file, accountProof: "no list" },
            { ...file, storageProofs: [[], [], []] },
            { ...file, accountProof: [Buffer.alloc(2_000).toString("base64")] },
            [],
            null,
        ];
        for (const each of broken) {
            assert.throws(() => parseAnchorProof(JSON.stringify(each)), /MS_MALFORMED/);
        }
        assert.throws(() => parseAnchorProof("{"), /MS_MALFORMED/);
    });

    it("counts where a node has its block, deep enough", async () => {
        const [proof] = proofs as [AnchorProof];
        await requireBlock(anvil.rpc, proof.block, 2);
        await assert.rejects(requireBlock(anvil.rpc, proof.block, 1_000), /MS_ANCHOR/);
        const other = { ...proof.block, hash: logName("another block") };
        await assert.rejects(requireBlock(anvil.rpc, other, 1), /MS_ANCHOR/);
        const future = { ...proof.block, number: 1_000_000 };
        await assert.rejects(requireBlock(anvil.rpc, future, 1), /MS_ANCHOR/);
    });

    it("is not asked for what the chain does not hold", async () => {
        const [proof] = proofs as [AnchorProof];
        const { transaction } = proof;
        const at = { transaction, blockNumber: proof.block.number };
        await assert.rejects(fetchAnchorProof(anvil.rpc, place, headOf(4), at), /MS_LINK/);
    });
});
