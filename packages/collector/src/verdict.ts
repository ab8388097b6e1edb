import { type ErrorCode, error, type MetersealError } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import type { Admission } from "./admission.ts";
import type { Screened } from "./pipeline.ts";

/** One refused record: the first of its code in a message. */
export type Refusal = {
    readonly record: MeterRecord;
    readonly error: MetersealError;
    /** What its chain needs first; only of a gap. */
    readonly nextSeq: number | undefined;
};

/** What became of the records of a message. */
export type Verdict = {
    /** To be stored in this order; evidence of a conflict is among them. */
    readonly stored: readonly MeterRecord[];
    /** A record whose chain the sender is to be told about; null where nothing was taken. */
    readonly standing: MeterRecord | null;
    readonly refusals: readonly Refusal[];
};

/**
 * Applies the rules to the records of a message, in order.
 * @param timeMs - judges the dates, milliseconds since 1970.
 * @param onRefused - is told the code of each refused record.
 */
export function admitAll(
    admission: Admission,
    screened: readonly Screened[],
    timeMs: number,
    onRefused: (code: ErrorCode) => void,
): Verdict {
    const stored: MeterRecord[] = [];
    const refusals = new Map<number, Refusal>();
    let standing: MeterRecord | null = null;
    const refuse = (record: MeterRecord, refusal: MetersealError): void => {
        const code = refusal.receiptCode;
        onRefused(refusal.code);
        if (refusals.has(code)) return;
        const nextSeq = refusal.code === "MS_GAP" ? admission.nextSeq(record) : undefined;
        refusals.set(code, { record, error: refusal, nextSeq });
    };
    for (const item of screened) {
        const { record } = item;
        if (item.kind === "refused") {
            refuse(record, item.error);
            continue;
        }
        if (item.kind === "duplicate") {
            standing = record;
            continue;
        }
        const outcome = admission.admit(record, timeMs);
        if (outcome.kind === "accepted") {
            stored.push(...outcome.records);
            standing = outcome.records.at(-1) ?? record;
            if (outcome.refused !== null) refuse(outcome.refused.record, outcome.refused.error);
        } else if (outcome.kind === "duplicate") standing = record;
        else if (outcome.kind === "pending") refuse(record, error("MS_GAP"));
        else if (outcome.kind === "refused") refuse(record, outcome.error);
        else {
            stored.push(...outcome.evidence); // two histories of one key: the ledger keeps both
            refuse(record, error("MS_FROZEN"));
        }
    }
    return { stored, standing, refusals: [...refusals.values()] };
}
