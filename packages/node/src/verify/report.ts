import { toHex } from "@meterseal/core";
import type { LedgerState, TreeHead } from "@meterseal/ledger";
import { counted } from "../console.ts";
import type { Findings, VerifyFault } from "./findings.ts";

/** Outcome of a full check. */
export type VerifyReport = {
    /** Network id, hexadecimal; null where there is no genesis. */
    readonly network: string | null;
    readonly counts: Findings["counts"];
    /** Size and root (hexadecimal) of the latest checkpoint that holds. */
    readonly checkpoint: { readonly size: number; readonly root: string } | null;
    readonly faults: readonly VerifyFault[];
    readonly notes: readonly string[];
};

/** Report of what was found in the ledger of a network. */
export function reportOf(
    findings: Findings,
    state: LedgerState | null,
    head: TreeHead | null,
): VerifyReport {
    const { counts, faults, notes } = findings;
    const checkpoint = head === null ? null : { size: head.size, root: toHex(head.root) };
    const network = state === null ? null : toHex(state.networkId);
    return { network, counts, checkpoint, faults, notes };
}

const LISTED_MAX = 20;

/** Report for a person. */
export function formatReport(report: VerifyReport): string {
    const { counts, faults } = report;
    const lines = [
        `${counts.signatures} signatures, ${counts.records} records with ${counts.readings} readings,`,
        `${counts.vertices} vertices, ${counts.leaves} log entries, ${counts.checkpoints} checkpoints, ${counts.outboxes} meter outboxes, ${counts.answers} admissions of parties checked;`,
        `${counts.enrolments} enrolments, ${counts.revocations} revocations, ${counts.parties} parties, ${counts.notices} notices, ${counts.tariffs} tariffs among the log entries, ${counts.boxed} messages in the grant box;`,
        `sealed registers opened with ${counts.keys} key files${counts.commitments === 0 ? "" : `, commitments to ${counts.commitments} boundaries checked`}.`,
        ...(counts.prunings === 0
            ? []
            : [
                  `${counted(counts.prunings, "pruning")} in the log, ${counts.pruned} of the records are there by their hashes only.`,
              ]),
        ...(counts.anchors === 0
            ? []
            : [`${counted(counts.anchors, "anchor")} on an EVM chain checked.`]),
        ...(counts.contradictions === 0
            ? []
            : [`${counts.contradictions} proofs of contradictions checked.`]),
        ...report.notes.map((note) => `Note: ${note}`),
        ...faults
            .slice(0, LISTED_MAX)
            .map((fault) => `FAULT at ${fault.where}\n      ${fault.message}`),
    ];
    const unlisted = faults.length - LISTED_MAX + counts.furtherFaults;
    if (unlisted > 0) lines.push(`… and ${unlisted} more.`);
    lines.push(
        faults.length === 0
            ? `Everything holds. Checkpoint: size ${report.checkpoint?.size ?? 0}, root ${report.checkpoint?.root ?? "none"}`
            : `${faults.length + counts.furtherFaults} faults. ${conclusionOf(faults)}`,
    );
    return lines.join("\n");
}

/** A wrong key file accuses itself, not the data. */
function conclusionOf(faults: readonly VerifyFault[]): string {
    const onlyForeignKeys = faults.every(({ code }) => code === "MS_KEY_FOREIGN");
    return onlyForeignKeys
        ? "The data hold; a key file does not belong to them."
        : "Not all of this is what was signed.";
}
