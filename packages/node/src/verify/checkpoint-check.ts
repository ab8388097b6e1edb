import { bytesEqual } from "@meterseal/core";
import {
    type LedgerState,
    type MerkleLog,
    originOf,
    type TreeHead,
    verifyCheckpoint,
} from "@meterseal/ledger";
import type { CheckpointRow, StoreReader } from "@meterseal/stores/sqlite";
import type { Findings } from "./findings.ts";
import { FIRST_ROW } from "./vertex-check.ts";

/**
 * Compares every checkpoint with the tree; returns the latest that holds. None may be missing where
 * one server signs them with each entry; a log that several share has one now and then.
 */
export async function checkCheckpoints(
    reader: StoreReader,
    state: LedgerState,
    { isShared, tree }: { readonly tree: MerkleLog; readonly isShared: boolean },
    findings: Findings,
): Promise<TreeHead | null> {
    let next = 1;
    let latest: TreeHead | null = null;
    for await (const row of reader.checkpoints(FIRST_ROW)) {
        findings.counts.checkpoints++;
        findings.counts.signatures++;
        for (; !isShared && next < row.size && next <= tree.size; next++) {
            const message = "There is no checkpoint of this size.";
            findings.fault("MS_CHECKPOINT", `checkpoint ${next}`, message);
        }
        next = Math.max(next, row.size + 1);
        latest = checkOne(row, state, tree, findings) ?? latest;
    }
    for (; !isShared && next <= tree.size; next++) {
        const message = `There is none, and the log has ${tree.size} entries.`;
        findings.fault("MS_CHECKPOINT", `checkpoint ${next}`, message);
    }
    const open = tree.size - (latest?.size ?? 0);
    if (isShared && open > 0) {
        findings.notes.push(
            `The last ${open} entries of the log stand under no signed checkpoint here yet.`,
        );
    }
    return latest;
}

function checkOne(
    { note, size }: CheckpointRow,
    { genesis, networkId }: LedgerState,
    tree: MerkleLog,
    findings: Findings,
): TreeHead | null {
    const where = `checkpoint ${size}`;
    const trust = { origin: originOf(networkId), publicKey: genesis.logKey };
    const head = verifyCheckpoint(note, trust);
    if (!head.ok) findings.failed(head.error, where);
    else if (head.value.size !== size || size > tree.size) {
        const message = `It states size ${head.value.size}; the log has ${tree.size} entries.`;
        findings.fault("MS_CHECKPOINT", where, message);
    } else if (!bytesEqual(head.value.root, tree.root(size))) {
        findings.fault("MS_CHECKPOINT", where, "Its root is not the root of the log.");
    } else return head.value;
    return null;
}
