import { unixOfSlot } from "@meterseal/core";
import { channelsOfGroup } from "@meterseal/record";
import type { Cohort } from "./body.ts";
import type { MemberPart } from "./sums.ts";
import type { CohortBoundaries } from "./windows.ts";

/** One window of a cohort as the API says it; instants in seconds since 1970. */
export type CohortWindowDescription = {
    readonly fromUnix: number;
    readonly toUnix: number;
    /** Members, by their places, without a measured reading under the keys of their tokens. */
    readonly missing: readonly number[];
    /**
     * Σ (P_to − P_from) mod 2^64 over all members as decimal text, one a channel; null where one is
     * missing: never a sum of the others.
     */
    readonly groups: readonly { readonly group: number; readonly sums: readonly string[] }[] | null;
};

/**
 * What all members' sealed registers add up to in some windows of a cohort: a store makes it without a
 * key, and the monitor that holds all tokens adds them and has the load. Whoever has the records makes
 * the same.
 * @param parts - by group of the cohort, one per member; their tokens do not matter.
 * @param windows - places of the windows.
 */
export function describeCohort(
    { groups, slotSeconds }: Cohort,
    { slots }: CohortBoundaries,
    parts: readonly (readonly MemberPart[])[],
    windows: readonly number[],
): CohortWindowDescription[] {
    const unix = (slot: number | undefined): number => unixOfSlot(slot ?? 0, slotSeconds);
    return windows.map((window) => {
        const members = parts[0]?.keys() ?? [];
        const missing = [...members].filter((member) =>
            parts.some((own) => own[member]?.isPresent[window] !== true),
        );
        const sums = groups.map((group, i) => {
            const channels = channelsOfGroup(group);
            const sumOf = (channel: number): bigint =>
                (parts[i] ?? []).reduce(
                    (sum, { differences }) =>
                        sum + (differences[window * channels + channel] ?? 0n),
                    0n,
                );
            const each = Array.from({ length: channels }, (_, channel) => sumOf(channel));
            return { group, sums: each.map((sum) => String(BigInt.asUintN(64, sum))) };
        });
        return {
            fromUnix: unix(slots[window]),
            toUnix: unix(slots[window + 1]),
            missing,
            groups: missing.length > 0 ? null : sums,
        };
    });
}
