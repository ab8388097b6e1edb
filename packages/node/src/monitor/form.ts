import {
    compareBytes,
    concatBytes,
    error,
    type Level,
    sha256,
    u32be,
    unwrap,
    utf8,
} from "@meterseal/core";
import { type Cohort, type CohortMember, CROWD_MIN, encodeCohort } from "@meterseal/seal";

/** A stream under a feeder that may be in a cohort. */
export type Candidate = CohortMember & {
    readonly zone: string;
    readonly slotSeconds: number;
    readonly scale: number;
    readonly groups: readonly number[];
};

/** What a monitor wants to add up. */
export type CohortPlan = {
    /** Ids of network (32 bytes) and monitor (16 bytes). */
    readonly network: Uint8Array;
    readonly monitor: Uint8Array;
    readonly feeder: string;
    readonly month: number;
    readonly level: Level;
    readonly groups: readonly number[];
    /** Fewest members of a cohort. */
    readonly size: number;
    /** Meters under the feeder, also those in no cohort. */
    readonly feederMeters: number;
};

/**
 * Forms the cohorts of a feeder for a month: as many of the wanted size as there are members for,
 * the rest spread over them. Who is with whom follows from a hash over feeder, month and party: the
 * monitor does not choose, and the next month mixes anew.
 * @throws MetersealError MS_COHORT where the streams are too few, or do not fit one another.
 */
export function formCohorts(candidates: readonly Candidate[], plan: CohortPlan): Uint8Array[] {
    const { size, ...rest } = plan;
    if (size < CROWD_MIN || candidates.length < size) {
        const expected = `at least ${Math.max(size, CROWD_MIN)} streams, and no smaller cohort than ${CROWD_MIN}`;
        throw error("MS_COHORT", { expected, got: `${candidates.length} streams` });
    }
    const [first] = candidates as [Candidate];
    const { scale, slotSeconds, zone } = first;
    for (const candidate of candidates) requireFit(candidate, first, plan.groups);
    const head = concatBytes(utf8(plan.feeder), u32be(plan.month));
    const mixed = candidates
        .map((candidate) => ({ candidate, by: sha256(concatBytes(head, candidate.party)) }))
        .sort((a, b) => compareBytes(a.by, b.by));
    const count = Math.floor(candidates.length / size);
    return Array.from({ length: count }, (_, i) => {
        const members = mixed
            .filter((__, place) => place % count === i)
            .map(({ candidate: { key, party, sealEpoch, stream } }) => ({
                ...{ key, party, sealEpoch, stream },
            }))
            .sort((a, b) => compareBytes(a.party, b.party));
        const cohort: Cohort = {
            ...rest,
            scale,
            slotSeconds,
            zone,
            minimum: size,
            members,
        };
        return unwrap(encodeCohort(cohort));
    });
}

function requireFit(candidate: Candidate, first: Candidate, groups: readonly number[]): void {
    const { scale, slotSeconds, zone } = first;
    const fits =
        candidate.zone === zone &&
        candidate.slotSeconds === slotSeconds &&
        candidate.scale === scale &&
        groups.every((group) => candidate.groups.includes(group));
    if (fits) return;
    const expected = `streams in ${zone} with slots of ${slotSeconds} s, scale ${scale} and groups ${groups.join()}`;
    throw error("MS_COHORT", { expected, todo: "Choose them by --zone or --members." });
}
