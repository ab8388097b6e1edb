import type { Ladder, Level } from "@meterseal/core";

/** Whether a boundary is one of a level or of a coarser one. */
export function isOfLevel(ladder: Ladder, slot: number, level: Level): boolean {
    return level === 0 || ladder.addressOf(slot).level >= level;
}

/** First boundary of a level at or after a slot, up to `last`; null where there is none. */
export function firstFrom(ladder: Ladder, level: Level, slot: number, last: number): number | null {
    if (slot > last) return null;
    const found = isOfLevel(ladder, slot, level) ? slot : ladder.nextOf(slot, level);
    return found <= last ? found : null;
}

/** Last boundary of a level at or before a slot, down to `first`; null where there is none. */
export function lastUpTo(ladder: Ladder, level: Level, slot: number, first: number): number | null {
    if (slot < first) return null;
    const found = ladder.lastOf(slot, level);
    return found >= first ? found : null;
}
