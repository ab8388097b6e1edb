import { error, fail, ok, type Result } from "@meterseal/core";
import { type Cohort, CROWD_MIN } from "./body.ts";

/** What a feeder's own meter counted over a window that its cohorts were added up for. */
export type Balance = {
    readonly feeder: bigint;
    readonly cohorts: bigint;
    /** The rest: losses, and what meters outside of all cohorts used. */
    readonly rest: bigint;
};

/**
 * Whether the cohorts of a feeder may be set against its own meter: the rest is the use of meters
 * in no cohort, so these are none or at least eight (formats 9).
 * @param cohorts - all of one feeder, month and level.
 * @returns the meters outside; MS_COHORT where they are one to seven, or where the cohorts are not
 * of one feeder, month and level, share a member, or count its meters differently.
 */
export function metersOutside(cohorts: readonly Cohort[]): Result<number> {
    const [first] = cohorts;
    const refuse = (expected: string, got?: string): Result<number> =>
        fail(error("MS_COHORT", { expected, ...(got === undefined ? {} : { got }) }));
    if (first === undefined) return refuse("at least one cohort");
    const streams = new Set<string>();
    let members = 0;
    for (const cohort of cohorts) {
        const isSame = (
            ["feeder", "month", "level", "zone", "slotSeconds", "scale", "feederMeters"] as const
        ).every((field) => cohort[field] === first[field]);
        if (!isSame)
            return refuse("cohorts of one feeder, month and level, with one count of its meters");
        for (const { stream } of cohort.members) streams.add(String(stream));
        members += cohort.members.length;
    }
    if (streams.size !== members) return refuse("cohorts without a member in common");
    const outside = first.feederMeters - members;
    if (outside < 0) return refuse("a feeder with at least the members of its cohorts");
    if (outside > 0 && outside < CROWD_MIN) {
        return refuse(`no meter outside of all cohorts, or at least ${CROWD_MIN}`, `${outside}`);
    }
    return ok(outside);
}

/** Sets what the feeder's meter counted against the cohorts' sums over the same window. */
export function balanceOf(feeder: bigint, sums: readonly bigint[]): Balance {
    const cohorts = sums.reduce((sum, value) => sum + value, 0n);
    return { feeder, cohorts, rest: feeder - cohorts };
}
