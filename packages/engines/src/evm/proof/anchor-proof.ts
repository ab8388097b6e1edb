import { bytesEqual, error, fromBase64, type MetersealError, toBase64 } from "@meterseal/core";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { RLP } from "micro-eth-signer/core/rlp.js";
import { type AnchorPlace, logName } from "../client/anchors.ts";
import { CONTRACTS } from "../contracts.ts";
import { type Address, bytesOf, type Hex, hexOf, isHex } from "../hex.ts";
import { decodeHeader } from "./block-header.ts";
import { readTrie } from "./trie.ts";

/** Place of the heads among the variables of the contract: `admin`, `proposedAdmin`, `heads`. */
const HEADS_SLOT = 2n;
const FORMAT = "meterseal-anchor/v1";
/** Nodes of one trie, from the root down. */
const NODES = 65;
/** Bytes of one node: a branch with 16 hashes, or a leaf. */
const NODE_BYTES = 1_024;
const HEADER_BYTES = 2_048;

/**
 * A file that shows without any node that a tree head of a log stood in the contract when a block was
 * made: the header of the block, and the way from its state root to the contract and to the two words
 * that hold owner, size and root.
 */
export type AnchorProof = AnchorPlace & {
    readonly size: number;
    readonly root: Uint8Array;
    /** Transaction that wrote it, for who looks it up. */
    readonly transaction: Hex;
    readonly block: { readonly number: number; readonly hash: Hex };
    /** Header of the block in RLP; its keccak-256 is the block's hash. */
    readonly header: Uint8Array;
    readonly accountProof: readonly Uint8Array[];
    /** Of the word with owner and size, and of that with the root. */
    readonly storageProofs: readonly [readonly Uint8Array[], readonly Uint8Array[]];
};

/** What a proof shows once the block is known to be in the chain. */
export type ProvenAnchor = AnchorPlace & {
    readonly size: number;
    readonly root: Uint8Array;
    readonly blockNumber: number;
    readonly blockHash: Hex;
    /** Time of the block, Unix seconds: the log had that size at the latest then. */
    readonly timeUnix: number;
};

/** Keys of the two words of storage that hold a log's head. */
export function headSlots(log: Hex): readonly [Hex, Hex] {
    const first = BigInt(hexOf(keccak_256(new Uint8Array([...bytesOf(log), ...word(HEADS_SLOT)]))));
    return [hexOf(word(first)), hexOf(word(first + 1n))];
}

/**
 * Checks a proof by itself: header, account, code of the contract, both words. Whether the block is in
 * the chain is for the caller: it compares `blockHash` with one that it trusts.
 * @returns what it shows, or MS_ANCHOR with the part that does not fit.
 */
export function checkAnchorProof(proof: AnchorProof): ProvenAnchor | MetersealError {
    const header = decodeHeader(proof.header);
    if (header?.hash !== proof.block.hash || header.number !== proof.block.number) {
        return misfit("the block's header");
    }
    const account = readTrie(header.stateRoot, bytesOf(proof.contract), proof.accountProof);
    const parts = account instanceof Uint8Array ? decodeList(account, 4) : null;
    const [, , storageRoot, codeHash] = parts ?? [];
    if (storageRoot === undefined || codeHash === undefined)
        return misfit("the contract's account");
    const code = keccak_256(bytesOf(CONTRACTS["root-anchor"].runtime));
    if (!bytesEqual(codeHash, code)) return misfit("the contract's code");
    const words = headSlots(logName(proof.origin)).map((slot, i) =>
        wordBehind(readTrie(storageRoot, bytesOf(slot), proof.storageProofs[i] ?? [])),
    );
    const [packed, root] = words;
    if (packed == null || root == null) return misfit("the log's words");
    // Solidity packs from the low end: 160 bits of the owner, then 64 of the size.
    const size = Number((BigInt(hexOf(packed)) >> 160n) & 0xffff_ffff_ffff_ffffn);
    if (size !== proof.size || !bytesEqual(root, proof.root)) return misfit("size or root");
    const { chainId, contract, origin } = proof;
    const { hash: blockHash, number: blockNumber, timeUnix } = header;
    return { chainId, contract, origin, size, root, blockNumber, blockHash, timeUnix };
}

function misfit(got: string): MetersealError {
    return error("MS_ANCHOR", { where: "anchor proof", expected: "parts that fit", got });
}

/** A word of storage: leading zeros are not stored, and zero is not there. */
function wordBehind(value: Uint8Array | null | undefined): Uint8Array | null {
    if (!(value instanceof Uint8Array)) return null;
    const bytes = decodeBytes(value);
    if (bytes === null || bytes.length > 32) return null;
    const whole = new Uint8Array(32);
    whole.set(bytes, 32 - bytes.length);
    return whole;
}

function decodeBytes(rlp: Uint8Array): Uint8Array | null {
    try {
        const value = RLP.decode(rlp);
        return value instanceof Uint8Array ? value : null;
    } catch {
        return null;
    }
}

function decodeList(rlp: Uint8Array, length: number): Uint8Array[] | null {
    try {
        const list = RLP.decode(rlp);
        const isList = Array.isArray(list) && list.length === length;
        if (!isList || !list.every((part) => part instanceof Uint8Array)) return null;
        return list as Uint8Array[];
    } catch {
        return null;
    }
}

function word(value: bigint): Uint8Array {
    return bytesOf(`0x${value.toString(16).padStart(64, "0")}`);
}

/** Text of a proof file. */
export function formatAnchorProof(proof: AnchorProof): string {
    const { accountProof, chainId, contract, origin, root, size, storageProofs, transaction } =
        proof;
    const file = {
        ...{ format: FORMAT, chainId, contract, origin, size, root: toBase64(root), transaction },
        block: { ...proof.block, header: toBase64(proof.header) },
        accountProof: accountProof.map(toBase64),
        storageProofs: storageProofs.map((nodes) => nodes.map(toBase64)),
    };
    return `${JSON.stringify(file, null, 4)}\n`;
}

/**
 * Reads a proof file.
 * @throws MetersealError MS_MALFORMED for text that is none.
 */
export function parseAnchorProof(text: string): AnchorProof {
    try {
        const file = JSON.parse(text) as Record<string, unknown>;
        const { chainId, contract, format, origin, root, size, transaction } = file;
        const { hash, header, number } = file.block as Record<string, unknown>;
        const [head, tail, ...more] = file.storageProofs as unknown[];
        const isWhole =
            format === FORMAT &&
            [chainId, size, number].every(
                (each) => Number.isSafeInteger(each) && Number(each) >= 0,
            ) &&
            more.length === 0 &&
            isHex(transaction, 32) &&
            isHex(hash, 32);
        if (isWhole && isHex(contract, 20) && typeof origin === "string") {
            return {
                ...{ chainId: Number(chainId), contract: contract as Address, origin },
                ...{ size: Number(size), root: bytesIn(root, 32), transaction },
                block: { number: Number(number), hash },
                header: bytesIn(header, HEADER_BYTES),
                accountProof: nodesIn(file.accountProof),
                storageProofs: [nodesIn(head), nodesIn(tail)],
            };
        }
    } catch (cause) {
        throw error("MS_MALFORMED", { where: "anchor proof", cause });
    }
    throw error("MS_MALFORMED", { where: "anchor proof", expected: FORMAT });
}

function bytesIn(value: unknown, most: number): Uint8Array {
    const bytes = fromBase64(String(value));
    if (typeof value !== "string" || bytes.length > most) throw new Error("no bytes");
    return bytes;
}

function nodesIn(value: unknown): Uint8Array[] {
    if (!Array.isArray(value) || value.length > NODES) throw new Error("no nodes");
    return value.map((node) => bytesIn(node, NODE_BYTES));
}
