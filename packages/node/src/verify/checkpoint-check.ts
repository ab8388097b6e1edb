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

/** Compares every checkpoint with the tree, none missing; returns the latest that holds. */
export async function checkCheckpoints(
    reader: StoreReader,
    state: LedgerState,
    tree: MerkleLog,
    findings: Findings,
): Promise<TreeHead | null> {
    let next = 1;
    let latest: TreeHead | null = null;
    for await (const row of reader.checkpoints(FIRST_ROW)) {
        findings.counts.checkpoints++;
        findings.counts.signatures++;
        for (; next < row.size && next <= tree.size; next++) {
            const message = "There is no checkpoint of this size.";
            findings.fault("MS_CHECKPOINT", `checkpoint ${next}`, message);
        }
        next = Math.max(next, row.size + 1);
        latest = checkOne(row, state, tree, findings) ?? latest;
    }
    for (; next <= tree.size; next++) {
        const message = `There is none, and the log has ${tree.size} entries.`;
        findings.fault("MS_CHECKPOINT", `checkpoint ${next}`, message);
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
