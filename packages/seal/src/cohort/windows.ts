import { error, fail, type Ladder, LIMITS, ok, type Result } from "@meterseal/core";
import { firstFrom } from "../derive/boundaries.ts";
import type { TreeAddress } from "../stream.ts";
import type { Cohort } from "./body.ts";

/** Boundaries of a cohort's month; window i lies between boundaries i and i + 1. */
export type CohortBoundaries = {
    readonly slots: readonly number[];
    /** Where a meter takes the key of each boundary from, as long as nothing unusual happens to it. */
    readonly addresses: readonly TreeAddress[];
    /** Index of each window's first boundary at the level of the cohort: what its mask is made for. */
    readonly indices: readonly number[];
};

/**
 * Boundaries of the cohort's level in its month, both ends included. Two of one index, which a
 * change of the offset by a part of an hour makes, count as the first of them.
 * @param ladder - of the cohort's zone and slot length.
 * @returns MS_COHORT for another ladder, or for more than {@link LIMITS.cohortWindows} windows.
 */
export function cohortBoundaries(cohort: Cohort, ladder: Ladder): Result<CohortBoundaries> {
    const { month, level } = cohort;
    if (ladder.zone !== cohort.zone || ladder.slotSeconds !== cohort.slotSeconds) {
        const expected = `slots of ${cohort.slotSeconds} s in ${cohort.zone}`;
        return fail(
            error("MS_COHORT", { expected, got: `${ladder.slotSeconds} s in ${ladder.zone}` }),
        );
    }
    const first = monthStart(ladder, month);
    const last = monthStart(ladder, month + 1);
    const slots: number[] = [];
    const indices: number[] = [];
    for (let at = firstFrom(ladder, level, first, last); at !== null; ) {
        const index = ladder.indexAt(at, level);
        if (at === last || indices.at(-1) !== index) {
            slots.push(at);
            if (at !== last) indices.push(index);
        }
        if (indices.length > LIMITS.cohortWindows) {
            const expected = `at most ${LIMITS.cohortWindows} windows in a month`;
            return fail(error("MS_COHORT", { expected, todo: "Choose a coarser level." }));
        }
        at = firstFrom(ladder, level, at + 1, last);
    }
    return ok({ slots, addresses: slots.map((slot) => ladder.addressOf(slot)), indices });
}

/** First slot of a civil month; of the one behind the last, the ladder's end. */
function monthStart(ladder: Ladder, month: number): number {
    let low = 0;
    let high = ladder.endSlot;
    while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if (ladder.indexAt(middle, 3) < month) low = middle + 1;
        else high = middle;
    }
    return low;
}
