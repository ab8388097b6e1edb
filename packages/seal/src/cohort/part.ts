import { bytesEqual, unixOfSlot } from "@meterseal/core";
import { channelsOfGroup } from "@meterseal/record";
import type { Grant } from "../grant/message.ts";
import type { TokenTable } from "../grant/token-body.ts";
import type { TreeAddress } from "../stream.ts";
import type { Cohort, CohortMember } from "./body.ts";
import type { MemberPart } from "./sums.ts";
import type { CohortBoundaries } from "./windows.ts";

/** Where a sealed register came from. */
export type ReadingEnd = TreeAddress & { readonly sealEpoch: number };

/** What a store has of one window of a member's stream. */
export type MemberReading = {
    readonly from: ReadingEnd;
    readonly to: ReadingEnd;
    /** P_to − P_from mod 2^64 per channel of the group. */
    readonly difference: readonly bigint[];
};

/**
 * What a monitor has of a member: its tokens, and the windows whose registers were sealed under the
 * very keys that the tokens were made from. Another seal epoch, or a boundary that the meter keyed
 * in a finer tree, makes a window missing; tokens that are not those of the cohort make all missing.
 * @param own - place of the member.
 * @param opened - the member's grant and what it holds; null where none came.
 * @param readings - one per window; null where the store has none that is measured throughout.
 */
export function memberPart(
    cohort: Cohort,
    hash: Uint8Array,
    boundaries: CohortBoundaries,
    group: number,
    own: number,
    opened: { readonly grant: Grant; readonly table: TokenTable } | null,
    readings: readonly (MemberReading | null)[],
): MemberPart {
    const channels = channelsOfGroup(group);
    const member = cohort.members[own] as CohortMember;
    const differences = new BigUint64Array(boundaries.indices.length * channels);
    const isPresent = boundaries.indices.map((_, window) => {
        const reading = readings[window] ?? null;
        if (reading === null || reading.difference.length !== channels) return false;
        const ends = [reading.from, reading.to].every((end, i) => {
            const address = boundaries.addresses[window + i] as TreeAddress;
            const isSame = end.level === address.level && end.index === address.index;
            return isSame && end.sealEpoch === member.sealEpoch;
        });
        if (ends) differences.set(reading.difference, window * channels);
        return ends;
    });
    return {
        tokens: tokensOf(cohort, hash, boundaries, group, member, opened),
        differences,
        isPresent,
    };
}

function tokensOf(
    cohort: Cohort,
    hash: Uint8Array,
    { slots }: CohortBoundaries,
    group: number,
    member: CohortMember,
    opened: { readonly grant: Grant; readonly table: TokenTable } | null,
): BigUint64Array | null {
    if (opened === null) return null;
    const { grant, table } = opened;
    const unix = (slot: number | undefined): number =>
        unixOfSlot(slot as number, cohort.slotSeconds);
    const isOwn =
        bytesEqual(grant.cohortHash ?? new Uint8Array(), hash) &&
        bytesEqual(grant.household, member.party) &&
        bytesEqual(grant.streamId, member.stream) &&
        table.windows.length === slots.length - 1 &&
        table.windows.every(
            (window, i) =>
                window.fromUnix === unix(slots[i]) && window.toUnix === unix(slots[i + 1]),
        );
    return (isOwn ? table.tokens[grant.groups.indexOf(group)] : undefined) ?? null;
}
