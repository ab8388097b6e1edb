import { fail, type MetersealError, ok, type Result, unixOfSlot } from "@meterseal/core";
import { type Evidence, type TreeHead, type Verdict, verdictOf } from "@meterseal/ledger";
import {
    describeSum,
    type Grant,
    type GrantKeys,
    type SumDescription,
    sumWindows,
    type WindowSum,
} from "@meterseal/seal";
import { type GroupAmounts, openSum } from "./amounts.ts";
import { compareSums } from "./claims.ts";
import { type AmountsBy, amountsByOf } from "./committed.ts";
import type { ReadingPlan } from "./plan.ts";
import { type ReaderTrust, verifyRecords } from "./verify-records.ts";

/** What a reading is made of. */
export type ReadingInput = {
    readonly grant: Grant;
    /** What opened from it. */
    readonly keys: GrantKeys;
    readonly plan: ReadingPlan;
    /** Of the plan's range, with the ledger's statements about the grant. */
    readonly evidence: Evidence;
    /** `windows` of the store's answer; absent where the store was not asked for sums. */
    readonly claimed?: unknown;
    readonly trust: ReaderTrust;
};

/** A granted sum: what the store's records say of the window, and its opened amounts. */
export type GrantedSum = SumDescription & {
    /** By granted group, in units of 10^scale Wh; null where there is no answer or no key. */
    readonly amounts: readonly GroupAmounts[] | null;
    /** Why the grant does not open an answered window; null where it does. */
    readonly refusal: MetersealError | null;
};

/** What a grant gave for a range, and what was verified of it. */
export type GrantReading = {
    readonly sums: readonly GrantedSum[];
    readonly amountsBy: AmountsBy;
    readonly verdicts: {
        /** The grant, its household and every record and vertex are signed by who may sign them. */
        readonly signature: Verdict;
        /** No record of the range is missing, moved or added; all of it is in the log. */
        readonly continuity: Verdict;
        /** The store's own sums are those of the records; null where it was not asked. */
        readonly sums: Verdict | null;
    };
    readonly checkpoint: TreeHead | null;
    /** What is metered, one of MEDIUM, as the records say; undefined for electricity. */
    readonly medium: number | undefined;
    /** Last boundary in the records: nobody has shown what comes after it. Null without any. */
    readonly lastUnix: number | null;
};

/**
 * Opens the sums of a plan and verifies them from the network id up: the grant and what the ledger
 * says of it, the records of the range, and the store's own word.
 * @returns the refusals of {@link verifyRecords}: not announced, revoked, expired, not valid yet, of
 * another recipient or stream; MS_COMMITMENT where the grant opens another amount than the meter
 * committed to. Faults of the evidence are in the verdicts.
 */
export async function readGrant(input: ReadingInput): Promise<Result<GrantReading>> {
    const { claimed, evidence, grant, keys, plan, trust } = input;
    const verified = verifyRecords(grant, evidence, trust, plan.edges[0] ?? 0);
    if (!verified.ok) return verified;
    const { checkpoint, continuity, signature, signed } = verified.value;
    const sums = await sumWindows({
        ...plan,
        line: signed.line,
        source: (point) => {
            const end = signed.endOf(point);
            return end.ok ? Promise.resolve(end.value) : Promise.reject(end.error);
        },
    });
    const { slotSeconds, streamGroups } = grant;
    const said = sums.map((sum) => describeSum(sum, slotSeconds, streamGroups, grant.groups));
    const last = signed.line.lastAt(plan.ladder.endSlot);
    const opened = sums.map((sum, i) => openOne(grant, keys, sum, said[i] as SumDescription));
    const lie = opened.find(({ refusal }) => refusal?.code === "MS_COMMITMENT")?.refusal;
    // Where a proof does not hold, that is the fault: what follows from it says nothing.
    const fault = [...signature.faults, ...continuity.faults][0]?.error;
    if (lie != null) return fail(fault ?? lie);
    return ok({
        sums: opened,
        amountsBy: amountsByOf(grant, keys),
        verdicts: {
            signature,
            continuity,
            sums: claimed === undefined ? null : verdictOf(said.length, compareSums(said, claimed)),
        },
        checkpoint,
        medium: signed.medium,
        lastUnix: last === null ? null : unixOfSlot(last.slot, slotSeconds),
    });
}

function openOne(grant: Grant, keys: GrantKeys, sum: WindowSum, said: SumDescription): GrantedSum {
    if (sum.parts.length === 0) return { ...said, amounts: null, refusal: null };
    const opened = openSum(grant, keys, sum);
    return opened.ok
        ? { ...said, amounts: opened.value, refusal: null }
        : { ...said, amounts: null, refusal: opened.error };
}
