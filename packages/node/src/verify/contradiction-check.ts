import type { LedgerState } from "@meterseal/ledger";
import { type CheckedFile, ContradictionFiles } from "../contradictions/files.ts";
import { PLACES } from "../files.ts";
import type { Findings } from "./findings.ts";

/** Checks the proofs that a server keeps of what signers contradicted themselves in, and names each. */
export function checkContradictions(
    dataDir: string,
    { networkId }: LedgerState,
    findings: Findings,
): void {
    const files = new ContradictionFiles(PLACES.contradictions(dataDir), networkId);
    for (const checked of files.list()) noteContradiction(checked, findings);
}

/** Names a proof that holds; one that does not is a fault. */
export function noteContradiction({ fault, file, proven }: CheckedFile, findings: Findings): void {
    findings.counts.contradictions++;
    if (proven === null) findings.failed(fault, `contradiction ${file}`);
    else {
        const { culprit, id, where } = proven;
        findings.notes.push(`A ${culprit} contradicted itself: ${id}, ${where} (${file}).`);
    }
}
