import { basename } from "node:path";
import { bytesEqual, error, formatInstant, toHex } from "@meterseal/core";
import {
    type Address,
    type AnchorProof,
    checkAnchorProof,
    EvmRpc,
    type Hex,
    parseAnchorProof,
    requireBlock,
    requireChain,
} from "@meterseal/engines/evm";
import { type LedgerState, type MerkleLog, originOf } from "@meterseal/ledger";
import type { Findings } from "../verify/findings.ts";
import { readProof } from "./place.ts";

/** Confirmations that a block needs for an auditor who asks a node. */
const CONFIRMATIONS = 6;

/** What the reader of a proof file knows beforehand. */
export type ProofTrust = {
    readonly networkId: Uint8Array | null;
    readonly contract: Address | null;
    readonly blockHash: Uint8Array | null;
    readonly rpc: string | null;
    readonly confirmations: number;
};

/** What a proof file shows, for people and programs. */
export type ProvenFile = {
    readonly chainId: number;
    readonly contract: Address;
    readonly origin: string;
    readonly size: number;
    readonly root: string;
    readonly blockNumber: number;
    readonly blockHash: Hex;
    readonly time: string;
};

/**
 * Checks a proof file by itself, and against what the reader knows.
 * @throws MetersealError MS_ANCHOR, MS_MALFORMED, MS_NETWORK, MS_EVM_CHAIN, MS_LINK
 */
export async function checkProofFile(path: string, trust: ProofTrust): Promise<ProvenFile> {
    const proof = readProof(path);
    const proven = checkAnchorProof(proof);
    if (proven instanceof Error) throw proven;
    const { blockHash, blockNumber, chainId, contract, origin, root, size, timeUnix } = proven;
    if (trust.networkId !== null && origin !== originOf(trust.networkId)) {
        throw error("MS_NETWORK", {
            where: path,
            expected: originOf(trust.networkId),
            got: origin,
        });
    }
    if (trust.contract !== null && trust.contract !== contract) {
        throw error("MS_ANCHOR", { where: path, expected: trust.contract, got: contract });
    }
    if (trust.blockHash !== null && `0x${toHex(trust.blockHash)}` !== blockHash) {
        const expected = `0x${toHex(trust.blockHash)}`;
        throw error("MS_ANCHOR", { where: path, expected, got: blockHash });
    }
    if (trust.rpc !== null) {
        const rpc = new EvmRpc(trust.rpc);
        await requireChain(rpc, chainId);
        await requireBlock(rpc, proof.block, trust.confirmations);
    }
    return {
        ...{ chainId, contract, origin, size, root: toHex(root), blockNumber, blockHash },
        time: formatInstant(timeUnix, "UTC"),
    };
}

/** What anchors are held against. */
export type AnchorCheck = {
    readonly state: LedgerState;
    readonly tree: MerkleLog;
    readonly findings: Findings;
    /** Node that knows the chain; null = blocks are taken from the proofs. */
    readonly rpc: string | null;
};

/** A proof that is read when it is checked. */
export type NamedProof = { readonly name: string; readonly read: () => AnchorProof };

/** The proof in a file. */
export function proofOfFile(path: string): NamedProof {
    return { name: basename(path), read: () => readProof(path) };
}

/** The proof that an archive carries. */
export function proofOfArchive(bytes: Uint8Array, index: number): NamedProof {
    return {
        name: `${index} of the archive`,
        read: () => parseAnchorProof(new TextDecoder().decode(bytes)),
    };
}

/**
 * Holds anchor proofs against the log that was recomputed: a root on the chain that is not the log's
 * shows that it was rewritten or cut behind it.
 */
export async function checkAnchors(
    proofs: readonly NamedProof[],
    check: AnchorCheck,
): Promise<void> {
    const { findings, rpc } = check;
    const node = rpc === null ? null : new EvmRpc(rpc);
    for (const { name, read } of proofs) {
        try {
            await checkAnchor(read(), check, node);
            findings.counts.anchors++;
        } catch (cause) {
            findings.failed(cause, `anchor ${name}`);
        }
    }
    if (findings.counts.anchors > 0 && node === null) {
        findings.notes.push(
            "Whether the blocks of the anchors are in the chain was not asked: give --rpc URL.",
        );
    }
}

/** @throws MetersealError what is wrong with one of them. */
async function checkAnchor(
    proof: AnchorProof,
    { state, tree }: AnchorCheck,
    node: EvmRpc | null,
): Promise<void> {
    const proven = checkAnchorProof(proof);
    if (proven instanceof Error) throw proven;
    const { origin, root, size } = proven;
    if (origin !== originOf(state.networkId)) throw error("MS_NETWORK", { got: origin });
    if (size > tree.size) {
        const got = `a log of ${tree.size}`;
        throw error("MS_ANCHOR", { expected: `at least ${size} entries`, got });
    }
    const ours = tree.root(size);
    if (!bytesEqual(root, ours)) {
        throw error("MS_ANCHOR", { expected: toHex(root), got: toHex(ours) });
    }
    if (node === null) return;
    await requireChain(node, proven.chainId);
    await requireBlock(node, proof.block, CONFIRMATIONS);
}
