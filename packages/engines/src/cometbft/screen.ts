import { bytesEqual, error, type MetersealError, type PublicKey, toHex } from "@meterseal/core";
import { authorFault, bodyFault, type Entry, type LedgerState } from "@meterseal/ledger";
import type { Sign1 } from "@meterseal/record";
import { signaturesOf } from "../signature-jobs.ts";
import type { ReadTx } from "./tx-reader.ts";
import type { SignatureVerdicts } from "./verdicts.ts";

/** Why a transaction need not be looked at any further: the ledger has it; null where it has not. */
function duplicateOf(state: LedgerState, { tx: { entry } }: ReadTx): MetersealError | null {
    if (entry.kind !== "vertex" || !state.vertices.has(entry.vertex.id.toString())) return null;
    return error("MS_VERTEX_DUPLICATE", { where: `vertex ${entry.vertex.id}` });
}

/**
 * Why a transaction is refused before any signature is checked: the ledger has it, or its records are
 * not those that the vertex names; null where they are.
 */
export function unsignedFault(state: LedgerState, read: ReadTx): MetersealError | null {
    const { entry } = read.tx;
    const duplicate = duplicateOf(state, read);
    if (duplicate !== null || entry.kind !== "vertex") return duplicate;
    return bodyFault(entry.vertex, entry.records);
}

/**
 * What the mempool asks of a transaction that was read: that the ledger knows the keys it is signed
 * with, that it is well signed, that its records are the vertex's own, that its author may write, and
 * that the ledger does not have it. Nothing about time or parents, which may be in order by the time of the block.
 */
export function screenTx(
    state: LedgerState,
    read: ReadTx,
    verdicts: SignatureVerdicts,
): MetersealError | null {
    const fault = unsignedFault(state, read);
    if (fault !== null) return fault;
    for (const { key, message } of signaturesOf(state, read.tx.entry)) {
        if (key === undefined) return error("MS_KEY_UNKNOWN", { got: toHex(message.kid) });
        if (!verdicts.check(message, key)) return error("MS_SIGNATURE_BAD");
    }
    return outdatedFault(state, read, verdicts);
}

/** Why no block takes a transaction any more that the mempool took: the ledger has it, or its author may not write. */
export function outdatedFault(
    state: LedgerState,
    read: ReadTx,
    verdicts: SignatureVerdicts,
): MetersealError | null {
    const duplicate = duplicateOf(state, read);
    const { entry } = read.tx;
    if (duplicate !== null || entry.kind !== "vertex") return duplicate;
    const author = state.authors.get(toHex(entry.vertex.author));
    return authorFault(state, entry.vertex, author, verdicts.check);
}

/**
 * True for a block that only a faulty proposer can have put together: something that is no
 * transaction, the same one twice, a vertex before its parent or without it, or a bad signature by a
 * key that the ledger knows. A function of the block and the committed state alone.
 */
export function isFaultyProposal(
    state: LedgerState,
    txs: readonly (ReadTx | null)[],
    verdicts: SignatureVerdicts,
): boolean {
    const seen = new Set<string>();
    const known = new Set<string>();
    for (const read of txs) {
        if (read === null || seen.has(read.hash)) return true;
        seen.add(read.hash);
        if (!attaches(state, known, read)) return true;
        noteVertex(known, read);
        if (isForged(state, read, verdicts)) return true;
    }
    return false;
}

/** True for a bad signature by a key that the ledger knows. */
function isForged(
    state: LedgerState,
    { tx: { entry } }: ReadTx,
    verdicts: SignatureVerdicts,
): boolean {
    return signaturesOf(state, entry).some(({ key, message }) => {
        const signedWith = ownKeyOf(state, entry, message) ?? key;
        return signedWith !== undefined && !verdicts.check(message, signedWith);
    });
}

/**
 * The key that a vertex's author signed it with, also one that a block has replaced since: such a vertex
 * lies in honest mempools, and is for `accept()` to refuse.
 */
function ownKeyOf(state: LedgerState, entry: Entry, message: Sign1): PublicKey | undefined {
    if (entry.kind !== "vertex" || message !== entry.vertex.message) return undefined;
    const enrolment = state.keys.get(toHex(message.kid));
    const isOwn = enrolment !== undefined && bytesEqual(enrolment.id, entry.vertex.author);
    return isOwn ? enrolment.key : undefined;
}

/** True where the parents of a vertex are in the ledger, or among those that are known besides. */
export function attaches(state: LedgerState, known: ReadonlySet<string>, { tx }: ReadTx): boolean {
    if (tx.entry.kind !== "vertex") return true;
    const names = tx.entry.vertex.parents.map((parent) => parent.toString());
    return names.every((name) => state.vertices.has(name) || known.has(name));
}

/** Adds a vertex to those that are known. */
export function noteVertex(known: Set<string>, { tx: { entry } }: ReadTx): void {
    if (entry.kind === "vertex") known.add(entry.vertex.id.toString());
}

/** Bytes that a block spends on a transaction beside its own: a field tag and a length. */
const TX_OVERHEAD_BYTES = 8;

/**
 * Transactions for a block: what the ledger could take, each vertex after its parents, as many as fit.
 * What cannot attach yet stays in the mempool.
 */
export function composeBlock(
    state: LedgerState,
    txs: readonly (ReadTx | null)[],
    maxBytes: number,
): Uint8Array[] {
    const block: Uint8Array[] = [];
    const taken = new Set<string>();
    const known = new Set<string>();
    let room = maxBytes;
    let waiting = txs.filter((read) => read !== null);
    let progress = true;
    while (progress) {
        progress = false;
        const later: ReadTx[] = [];
        for (const read of waiting) {
            const size = read.bytes.length + TX_OVERHEAD_BYTES;
            if (taken.has(read.hash) || size > room) continue;
            if (!attaches(state, known, read)) {
                later.push(read);
                continue;
            }
            taken.add(read.hash);
            block.push(read.bytes);
            room -= size;
            noteVertex(known, read);
            progress = true;
        }
        waiting = later;
    }
    return block;
}
