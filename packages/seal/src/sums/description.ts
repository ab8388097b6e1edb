import { toHex, unixOfSlot } from "@meterseal/core";
import { channelsOfGroup } from "@meterseal/record";
import { knownSlots, type Mark, type Quality } from "./quality.ts";
import type { SumEnd } from "./registers.ts";
import type { WindowSum } from "./sums.ts";

/** One end of a part of a sum, as the API says it. */
export type EndDescription = {
    readonly unix: number;
    readonly sealEpoch: number;
    readonly level: number;
    readonly index: number;
    readonly record: { readonly chainEpoch: number; readonly seq: number; readonly hash: string };
};

/** The sum of a window, as the API says it; instants in seconds since 1970. */
export type SumDescription = {
    readonly fromUnix: number;
    readonly toUnix: number;
    readonly answered: { readonly fromUnix: number; readonly toUnix: number } | null;
    /** Slots of the window that was asked for. */
    readonly slots: number;
    /** Slots between the boundaries of the answer, by how they are known. */
    readonly measured: number;
    readonly estimated: number;
    readonly quality: Quality;
    readonly marks: readonly Mark[];
    readonly parts: readonly {
        readonly from: EndDescription;
        readonly to: EndDescription;
        /** Decimal, one a channel of the groups that were asked for. */
        readonly difference: readonly string[];
    }[];
};

/**
 * A sum as the API says it, so that a reader can hold what a store says against what records say.
 * @param groups - of the stream, ascending.
 * @param asked - those that are answered.
 */
export function describeSum(
    sum: WindowSum,
    slotSeconds: number,
    groups: readonly number[],
    asked: readonly number[],
): SumDescription {
    const { answered, marks, parts, quality, tally } = sum;
    const unix = (slot: number): number => unixOfSlot(slot, slotSeconds);
    const channels = channelsOf(groups, asked);
    return {
        fromUnix: unix(sum.fromSlot),
        toUnix: unix(sum.toSlot),
        answered:
            answered === null
                ? null
                : { fromUnix: unix(answered.fromSlot), toUnix: unix(answered.toSlot) },
        slots: sum.toSlot - sum.fromSlot,
        ...knownSlots(tally),
        quality,
        marks,
        parts: parts.map(({ difference, from, to }) => ({
            from: describeEnd(from),
            to: describeEnd(to),
            difference: channels.map((channel) => String(difference[channel])),
        })),
    };
}

function describeEnd({ address, record, sealEpoch, unix }: SumEnd): EndDescription {
    const { chainEpoch, hash, seq } = record;
    return { unix, sealEpoch, ...address, record: { chainEpoch, seq, hash: toHex(hash) } };
}

/** Places of the channels of some groups among those of all groups. */
function channelsOf(all: readonly number[], asked: readonly number[]): number[] {
    let next = 0;
    return all.flatMap((group) => {
        const own = Array.from({ length: channelsOfGroup(group) }, () => next++);
        return asked.includes(group) ? own : [];
    });
}
