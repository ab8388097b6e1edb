import type { Boundary } from "../sealer.ts";
import { ReadingConditioner } from "./conditioner.ts";
import { compareReadings, type RawReading, type ReadingRules } from "./raw-reading.ts";

/** Boundaries of one seal epoch, and the readings that opened and closed it. */
export type ReadingSegment = {
    /** Reading that opened the epoch behind a break; null for the first. */
    readonly opening: RawReading | null;
    readonly boundaries: readonly Boundary[];
    /** Last reading of the epoch before a break; null for the last epoch. */
    readonly closing: RawReading | null;
};

/** Readings that are taken before what they complete is sealed. */
const WAITING_MAX = 4_096;

/**
 * Conditions readings that are all there, in any order: one segment for each seal epoch, cut where a
 * register really fell or another device took over.
 * @throws MetersealError as {@link ReadingConditioner.take}.
 */
export function conditionReadings(
    readings: readonly RawReading[],
    rules: ReadingRules,
): ReadingSegment[] {
    const conditioner = new ReadingConditioner(rules);
    const segments: ReadingSegment[] = [];
    let opening: RawReading | null = null;
    let boundaries: Boundary[] = [];
    const collect = (ready: Iterable<Boundary>): boolean => {
        for (const boundary of ready) boundaries.push(boundary);
        const cut = conditioner.break;
        if (cut === null) return false;
        segments.push({ opening, boundaries, closing: cut.last });
        boundaries = [];
        opening = cut.next;
        conditioner.resume();
        return true;
    };
    for (const reading of [...readings].sort(compareReadings)) {
        conditioner.take(reading);
        if (conditioner.waiting < WAITING_MAX) continue;
        while (collect(conditioner.advance(reading.measuredUnix)));
    }
    while (collect(conditioner.finish()));
    segments.push({ opening, boundaries, closing: null });
    return segments;
}
