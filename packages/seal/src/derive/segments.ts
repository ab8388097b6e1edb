import type { Ladder, Level } from "@meterseal/core";
import { firstFrom, isOfLevel, lastUpTo } from "./boundaries.ts";
import type { KnownSpan, Stretch } from "./known.ts";

/** Every boundary of a level, from the first to the last, hanging on one unknown. */
export type Segment = { readonly ground: number; readonly level: Level } & Stretch;

/** A span cut to its first and last boundary of a level; null where it holds none. */
export function segmentOf(
    ladder: Ladder,
    ground: number,
    level: Level,
    span: KnownSpan,
): Segment | null {
    const fromSlot = firstFrom(ladder, level, span.fromSlot, span.toSlot);
    const toSlot = lastUpTo(ladder, level, span.toSlot, span.fromSlot);
    if (fromSlot === null || toSlot === null) return null;
    return { ground, level, fromSlot, toSlot };
}

/**
 * Joins segments of one level that share a boundary; two that overlap always do, since their ends
 * are boundaries of the level. Segments of different grounds are joined where `sameGround` says so.
 */
export function mergeSegments(
    segments: readonly Segment[],
    sameGround: (a: Segment, b: Segment) => boolean,
): Segment[] {
    const sorted = segments.toSorted((a, b) => a.level - b.level || a.fromSlot - b.fromSlot);
    const merged: Segment[] = [];
    for (const segment of sorted) {
        const last = merged.at(-1);
        const touches =
            last !== undefined &&
            last.level === segment.level &&
            segment.fromSlot <= last.toSlot &&
            sameGround(last, segment);
        if (touches) {
            const toSlot = Math.max(last.toSlot, segment.toSlot);
            merged[merged.length - 1] = { ...last, toSlot };
        } else merged.push(segment);
    }
    return merged;
}

/** Boundaries on either side of a slot. */
export type Neighbours = { readonly before: readonly number[]; readonly after: readonly number[] };

const NONE: readonly number[] = [];

/** Finds the segment that a boundary belongs to, among segments that do not overlap in a level. */
export class SegmentIndex {
    readonly #ladder: Ladder;
    readonly #levels: readonly (readonly Segment[])[];
    /** Levels that have a segment. */
    readonly #filled: readonly Level[];

    constructor(ladder: Ladder, segments: readonly Segment[]) {
        this.#ladder = ladder;
        this.#levels = [0, 1, 2, 3].map((level) =>
            segments
                .filter((segment) => segment.level === level)
                .sort((a, b) => a.fromSlot - b.fromSlot),
        );
        this.#filled = ([0, 1, 2, 3] as const).filter((level) => this.#levels[level]?.length);
    }

    /** A segment that holds the boundary; null where none does. */
    at(slot: number): Segment | null {
        for (const level of this.#filled) {
            const found = this.#before(level, slot);
            if (found === null || slot > found.toSlot) continue;
            if (isOfLevel(this.#ladder, slot, level)) return found;
        }
        return null;
    }

    /** Of each segment that lies around a slot the nearest boundaries before and behind it. */
    neighbours(slot: number): Neighbours {
        let [before, after] = [NONE, NONE];
        for (const level of this.#filled) {
            const found = this.#before(level, slot);
            if (found === null || slot > found.toSlot) continue;
            const last = lastUpTo(this.#ladder, level, slot - 1, found.fromSlot);
            const first = firstFrom(this.#ladder, level, slot + 1, found.toSlot);
            if (last !== null) before = [...before, last];
            if (first !== null) after = [...after, first];
        }
        return { before, after };
    }

    /** Whether one segment of a level or a finer one spans a stretch. */
    spans({ fromSlot, toSlot }: Stretch, level: Level): boolean {
        for (let finer = 0; finer <= level; finer++) {
            const found = this.#before(finer, fromSlot);
            if (found !== null && found.toSlot >= toSlot) return true;
        }
        return false;
    }

    /** Last segment of a level that begins at or before a slot. */
    #before(level: number, slot: number): Segment | null {
        const segments = this.#levels[level] as readonly Segment[];
        let [low, high] = [0, segments.length];
        while (low < high) {
            const middle = (low + high) >> 1;
            if ((segments[middle] as Segment).fromSlot <= slot) low = middle + 1;
            else high = middle;
        }
        return segments[low - 1] ?? null;
    }
}

/** Finest level of the segments that hold, as one goes along in time. */
export class ActiveLevels {
    readonly #starts: readonly Segment[];
    readonly #ends: readonly Segment[];
    readonly #counts = [0, 0, 0, 0];
    #started = 0;
    #ended = 0;

    constructor(segments: readonly Segment[]) {
        this.#starts = segments.toSorted((a, b) => a.fromSlot - b.fromSlot);
        this.#ends = segments.toSorted((a, b) => a.toSlot - b.toSlot);
    }

    /** Level of the segments that begin at or before a slot and end behind it; null without one. */
    enter(slot: number): Level | null {
        for (let next = this.#starts[this.#started]; next !== undefined; ) {
            if (next.fromSlot > slot) break;
            this.#counts[next.level] = (this.#counts[next.level] as number) + 1;
            next = this.#starts[++this.#started];
        }
        for (let next = this.#ends[this.#ended]; next !== undefined; ) {
            if (next.toSlot > slot) break;
            this.#counts[next.level] = (this.#counts[next.level] as number) - 1;
            next = this.#ends[++this.#ended];
        }
        const level = this.#counts.findIndex((count) => count > 0);
        return level === -1 ? null : (level as Level);
    }
}
