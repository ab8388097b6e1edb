import type { Ladder, Level } from "@meterseal/core";

/** Leaves of one tree from the first to the last, both included. */
export type LeafRange = { readonly first: number; readonly last: number };

/**
 * Leaves of a level's tree whose boundaries lie from one slot to another, both included; null where
 * there is none. Civil, so a day of 23 hours is a day; the ladder is the stream's.
 */
export function leavesWithin(
    ladder: Ladder,
    level: Level,
    fromSlot: number,
    toSlot: number,
): LeafRange | null {
    if (level === 0) return { first: fromSlot, last: toSlot };
    const early = findBoundary(ladder, level, fromSlot, toSlot, 1);
    if (early === null) return null;
    const late = findBoundary(ladder, level, toSlot, fromSlot, -1) as number;
    return { first: ladder.indexAt(early, level), last: ladder.indexAt(late, level) };
}

/**
 * First boundary of at least a level on the way from one slot to another. Civil boundaries stand at
 * whole minutes: no zone of the covered years is off by seconds.
 */
function findBoundary(
    ladder: Ladder,
    level: Level,
    fromSlot: number,
    endSlot: number,
    direction: 1 | -1,
): number | null {
    const stride = 60 % ladder.slotSeconds === 0 ? 60 / ladder.slotSeconds : 1;
    const behind = fromSlot % stride;
    const ahead = direction === 1 ? (stride - behind) % stride : -behind;
    for (
        let slot = fromSlot + ahead;
        (endSlot - slot) * direction >= 0;
        slot += stride * direction
    ) {
        if (ladder.addressOf(slot).level >= level) return slot;
    }
    return null;
}
