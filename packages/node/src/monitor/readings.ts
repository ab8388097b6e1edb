import { unixOfSlot } from "@meterseal/core";
import { channelsOfGroup } from "@meterseal/record";
import type { Cohort, CohortBoundaries, MemberReading, SumDescription } from "@meterseal/seal";

/** What is said of one window of a stream, as far as a sum over a cohort hangs on it. */
export type SaidWindow = {
    readonly fromUnix: number;
    readonly toUnix: number;
    readonly quality: string;
    readonly parts: readonly {
        readonly from: MemberReading["from"];
        readonly to: MemberReading["to"];
        /** P_to − P_from mod 2^64, one per channel of the cohort's groups. */
        readonly difference: readonly bigint[];
    }[];
};

/** What a description of a window says of it. */
export function saidWindow({ fromUnix, parts, quality, toUnix }: SumDescription): SaidWindow {
    return {
        ...{ fromUnix, toUnix, quality },
        parts: parts.map(({ difference, from, to }) => ({
            from: from as MemberReading["from"],
            to: to as MemberReading["to"],
            difference: difference.map(BigInt),
        })),
    };
}

/**
 * A member's readings of one group for the windows of its cohort: null where nothing was said, where
 * a slot was not measured, or where the device changed in between.
 */
export function memberReadings(
    { groups, slotSeconds }: Cohort,
    { slots }: CohortBoundaries,
    group: number,
    said: readonly SaidWindow[],
): (MemberReading | null)[] {
    const first = groups
        .slice(0, groups.indexOf(group))
        .reduce((sum, other) => sum + channelsOfGroup(other), 0);
    const byStart = new Map(said.map((window) => [window.fromUnix, window]));
    return slots.slice(1).map((slot, i) => {
        const window = byStart.get(unixOfSlot(slots[i] as number, slotSeconds));
        if (window?.toUnix !== unixOfSlot(slot, slotSeconds)) return null;
        const [part, ...more] = window.parts;
        const isWhole = window.quality === "measured" || window.quality === "estimated";
        if (part === undefined || more.length > 0 || !isWhole) return null;
        const difference = part.difference.slice(first, first + channelsOfGroup(group));
        return { from: part.from, to: part.to, difference };
    });
}
