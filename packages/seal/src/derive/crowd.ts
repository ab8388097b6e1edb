import type { Stretch } from "./known.ts";
import { RowSpace } from "./row-space.ts";

/** Sums over a set of households that somebody gets, window by window. */
export type CohortHolding = Stretch & {
    /** Party ids as text. */
    readonly members: readonly string[];
};

/**
 * Fewest households that one household hides among, towards who holds sums over several sets of
 * them at one time: 1 where its own use follows exactly. Single sets and the difference of every
 * two are looked at, and whether elimination over all sets gives the household itself; a smaller
 * crowd by combining three or more sets is not searched for.
 * @param own - party id of the household.
 * @param known - households whose own use the holder has: members of a coalition.
 * @returns the number, Infinity where no set holds the household.
 */
export function smallestCrowd(
    cohorts: readonly CohortHolding[],
    own: string,
    known: ReadonlySet<string>,
): number {
    let smallest = Number.POSITIVE_INFINITY;
    for (const cohort of cohorts) {
        const meeting = cohorts.filter((other) => overlap(cohort, other));
        if (follows(meeting, own, known)) return 1;
        for (const other of meeting) {
            const crowd = crowdOf(cohort, other === cohort ? null : other, known);
            if (crowd.has(own)) smallest = Math.min(smallest, crowd.size);
        }
    }
    return smallest;
}

function overlap(a: Stretch, b: Stretch): boolean {
    return a.fromSlot < b.toSlot && b.fromSlot < a.toSlot;
}

/** Households that the difference of two sums is about; none where both are about the same. */
function crowdOf(
    cohort: CohortHolding,
    other: CohortHolding | null,
    known: ReadonlySet<string>,
): Set<string> {
    const members = new Set(cohort.members);
    const others = new Set(other?.members ?? []);
    return members.symmetricDifference(others).difference(known);
}

function follows(
    cohorts: readonly CohortHolding[],
    own: string,
    known: ReadonlySet<string>,
): boolean {
    const numbers = new Map<string, number>();
    const numberOf = (member: string): number => {
        const number = numbers.get(member) ?? numbers.size;
        numbers.set(member, number);
        return number;
    };
    const space = new RowSpace();
    for (const { members } of cohorts) {
        const unknown = members.filter((member) => !known.has(member));
        space.add(new Map(unknown.map((member) => [numberOf(member), 1])));
    }
    return space.reduce(new Map([[numberOf(own), 1]])).size === 0;
}
