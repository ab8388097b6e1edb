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
    const early =
        ladder.addressOf(fromSlot).level >= level ? fromSlot : ladder.nextOf(fromSlot, level);
    const late = ladder.lastOf(toSlot, level);
    if (early > late) return null;
    return { first: ladder.indexAt(early, level), last: ladder.indexAt(late, level) };
}
