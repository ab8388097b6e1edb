import { error, fail, ok, type PublicKey, type Result } from "@meterseal/core";
import { decodeEntry, encodeEntry, type LogEntry } from "../entry.ts";
import { originOf } from "../genesis.ts";
import { leafHash } from "../merkle/hash.ts";
import type { TreeHead } from "../ports.ts";
import { formatTlogProof, parseTlogProof, verifyTlogProof } from "./tlog-proof.ts";

/** An entry of the log, and where it stands in which tree. */
export type ProvenEntry = {
    readonly entry: LogEntry;
    readonly index: number;
    readonly head: TreeHead;
};

/**
 * Proof that an entry without a body stands in the log, as one text: a C2SP tlog-proof whose extra
 * data are the entry itself, so that nothing else is needed to check it offline.
 * @param path inclusion path of the leaf, from the leaf up, in the tree of the checkpoint.
 */
export function formatEntryProof(
    entry: LogEntry,
    place: { readonly index: number; readonly path: readonly Uint8Array[] },
    checkpoint: string,
): string {
    return formatTlogProof({ ...place, extra: encodeEntry(entry), checkpoint });
}

/**
 * Checks such a proof against a network's id (32 bytes) and the log key of its genesis. What the
 * entry says is still to be judged by who reads it: its signature and its rules.
 * @returns MS_PROOF, MS_CHECKPOINT, or MS_LOG_LEAF where there is no entry in it.
 */
export function verifyEntryProof(
    text: string,
    network: { readonly networkId: Uint8Array; readonly logKey: PublicKey },
): Result<ProvenEntry> {
    const parsed = parseTlogProof(text);
    if (!parsed.ok) return parsed;
    const { extra } = parsed.value;
    const entry = extra === undefined ? null : decodeEntry(extra);
    if (extra === undefined || entry?.ok !== true) {
        return fail(error("MS_LOG_LEAF", { where: "proof", expected: "the entry as extra data" }));
    }
    const origin = originOf(network.networkId);
    const trust = { origin, publicKey: network.logKey, leafHash: leafHash(extra) };
    const proven = verifyTlogProof(text, trust);
    if (!proven.ok) return proven;
    const { index, root, size } = proven.value;
    return ok({ entry: entry.value, index, head: { size, root } });
}
