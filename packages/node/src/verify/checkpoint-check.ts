import { bytesEqual } from "@meterseal/core";
import {
    judgeQuorum,
    type LedgerState,
    type MerkleLog,
    originOf,
    type Policy,
    type TreeHead,
    verifyCheckpoint,
} from "@meterseal/ledger";
import type { CheckpointRow } from "@meterseal/stores/sqlite";
import type { Findings } from "./findings.ts";
import type { LedgerSource } from "./source.ts";
import { FIRST_ROW } from "./vertex-check.ts";

/** What checkpoints are held against. */
export type CheckpointContext = {
    readonly tree: MerkleLog;
    /** Whether other servers write into the log too. */
    readonly isShared: boolean;
    /** Whose cosignatures are asked for; null for nobody's. */
    readonly policy: Policy | null;
};

/**
 * Compares every checkpoint with the tree; returns the latest that holds. None may be missing where
 * one server signs them with each entry; a log that several share has one now and then.
 */
export async function checkCheckpoints(
    reader: LedgerSource,
    state: LedgerState,
    { isShared, policy, tree }: CheckpointContext,
    findings: Findings,
): Promise<TreeHead | null> {
    let next = 1;
    let latest: TreeHead | null = null;
    let cosigned: { readonly size: number; readonly by: readonly string[] } | null = null;
    for await (const row of reader.checkpoints(FIRST_ROW)) {
        findings.counts.checkpoints++;
        findings.counts.signatures++;
        for (; !isShared && next < row.size && next <= tree.size; next++) {
            const message = "There is no checkpoint of this size.";
            findings.fault("MS_CHECKPOINT", `checkpoint ${next}`, message);
        }
        next = Math.max(next, row.size + 1);
        const head = checkOne(row, state, tree, findings);
        if (head === null) continue;
        latest = head;
        const verdict = policy === null ? null : judgeQuorum(policy, row.note);
        if (verdict?.met === true) cosigned = { size: row.size, by: verdict.cosigned };
    }
    for (; !isShared && next <= tree.size; next++) {
        const message = `There is none, and the log has ${tree.size} entries.`;
        findings.fault("MS_CHECKPOINT", `checkpoint ${next}`, message);
    }
    if (policy !== null) noteCosigned(cosigned, tree, findings);
    return latest;
}

function noteCosigned(
    cosigned: { readonly size: number; readonly by: readonly string[] } | null,
    { size }: MerkleLog,
    findings: Findings,
): void {
    if (cosigned === null) {
        const message = "No checkpoint carries the cosignatures that the policy asks for.";
        findings.fault("MS_WITNESS", `checkpoints up to ${size}`, message);
        return;
    }
    const by = cosigned.by.join(", ") || "nobody, as the policy allows";
    findings.notes.push(`The first ${cosigned.size} of ${size} entries are cosigned by ${by}.`);
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
