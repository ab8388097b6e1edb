import { error, fail, LIMITS, ok, type Result } from "@meterseal/core";
import { channelsOfGroup } from "@meterseal/record";
import type { Cohort } from "./body.ts";
import type { CohortBoundaries } from "./windows.ts";

/** What a monitor has of one member for one group. */
export type MemberPart = {
    /** Tokens of the month, window-major, one per channel; null where none came. */
    readonly tokens: BigUint64Array | null;
    /**
     * Sealed differences P_to − P_from mod 2^64 in the same order.
     */
    readonly differences: BigUint64Array;
    /** Windows whose both boundaries are there, under the addresses and the seal epoch expected. */
    readonly isPresent: readonly boolean[];
};

/** The load of a cohort over one window, per channel of the group in stream units. */
export type CohortSum =
    | { readonly status: "measured"; readonly sums: readonly bigint[] }
    /** Some member is missing, and with it the sum: never one over the others. */
    | { readonly status: "missing"; readonly members: readonly number[] }
    /** A sum that no meters can make: a token or a reading is not what it says. */
    | { readonly status: "wrong" };

/**
 * Adds up a cohort: Σ tokens + Σ sealed differences = Σ of what all members used, window by window
 * (privacy 3.7). A window that any member is missing from is missing; the sum of the rest is masked
 * by the missing token and is never shown.
 * @param parts - one per member, in the order of the members.
 * @returns MS_COHORT where the parts are not one per member with one number per window and channel.
 */
export function openCohort(
    cohort: Cohort,
    boundaries: CohortBoundaries,
    group: number,
    parts: readonly MemberPart[],
): Result<CohortSum[]> {
    const windows = boundaries.indices.length;
    const channels = channelsOfGroup(group);
    const fits = ({ tokens, differences, isPresent }: MemberPart): boolean =>
        (tokens === null || tokens.length === windows * channels) &&
        differences.length === windows * channels &&
        isPresent.length === windows;
    if (parts.length !== cohort.members.length || !parts.every(fits)) {
        const expected = `${windows} windows of ${channels} channels from every member`;
        return fail(error("MS_COHORT", { expected }));
    }
    return ok(
        boundaries.indices.map((_, window): CohortSum => {
            const members = parts.flatMap((part, i) =>
                part.tokens === null || part.isPresent[window] !== true ? i : [],
            );
            if (members.length > 0) return { status: "missing", members };
            const slots = boundaries.slots[window + 1] as number;
            const cap = capOf(group, slots - (boundaries.slots[window] as number), parts.length);
            const sums: bigint[] = [];
            for (let channel = 0; channel < channels; channel++) {
                const sum = sumAt(parts, window * channels + channel);
                if (sum > cap) return { status: "wrong" };
                sums.push(sum);
            }
            return { status: "measured", sums };
        }),
    );
}

function sumAt(parts: readonly MemberPart[], at: number): bigint {
    let sum = 0n;
    for (const { tokens, differences } of parts) {
        sum += (tokens?.[at] as bigint) + (differences[at] as bigint);
    }
    return BigInt.asUintN(64, sum);
}

/** Most that so many meters count in so many slots (group 2 counts squares). */
function capOf(group: number, slots: number, members: number): bigint {
    const cap = BigInt(LIMITS.slotDelta);
    return (group === 2 ? cap * cap : cap) * BigInt(slots) * BigInt(members);
}
