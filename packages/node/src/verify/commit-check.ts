import { toHex } from "@meterseal/core";
import { type CheckedCommits, checkAgreed, checkCommits } from "@meterseal/engines/cometbft";
import type { LedgerState } from "@meterseal/ledger";
import type { Findings } from "./findings.ts";
import type { LogCheck } from "./log-check.ts";

/** What commits are held against. */
export type CommitContext = {
    /** Whether validators order the log. */
    readonly isShared: boolean;
    /** Hash of the first validators, 32 bytes; null where the reader knows none. */
    readonly validators: Uint8Array | null;
    readonly log: LogCheck;
    readonly state: LedgerState;
    readonly findings: Findings;
};

/** Size of the log up to which validators whom the reader knows have agreed; told while it is read. */
export type Agreement = { readonly size: number };

/**
 * Holds the replayed state against the one that the validators signed: at the size of the log that
 * their latest kept header is about. Anybody can make up validators, so only those whom the reader
 * names count.
 */
export function checkCommitsOf(bytes: Uint8Array | null, context: CommitContext): Agreement {
    const { findings, isShared, log, state, validators } = context;
    const agreement = { size: 0 };
    if (bytes === null) {
        const message = "No commits of the validators are here: their agreement was not checked.";
        if (validators !== null) findings.fault("MS_COMMIT", "commits", message);
        else if (isShared) findings.notes.push(message);
        return agreement;
    }
    const checked = checkCommits(bytes);
    if (!checked.ok) {
        findings.failed(checked.error, checked.error.details.where ?? "commits");
        return agreement;
    }
    const commits = checked.value;
    const known = validators === null ? null : toHex(validators);
    findings.counts.signatures += commits.signatures;
    findings.counts.commits += 1 + commits.changes;
    if (known !== null && known !== commits.firstValidators) {
        const message = `They begin with the validators ${commits.firstValidators}, not with ${known}.`;
        findings.fault("MS_COMMIT", "commits", message);
    }
    log.whenSize(commits.size, () => {
        const fault = log.rulesJudged ? checkAgreed(commits, state, log.tree) : null;
        if (fault !== null) findings.failed(fault, `block ${commits.height}`);
        else if (log.rulesJudged) {
            findings.notes.push(sentence(commits, known));
            if (known === commits.firstValidators) agreement.size = commits.size;
        }
    });
    return agreement;
}

/** Names commits over more entries than there are: then the log was cut. */
export function checkCommitsReached(log: LogCheck, findings: Findings): void {
    const size = log.unreachedSize;
    if (size === null) return;
    const message = `The validators signed a log of ${size} entries; here are ${log.tree.size}.`;
    findings.fault("MS_COMMIT", `log size ${size}`, message);
}

function sentence(commits: CheckedCommits, known: string | null): string {
    const { chainId, changes, firstValidators, height, of, signed, size } = commits;
    const since = changes === 0 ? "" : ` ${changes} changes of the validators before,`;
    const advice = known === null ? ": compare it with the genesis of the chain" : "";
    return `${signed} of ${of} validators of ${chainId} signed the state after the first ${size} entries (block ${height});${since} beginning with the set ${firstValidators}${advice}.`;
}
