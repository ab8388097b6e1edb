import { isSummarized } from "@meterseal/record";
import type { RecordRow } from "@meterseal/stores/sqlite";
import type { ChainCheck } from "./chain-check.ts";
import type { Findings } from "./findings.ts";
import { type LogCheck, rowName } from "./log-check.ts";

/** What a record is held against. */
export type LooseCheck = {
    readonly log: LogCheck;
    readonly chains: ChainCheck;
    readonly findings: Findings;
};

/** Checks a record that is not in the log, also one under a vertex that no entry names. */
export async function checkLoose(
    row: RecordRow,
    { chains, findings, log }: LooseCheck,
): Promise<void> {
    findings.counts.records++;
    findings.counts.looseRecords++;
    const record = log.checkColumns(row);
    if (record === null) return;
    if (isSummarized(record)) {
        findings.fault("MS_PRUNING", rowName(row), "It was pruned, and is not in the log.");
        return;
    }
    await log.checkSignature(record, rowName(row));
    chains.add(record, row.vertex);
}
