import { error } from "../errors.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Ladder, Level } from "./civil.ts";

/** Windows over which amounts are asked and granted, in the civil time of a stream's zone. */
export const WINDOW_NAMES = [
    "slot",
    "half-hour",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "total",
] as const;

/** Name of a window; weeks begin on Monday (ISO 8601), `total` is one window over a whole range. */
export type WindowName = (typeof WINDOW_NAMES)[number];

/** Ends of consecutive windows. */
export type WindowEdges = {
    /** Ascending slots: each window reaches from one to the next. */
    readonly edges: readonly number[];
    /** Where the windows that were not listed begin; null where none is left. */
    readonly nextSlot: number | null;
};

const HALF_HOUR_SECONDS = 1800;

/** Level of the ladder that every boundary between windows has; 0 for `total`, which has none. */
export const WINDOW_LEVELS: Readonly<Record<WindowName, Level>> = {
    slot: 0,
    "half-hour": 0,
    hour: 1,
    day: 2,
    week: 2,
    month: 3,
    year: 3,
    total: 0,
};

/** True for a text that names a window. */
export function isWindowName(text: string): text is WindowName {
    return (WINDOW_NAMES as readonly string[]).includes(text);
}

/**
 * Ends of the windows of a range of slots: its first slot, every boundary between that begins a
 * window, and its last slot. The first and the last window may thus be shorter than the others.
 * @param fromSlot - first slot of the range, 0 or later.
 * @param toSlot - end of the range, after fromSlot and before the ladder's end.
 * @param windowsMax - windows to list at most, at least 1.
 * @returns MS_STREAM_RULE where the slots do not divide the window; MS_USAGE for an empty range or
 * one outside the years 2000 … 2099.
 */
export function windowEdges(
    ladder: Ladder,
    window: WindowName,
    fromSlot: number,
    toSlot: number,
    windowsMax: number,
): Result<WindowEdges> {
    if (window === "half-hour" && HALF_HOUR_SECONDS % ladder.slotSeconds !== 0) {
        const expected = "slots of which some make half an hour";
        return fail(error("MS_STREAM_RULE", { expected, got: `${ladder.slotSeconds} s` }));
    }
    if (fromSlot < 0 || toSlot >= ladder.endSlot || fromSlot >= toSlot) {
        const expected = "a range that holds a slot, in the years 2000 to 2099";
        return fail(error("MS_USAGE", { expected, got: `slots ${fromSlot} to ${toSlot}` }));
    }
    const edges = [fromSlot];
    let at = fromSlot;
    while (at < toSlot && edges.length <= windowsMax) {
        at = Math.min(nextEdge(ladder, window, at), toSlot);
        edges.push(at);
    }
    return ok({ edges, nextSlot: at < toSlot ? at : null });
}

/** First slot after another one that begins a window; never the start of `total`. */
function nextEdge(ladder: Ladder, window: WindowName, slot: number): number {
    switch (window) {
        case "slot":
            return ladder.nextOf(slot, 0);
        case "half-hour":
            return nextHalfHour(ladder, slot);
        case "hour":
            return ladder.nextOf(slot, 1);
        case "day":
            return ladder.nextOf(slot, 2);
        case "week":
            return nextTurn(ladder, slot, 2, (day) => Math.floor((day + 5) / 7));
        case "month":
            return ladder.nextOf(slot, 3);
        case "year":
            return nextTurn(ladder, slot, 3, (month) => Math.floor(month / 12));
        case "total":
            return ladder.endSlot;
    }
}

/** Half-hours of the wall clock, and every hour of the ladder. */
function nextHalfHour(ladder: Ladder, slot: number): number {
    const hour = ladder.nextOf(slot, 1);
    const left = HALF_HOUR_SECONDS - (ladder.civilAt(slot) % HALF_HOUR_SECONDS);
    return Math.min(hour, slot + left / ladder.slotSeconds);
}

/** First boundary of a level at which the number of the larger unit changes; 2000-01-03 is a Monday. */
function nextTurn(
    ladder: Ladder,
    slot: number,
    level: 2 | 3,
    unitOf: (index: number) => number,
): number {
    const unit = unitOf(ladder.indexAt(slot, level));
    let at = slot;
    do at = ladder.nextOf(at, level);
    while (at < ladder.endSlot && unitOf(ladder.indexAt(at, level)) <= unit);
    return at;
}
