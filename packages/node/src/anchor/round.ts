import { error, type Log, MetersealError, toHex } from "@meterseal/core";
import {
    type AnchoredAt,
    type AnchorPlace,
    AnchorWriter,
    blockDepth,
    fetchAnchorProof,
    findAnchor,
    type SenderOptions,
} from "@meterseal/engines/evm";
import type { TreeHead } from "@meterseal/ledger";
import type { AnchorDirectory } from "./place.ts";
import type { CheckpointSource } from "./source.ts";

/** What a round of anchoring works with. */
export type AnchorRoundOptions = {
    readonly sender: SenderOptions;
    readonly place: AnchorPlace;
    readonly source: CheckpointSource;
    readonly directory: AnchorDirectory;
    readonly log: Log;
};

/** What came of a round. */
export type AnchorRound = {
    readonly size: number;
    readonly root: string;
    /** Whether this round wrote it; otherwise it was there, or a larger tree. */
    readonly isNew: boolean;
    /** Entries of the tree that the chain holds now. */
    readonly onChain: number;
    /** Path of a proof that this round kept; null where it did not. */
    readonly proof: string | null;
    readonly gasUsed: number | null;
};

/**
 * Anchors the latest tree head of a log, waits until it is confirmed, and keeps its proof.
 * @throws MetersealError what {@link AnchorWriter.anchor} throws; MS_NOT_FOUND for an empty log.
 */
export async function anchorRound(options: AnchorRoundOptions): Promise<AnchorRound> {
    const { place, sender, source } = options;
    const head = await source.latest();
    if (head === null) throw error("MS_NOT_FOUND", { where: "the log", expected: "a checkpoint" });
    const writer = new AnchorWriter({ ...sender, place, rootAt: source.rootAt });
    const outcome = await writer.anchor(head);
    const facts = { size: head.size, root: toHex(head.root) };
    if (outcome.kind === "present") {
        const proof = outcome.size === head.size ? await keepProof(options, head, null) : null;
        return { ...facts, isNew: false, onChain: outcome.size, proof, gasUsed: null };
    }
    const { blockNumber, gasUsed, hash } = outcome.mined;
    const proof = await keepProof(options, head, { blockNumber, transaction: hash });
    return { ...facts, isNew: true, onChain: head.size, proof, gasUsed };
}

/** Path of the proof of an anchor, fetched now where it is not kept yet; null where none is to be had. */
async function keepProof(
    options: AnchorRoundOptions,
    head: TreeHead,
    at: AnchoredAt | null,
): Promise<string | null> {
    const { directory, log, place, sender } = options;
    if (at === null && directory.proofOf(head.size) !== null) return null;
    try {
        const found = at ?? (await confirmedAnchor(options, head.size));
        if (found === null) return null;
        return directory.keepProof(await fetchAnchorProof(sender.rpc, place, head, found));
    } catch (cause) {
        if (!(cause instanceof MetersealError) || cause.code !== "MS_LINK") throw cause;
        log.warn("anchored, but the node gives no proof that is checked offline", {
            size: head.size,
            cause: cause.message,
        });
        return null;
    }
}

/**
 * Where an anchor is that this process did not wait for; null while its block may leave the chain: a
 * proof of such a block would be kept, and speak against an honest log.
 */
async function confirmedAnchor(
    { log, place, sender }: AnchorRoundOptions,
    size: number,
): Promise<AnchoredAt | null> {
    const { confirmations, rpc } = sender;
    const found = await findAnchor(rpc, place, size);
    if (found === null) return null;
    const depth = await blockDepth(rpc, found.blockNumber);
    if (depth >= confirmations) return found;
    log.info("its proof is kept by a later round, when the block is confirmed", {
        size,
        confirmations: `${depth} of ${confirmations}`,
    });
    return null;
}
