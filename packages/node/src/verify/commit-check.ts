import { type CheckedCommits, checkAgreed, checkCommits } from "@meterseal/engines/cometbft";
import type { LedgerState } from "@meterseal/ledger";
import type { Findings } from "./findings.ts";
import type { LogCheck } from "./log-check.ts";

/**
 * Holds the replayed state against the one that the validators signed: at the size of the log that
 * their latest kept header is about.
 */
export function checkCommitsOf(
    bytes: Uint8Array | null,
    log: LogCheck,
    state: LedgerState,
    findings: Findings,
): void {
    if (bytes === null) {
        findings.notes.push(
            "No commits of the validators are here: their agreement was not checked.",
        );
        return;
    }
    const checked = checkCommits(bytes);
    if (!checked.ok) {
        findings.failed(checked.error, checked.error.details.where ?? "commits");
        return;
    }
    const commits = checked.value;
    findings.counts.signatures += commits.signatures;
    findings.counts.commits += 1 + commits.changes;
    log.whenSize(commits.size, () => {
        const fault = log.rulesJudged ? checkAgreed(commits, state, log.tree) : null;
        if (fault !== null) findings.failed(fault, `block ${commits.height}`);
        else if (log.rulesJudged) findings.notes.push(sentence(commits));
    });
}

/** Names commits over more entries than there are: then the log was cut. */
export function checkCommitsReached(log: LogCheck, findings: Findings): void {
    const size = log.unreachedSize;
    if (size === null) return;
    const message = `The validators signed a log of ${size} entries; here are ${log.tree.size}.`;
    findings.fault("MS_COMMIT", `log size ${size}`, message);
}

function sentence(commits: CheckedCommits): string {
    const { chainId, changes, firstValidators, height, of, signed, size } = commits;
    const since = changes === 0 ? "" : ` ${changes} changes of the validators before,`;
    return `${signed} of ${of} validators of ${chainId} signed the state after the first ${size} entries (block ${height});${since} beginning with the set ${firstValidators}: compare it with the genesis of the chain.`;
}
