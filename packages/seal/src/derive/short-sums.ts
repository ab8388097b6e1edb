import { crossings } from "./crossings.ts";
import type { Knowledge } from "./knowledge.ts";
import { lengthOf, type Stretch } from "./known.ts";
import { negative, type Residue } from "./residue.ts";

/**
 * Stretches of which the sum is known, and of none alone; one that runs backwards counts below zero, as
 * in the difference of what was used in two quarters of an hour.
 */
export type ShortSum = readonly Stretch[];

/** Of each class before a grant so many stretches: two of them may be no other time than a third one. */
const ALIKE_MAX = 3;

/**
 * Sums over few stretches, together shorter than a length, that are known after a grant and were not
 * before it. Every two stretches are looked at, exactly; more than two where a row of sums that is held
 * comes down to them by differences that are known. What only several rows together leave of three
 * and more stretches is not searched for.
 * @param before - what was known; asked only where something hangs on it.
 * @param rows - rows of sums among what is known.
 * @param stretchesMax - to look at.
 * @returns null where there are more stretches.
 */
export function findShortSums(
    after: Knowledge,
    before: () => Knowledge,
    rows: readonly (readonly Stretch[])[],
    slotsMax: number,
    stretchesMax: number,
): ShortSum[] | null {
    const prints = printsOf(after, slotsMax, stretchesMax);
    if (prints === null) return null;
    const found: ShortSum[] = [];
    for (const alike of prints.values()) {
        if (alike.length < 2) continue;
        for (const group of Map.groupBy(alike, (each) => after.nameOf(each)).values()) {
            const pair = newPair(group, before(), slotsMax);
            if (pair !== null) found.push(pair);
        }
    }
    for (const row of rows) {
        const rest = restOf(row, after, prints, slotsMax);
        const isFound = rest !== null && rest.length > 2 && after.countNew([rest]) === 0;
        if (isFound && before().countNew([rest]) > 0) found.push(rest);
    }
    return found;
}

/** Short stretches by their prints, each turned so that it is none below zero. */
function printsOf(
    after: Knowledge,
    slotsMax: number,
    stretchesMax: number,
): Map<Residue, Stretch[]> | null {
    if (!after.isComplete) return null;
    const prints = new Map<Residue, Stretch[]>();
    let count = 0;
    for (const stretch of crossings(after, slotsMax - 1)) {
        if (++count > stretchesMax) return null;
        const print = after.printOf(stretch);
        const turned = print < 0 ? backwards(stretch) : stretch;
        const name = print < 0 ? negative(print) : print;
        const alike = prints.get(name);
        if (alike === undefined) prints.set(name, [turned]);
        else alike.push(turned);
    }
    return prints;
}

/** The shortest two stretches of a group whose difference is new; null where all of it was known. */
function newPair(group: readonly Stretch[], before: Knowledge, slotsMax: number): ShortSum | null {
    const sorted = group.toSorted((a, b) => lengthOf(a) - lengthOf(b));
    const counts = new Map<string, number>();
    const few: { readonly stretch: Stretch; readonly name: string }[] = [];
    for (const stretch of sorted) {
        if (lengthOf(sorted[0] as Stretch) + lengthOf(stretch) >= slotsMax) break;
        const name = before.nameOf(stretch);
        const count = counts.get(name) ?? 0;
        counts.set(name, count + 1);
        if (count < ALIKE_MAX) few.push({ stretch, name });
    }
    let pair: ShortSum | null = null;
    let least = slotsMax;
    for (const [i, one] of few.entries()) {
        for (const other of few.slice(i + 1, i + 3 * ALIKE_MAX)) {
            const length = lengthOf(one.stretch) + lengthOf(other.stretch);
            if (length >= least) break;
            if (one.name === other.name || isOneStretch(one.stretch, other.stretch)) continue;
            pair = [one.stretch, backwards(other.stretch)];
            least = length;
        }
    }
    return pair;
}

/** Whether the difference of two stretches is that of two boundaries only, which is judged by itself. */
function isOneStretch(a: Stretch, b: Stretch): boolean {
    return a.fromSlot === b.fromSlot || a.toSlot === b.toSlot;
}

/** What is left of a row beside known differences; null where that is no short time. */
function restOf(
    row: readonly Stretch[],
    after: Knowledge,
    prints: ReadonlyMap<Residue, readonly Stretch[]>,
    slotsMax: number,
): ShortSum | null {
    const rest: Stretch[] = [];
    let slots = 0;
    for (const stretch of row) {
        const print = after.printOf(stretch);
        if (print === 0) continue;
        const alike = prints.get(print < 0 ? negative(print) : print);
        if (alike === undefined) return null;
        const short = alike.reduce((a, b) => (lengthOf(b) < lengthOf(a) ? b : a));
        slots += lengthOf(short);
        if (slots >= slotsMax) return null;
        rest.push(print < 0 ? backwards(short) : short);
    }
    return rest;
}

function backwards({ fromSlot, toSlot }: Stretch): Stretch {
    return { fromSlot: toSlot, toSlot: fromSlot };
}
