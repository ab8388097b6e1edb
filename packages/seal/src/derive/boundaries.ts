import type { Ladder, Level } from "@meterseal/core";

/** Whether a boundary is one of a level or of a coarser one. */
export function isOfLevel(ladder: Ladder, slot: number, level: Level): boolean {
    return level === 0 || ladder.addressOf(slot).level >= level;
}

/** First boundary of a level at or after a slot, up to `last`; null where there is none. */
export function firstFrom(ladder: Ladder, level: Level, slot: number, last: number): number | null {
    if (slot > last) return null;
    if (isOfLevel(ladder, slot, level)) return slot;
    if (level > 1) {
        // The index of a day or month changes at its boundary: halve the way to the first change.
        const index = ladder.indexAt(slot, level);
        let low = slot;
        let high = Math.min(last, slot + longestStep(ladder, level));
        if (ladder.indexAt(high, level) !== index) {
            while (high - low > 1) {
                const middle = (low + high) >> 1;
                if (ladder.indexAt(middle, level) === index) low = middle;
                else high = middle;
            }
            if (isOfLevel(ladder, high, level)) return high;
        }
    }
    for (let at = slot + 1; at <= last; at++) if (isOfLevel(ladder, at, level)) return at;
    return null;
}

/** Last boundary of a level at or before a slot, down to `first`; null where there is none. */
export function lastUpTo(ladder: Ladder, level: Level, slot: number, first: number): number | null {
    if (slot < first) return null;
    if (isOfLevel(ladder, slot, level)) return slot;
    if (level > 1) {
        const index = ladder.indexAt(slot, level);
        let low = Math.max(first, slot - longestStep(ladder, level));
        let high = slot;
        if (ladder.indexAt(low, level) !== index) {
            while (high - low > 1) {
                const middle = (low + high) >> 1;
                if (ladder.indexAt(middle, level) === index) high = middle;
                else low = middle;
            }
            if (isOfLevel(ladder, high, level)) return high;
        }
    }
    // Slot by slot: for hours, which are near, and for a day that the calendar shows twice.
    for (let at = slot - 1; at >= first; at--) if (isOfLevel(ladder, at, level)) return at;
    return null;
}

/** Slots from a boundary to its neighbour of the same level, and more. */
function longestStep(ladder: Ladder, level: Level): number {
    return Math.ceil(((level === 2 ? 2 : 33) * 86_400) / ladder.slotSeconds);
}
