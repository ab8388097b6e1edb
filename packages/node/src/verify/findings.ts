import { type ErrorCode, MetersealError } from "@meterseal/core";

/** One thing that does not hold: what, and where. */
export type VerifyFault = {
    readonly code: ErrorCode;
    readonly where: string;
    readonly message: string;
};

/** Faults named one by one; beyond this only their number is kept. */
const FAULTS_NAMED_MAX = 1_000;

/** Collects what a check found and how much it looked at. */
export class Findings {
    readonly faults: VerifyFault[] = [];
    readonly notes: string[] = [];
    readonly counts = {
        enrolments: 0,
        /** Messages that admitted a household, provider or monitor, or gave it a new key. */
        parties: 0,
        notices: 0,
        tariffs: 0,
        /** Grants and policies of the grant box. */
        boxed: 0,
        /** Meters and collectors removed for cause. */
        revocations: 0,
        /** Entries that say what is left of old records … */
        prunings: 0,
        /** … and records of which only that is left. */
        pruned: 0,
        vertices: 0,
        records: 0,
        /** Records stored and not in the ledger yet. */
        looseRecords: 0,
        /** Register boundaries in usage records. */
        readings: 0,
        leaves: 0,
        checkpoints: 0,
        signatures: 0,
        /** Signed headers of a consensus engine. */
        commits: 0,
        /** Proofs of what signers contradicted themselves in. */
        contradictions: 0,
        outboxes: 0,
        /** Tree heads on an EVM chain whose proofs hold. */
        anchors: 0,
        /** Answers of the operator to parties, beside the server. */
        answers: 0,
        /** Households whose sealed registers were opened and checked with a key. */
        keys: 0,
        /** Boundaries whose commitments were held against the registers that a key opened. */
        commitments: 0,
        /** Faults beyond those named. */
        furtherFaults: 0,
    };

    /** Notes a fault. */
    fault(code: ErrorCode, where: string, message: string): void {
        if (this.faults.length >= FAULTS_NAMED_MAX) this.counts.furtherFaults++;
        else this.faults.push({ code, where, message });
    }

    /** Notes a fault that an error describes. */
    failed(cause: unknown, where: string): void {
        if (cause instanceof MetersealError) this.fault(cause.code, where, cause.explanation);
        else this.fault("MS_INTERNAL", where, String(cause));
    }
}
