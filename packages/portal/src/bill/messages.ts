import type { Problem } from "../household/vault/messages.ts";

/** A line of a bill: what for, how often, and how much, exact. */
export type BillLine = { readonly name: string; readonly amount: string };

/** A bill that holds: everything was checked, down to the ledger. */
export type BillView = {
    readonly meterHex: string;
    readonly networkHex: string;
    readonly tariffHex: string;
    readonly fromUnix: number;
    readonly toUnix: number;
    readonly zone: string;
    readonly currency: string;
    /** Rounded to what is paid. */
    readonly total: string;
    readonly lines: readonly BillLine[];
    readonly tariffName: string;
    readonly providerName: string;
    readonly tariffLeaf: number;
    readonly slots: number;
    readonly measured: number;
    readonly records: number;
    readonly signatures: number;
    /** As of the evidence: older records are missing, none of the bill's; null where the chain is whole. */
    readonly prunedBeforeUnix: number | null;
    /** Milliseconds to verify all of it, without fetching. */
    readonly checkMs: number;
};

/** Answer of the worker that checks a bill. */
export type FromBillWorker =
    | { readonly type: "holds"; readonly bill: BillView }
    | { readonly type: "fails"; readonly problem: Problem };
