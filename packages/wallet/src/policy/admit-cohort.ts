import { error, fail, ok, type Result } from "@meterseal/core";
import type { IssuedCohort, IssuedGrant } from "./journal.ts";

/**
 * Whether a household may make tokens for a cohort, after what its journal says it made before.
 * Under two masks one window's tokens give each other away, and sums over two sets of members their
 * difference; so there is one set of tokens per window, and windows of another level within it only
 * among the same members (formats 9). The caller appends the grant to the journal before the tokens
 * leave: that is what makes this rule outlive a restart.
 * @param stream - id in hex.
 * @returns MS_TOKEN_REPEATED for windows of a level that have tokens; MS_COHORT for other members
 * in a time that has tokens at another level.
 */
export function admitCohort(
    issued: readonly IssuedGrant[],
    stream: string,
    cohort: IssuedCohort,
): Result<IssuedCohort> {
    for (const { released, ...grant } of issued) {
        if (released.kind !== "cohort" || grant.stream !== stream) continue;
        const made = released.cohort;
        const isApart = made.toSlot <= cohort.fromSlot || cohort.toSlot <= made.fromSlot;
        if (isApart || !made.groups.some((group) => cohort.groups.includes(group))) continue;
        if (made.level === cohort.level) {
            const got = `level ${made.level} in cohort ${made.hash.slice(0, 16)}`;
            return fail(error("MS_TOKEN_REPEATED", { got }));
        }
        if (made.members.join() !== cohort.members.join()) {
            const expected = "the members of the cohort of this time at another level";
            return fail(error("MS_COHORT", { expected, got: made.hash.slice(0, 16) }));
        }
    }
    return ok(cohort);
}
