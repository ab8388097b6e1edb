import { bytesEqual, toHex, unwrap } from "@meterseal/core";
import {
    checkSplitView,
    type MerkleLog,
    originOf,
    signCheckpoint,
    verifyCheckpoint,
    verifyConsistency,
    verifyInclusion,
} from "@meterseal/ledger";
import type { SeededRandom } from "../random.ts";
import type { OrgHost } from "./host.ts";

/** Pairs of tree heads and receipts that are looked at in each run. */
const PAIRS = 6;
const RECEIPTS = 60;

type Tree = { readonly log: MerkleLog; readonly roots: readonly Uint8Array[] };

/** Checks receipts, growth of the log and its checkpoints, from the outside and offline. */
export async function checkProofs(host: OrgHost, tree: Tree, random: SeededRandom): Promise<void> {
    checkReceipts(host, tree, random);
    checkGrowth(host, tree, random);
    await checkCheckpoint(host, tree);
}

/** Each final receipt names the leaf of its record, in a tree that the log had. */
function checkReceipts(
    { notes, trace, watch }: OrgHost,
    { log, roots }: Tree,
    random: SeededRandom,
): void {
    for (const final of random.shuffle(notes.finals).slice(0, RECEIPTS)) {
        const { checkpoint, leafIndex: index, recordHash } = final;
        const entry = watch.log[index]?.entry;
        const holds =
            entry?.kind === "vertex" &&
            entry.records.some(({ message }) => bytesEqual(message.hash, recordHash));
        const where = `final receipt of ${toHex(final.subject)}/${final.seq}`;
        trace.check("I7", holds, () => `${where}: its record is not in leaf ${index}`);
        const root = checkpoint === undefined ? undefined : roots[checkpoint.size];
        const isKnown =
            checkpoint !== undefined && root !== undefined && bytesEqual(root, checkpoint.root);
        trace.check("I7", isKnown, () => `${where}: its checkpoint is none of the log's`);
        if (checkpoint === undefined || root === undefined || index >= checkpoint.size) {
            trace.complain("I7", `${where}: its leaf is not in its checkpoint`);
            continue;
        }
        const { size } = checkpoint;
        const path = log.inclusionPath(index, size);
        const proof = { leafHash: log.leafHash(index), index, path, size, root };
        trace.check("I7", verifyInclusion(proof), () => `${where}: its proof does not hold`);
        const other = { ...proof, index: index === 0 ? size - 1 : index - 1 };
        const fooled = size > 1 && verifyInclusion(other);
        trace.check("I7", !fooled, () => `${where}: its proof holds at another place`);
    }
}

/** Any two trees of the log are one history, and a changed bit is none. */
function checkGrowth({ trace }: OrgHost, { log, roots }: Tree, random: SeededRandom): void {
    if (log.size < 2) return;
    for (let left = PAIRS; left > 0; left--) {
        const oldSize = 1 + random.below(log.size - 1);
        const newSize = oldSize + 1 + random.below(log.size - oldSize);
        const [oldRoot, newRoot] = [roots[oldSize] as Uint8Array, roots[newSize] as Uint8Array];
        const path = log.consistencyPath(oldSize, newSize);
        const proof = { oldSize, oldRoot, newSize, newRoot, path };
        trace.check("I6", verifyConsistency(proof), () => `${oldSize} does not grow to ${newSize}`);
        const changed = oldRoot.slice();
        changed[random.below(32)] = (changed[0] ?? 0) ^ 0xff;
        const isChanged = !bytesEqual(changed, oldRoot);
        const fooled = isChanged && verifyConsistency({ ...proof, oldRoot: changed });
        trace.check("I6", !fooled, () => `another tree of ${oldSize} grows to ${newSize}`);
    }
}

/** The checkpoint that the log's key signed is over this log; a second one beside it is evidence. */
async function checkCheckpoint(
    { founding, nodes, trace }: OrgHost,
    { log, roots }: Tree,
): Promise<void> {
    const { logSigner, networkId } = founding.network;
    const trust = { origin: originOf(networkId), publicKey: logSigner.publicKey };
    const note = await nodes[0]?.disk.checkpoint();
    if (note === null || note === undefined) {
        trace.complain("I6", "the log has no checkpoint");
        return;
    }
    const head = unwrap(verifyCheckpoint(note, trust));
    const isOwn = bytesEqual(roots[head.size] ?? new Uint8Array(), head.root);
    trace.check("I6", isOwn, () => `the checkpoint of size ${head.size} is over another log`);
    const forged = await signCheckpoint(logSigner, trust.origin, head.size, log.leafHash(0));
    const isEvidence = checkSplitView(note, forged, trust).ok;
    trace.check("I12", isEvidence, () => "two histories of one size are no evidence");
    trace.check("I12", !checkSplitView(note, note, trust).ok, () => "one history is two");
}
