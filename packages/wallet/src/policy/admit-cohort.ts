import { error, fail, ok, type Result } from "@meterseal/core";
import type { IssuedCohort, IssuedGrant } from "./journal.ts";

/**
 * Whether a household may make tokens for a cohort, after what its journal says it made before.
 * Under two masks one window's tokens give each other away, and sums over two sets of members their
 * difference; so there is one set of tokens per window, and windows of another level within it only
 * among the same members (formats 9), each with the same stream: a home that stands in two sets with two
 * streams is their difference. Where the journal did not keep the streams, no other set is made. The caller appends the grant to the journal before the tokens
 * leave: that is what makes this rule outlive a restart.
 * @param stream - id in hex.
 * @returns MS_TOKEN_REPEATED for windows of a level that have tokens; MS_COHORT for other members or
 * streams in a time that has tokens at another level.
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
        if (!isSameSet(made, cohort)) {
            const expected =
                "the members of the cohort of this time at another level, with their streams";
            return fail(error("MS_COHORT", { expected, got: made.hash.slice(0, 16) }));
        }
    }
    return ok(cohort);
}

function isSameSet(a: IssuedCohort, b: IssuedCohort): boolean {
    if (a.streams === undefined || b.streams === undefined) return false;
    return a.members.join() === b.members.join() && a.streams.join() === b.streams.join();
}
