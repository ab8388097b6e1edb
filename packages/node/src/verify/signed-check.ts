import { LIMITS } from "@meterseal/core";
import { checkBlockHead } from "@meterseal/engines/cometbft";
import type { BlockHead, LedgerState, Policy, TreeHead } from "@meterseal/ledger";
import { checkCheckpoints } from "./checkpoint-check.ts";
import { checkCommitsOf, checkCommitsReached } from "./commit-check.ts";
import type { Findings } from "./findings.ts";
import type { LogCheck } from "./log-check.ts";
import type { LedgerSource } from "./source.ts";

/** A log, and what stands beside its entries. */
export type SignedLog = {
    readonly source: LedgerSource;
    /** Entries that it is said to have. */
    readonly size: number;
    /** Last block of the validators; null where one server orders the log. */
    readonly block: BlockHead | null;
    /** What the validators signed; null where none of it is there. */
    readonly commits: Uint8Array | null;
    /** Whose cosignatures are asked for; null for nobody's. */
    readonly policy: Policy | null;
    /** Hash of the first validators, 32 bytes; null where the reader knows none. */
    readonly validators: Uint8Array | null;
};

/**
 * Walks the log and holds it against everything that was signed over it: checkpoints, commits of the
 * validators, and their last block.
 * @returns the latest checkpoint that holds.
 */
export async function checkSignedLog(
    { block, commits, policy, size, source, validators }: SignedLog,
    log: LogCheck,
    { findings, state }: { readonly findings: Findings; readonly state: LedgerState },
    onProgress: (done: number) => void,
): Promise<TreeHead | null> {
    const isShared = block !== null;
    const check = { isShared, validators, log, state, findings };
    const agreement = checkCommitsOf(commits, check);
    await log.run(onProgress, size);
    checkCommitsReached(log, findings);
    const context = { tree: log.tree, isShared, policy };
    const head = await checkCheckpoints(source, state, context, findings);
    if (!isShared) return head; // a checkpoint was asked for at each size
    checkUnsigned(Math.max(agreement.size, head?.size ?? 0), log, state, findings);
    const fault = log.rulesJudged ? checkBlockHead(block, state, log.tree) : null;
    if (fault !== null) findings.failed(fault, `block ${block.height}`);
    return head;
}

/**
 * A log that several share is signed a moment after its entries, so its end may stand under no signature.
 * Anybody can write such an end, and say that several share the log: it is taken for a short time only.
 */
function checkUnsigned(
    signedSize: number,
    { timesMs, tree }: LogCheck,
    { genesis }: LedgerState,
    findings: Findings,
): void {
    const open = tree.size - signedSize;
    if (open <= 0) return;
    const sinceMs = timesMs[signedSize - 1] ?? genesis.createdUnix * 1000;
    const entries = `The last ${open} entries of the log stand under no checkpoint of its key here, nor under commits of validators whom you named`;
    if ((timesMs.at(-1) ?? 0) - sinceMs <= LIMITS.unsignedLogSeconds * 1000) {
        const forgeable = "their times, and that none is missing among them, are nobody's word yet";
        findings.notes.push(`${entries}: ${forgeable}.`);
        return;
    }
    const remedy =
        "take the checkpoints of whoever signs them, or name the network's first validators (--validators)";
    findings.fault("MS_CHECKPOINT", `leaf ${signedSize}`, `${entries}: ${remedy}.`);
}
