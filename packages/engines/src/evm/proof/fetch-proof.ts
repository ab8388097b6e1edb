import { error, utf8 } from "@meterseal/core";
import type { TreeHead } from "@meterseal/ledger";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { type AnchorPlace, logName } from "../client/anchors.ts";
import { blockDepth } from "../client/chain.ts";
import { bytesOf, type Hex, hexOf, isHex } from "../hex.ts";
import type { EvmRpc } from "../rpc.ts";
import { type AnchorProof, checkAnchorProof, headSlots } from "./anchor-proof.ts";
import { encodeHeader } from "./block-header.ts";

/** First topic of the event that the contract gives out with an anchor. */
const ANCHORED = hexOf(keccak_256(utf8("Anchored(bytes32,uint64,bytes32,bytes32)")));

/** Where a tree head was found on the chain. */
export type AnchoredAt = { readonly transaction: Hex; readonly blockNumber: number };

/**
 * Asks a node for the proof that a tree head stands in the contract as of a block (`eth_getProof`).
 * Nodes keep the state of some hundred blocks only, so it is asked for right after the anchor.
 * @throws MetersealError MS_LINK where the node has no such proof, or one that does not hold.
 */
export async function fetchAnchorProof(
    rpc: EvmRpc,
    place: AnchorPlace,
    { root, size }: TreeHead,
    { blockNumber, transaction }: AnchoredAt,
): Promise<AnchorProof> {
    const at = `0x${blockNumber.toString(16)}`;
    const block = await rpc.query("eth_getBlockByNumber", [at, false]);
    const fields = (block ?? {}) as Record<string, unknown>;
    const header = encodeHeader(fields);
    if (header === null || !isHex(fields.hash, 32)) {
        throw error("MS_LINK", {
            where: `${rpc.place} block ${blockNumber}`,
            got: "another header",
        });
    }
    const slots = headSlots(logName(place.origin));
    const answer = await rpc.query("eth_getProof", [place.contract, slots, at]);
    const { accountProof, storageProof } = (answer ?? {}) as Record<string, unknown>;
    const storage = Array.isArray(storageProof) ? storageProof : [];
    const proof: AnchorProof = {
        ...{ ...place, size, root, transaction },
        ...{ block: { number: blockNumber, hash: fields.hash }, header },
        accountProof: nodesOf(accountProof, rpc.place),
        storageProofs: [
            nodesOf(storage[0]?.proof, rpc.place),
            nodesOf(storage[1]?.proof, rpc.place),
        ],
    };
    const checked = checkAnchorProof(proof);
    if (!(checked instanceof Error)) return proof;
    throw error("MS_LINK", { where: `${rpc.place} eth_getProof`, got: checked.message });
}

function nodesOf(value: unknown, place: string): Uint8Array[] {
    if (Array.isArray(value) && value.every((node) => isHex(node))) return value.map(bytesOf);
    throw error("MS_LINK", { where: `${place} eth_getProof`, expected: "a list of nodes" });
}

/**
 * Checks that a block is in the chain that a node serves, so many blocks deep.
 * @throws MetersealError MS_ANCHOR where another block stands there, or too few behind it; MS_LINK.
 */
export async function requireBlock(
    rpc: EvmRpc,
    { hash, number }: { readonly number: number; readonly hash: Hex },
    confirmations: number,
): Promise<void> {
    const block = await rpc.query("eth_getBlockByNumber", [`0x${number.toString(16)}`, false]);
    const found = (block as { readonly hash?: unknown } | null)?.hash;
    const where = `${rpc.place} block ${number}`;
    if (found !== hash) {
        throw error("MS_ANCHOR", { where, expected: hash, got: String(found ?? "no such block") });
    }
    const depth = await blockDepth(rpc, number);
    if (depth >= confirmations) return;
    throw error("MS_ANCHOR", {
        where,
        expected: `${confirmations} confirmations`,
        got: `${depth}`,
    });
}

/** Where a log was anchored at a size, as the node remembers it; null where it does not. */
export async function findAnchor(
    rpc: EvmRpc,
    { contract, origin }: AnchorPlace,
    size: number,
): Promise<AnchoredAt | null> {
    const topics = [ANCHORED, logName(origin), `0x${size.toString(16).padStart(64, "0")}`];
    const asked = { address: contract, topics, fromBlock: "0x0", toBlock: "latest" };
    const logs = await rpc.query("eth_getLogs", [asked]);
    const [found] = Array.isArray(logs) ? logs : [];
    const { blockNumber, transactionHash } = (found ?? {}) as Record<string, unknown>;
    if (!isHex(transactionHash, 32) || typeof blockNumber !== "string") return null;
    return { transaction: transactionHash, blockNumber: Number(blockNumber) };
}
