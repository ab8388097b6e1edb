import type { Ladder, Level } from "@meterseal/core";
import { firstFrom, lastUpTo } from "./boundaries.ts";
import type { Known, Stretch } from "./known.ts";
import { addProduct, type Residue } from "./residue.ts";
import { type Class, printOf, RowSpace, written } from "./row-space.ts";
import {
    ActiveLevels,
    mergeSegments,
    type Neighbours,
    type Segment,
    SegmentIndex,
    segmentOf,
} from "./segments.ts";
import { UnionFind } from "./union-find.ts";

/**
 * A stretch of time between boundaries of one class: a pair of neighbours (level null), or every
 * window of a level from the first boundary to the last.
 */
export type Piece = Stretch & { readonly level: Level | null };

/**
 * What follows from a list of items: boundaries in classes, where every difference within a class
 * is known and no other is.
 *
 * K and E give register plus shift, so all their boundaries of a seal epoch hang on one unknown, the
 * epoch's ground. A year of slots is one segment and no list of 35,040 boundaries: only boundaries
 * that an item names stand for themselves. Rows of sums are eliminated over the classes that are
 * left. Memory and time grow with the segments and the named boundaries, not with the slots.
 */
export class Knowledge {
    readonly #ladder: Ladder;
    readonly #unknowns = new UnionFind();
    readonly #named: number[] = [];
    /** The named boundaries, ascending. */
    readonly #sorted: Float64Array;
    readonly #segments: readonly Segment[];
    readonly #index: SegmentIndex;
    readonly #space = new RowSpace();
    /** Classes of the unknowns that rows of sums express by others. */
    #classes: ReadonlyMap<number, Class> = new Map();
    readonly #prints = new Map<number, Residue>();
    readonly #workMax: number;
    readonly #isEliminated: boolean;

    /**
     * @param workMax - entries that the elimination may touch; beyond it {@link isComplete} is false
     * and less is known than follows.
     */
    constructor(items: readonly Known[], ladder: Ladder, workMax: number) {
        this.#ladder = ladder;
        this.#workMax = workMax;
        const segments = mergeSegments(
            items.flatMap((item) => this.#addDifferences(item)),
            (a, b) => a.ground === b.ground,
        );
        this.#joinGrounds(segments);
        this.#segments = mergeSegments(segments, () => true);
        this.#index = new SegmentIndex(ladder, this.#segments);
        for (const slot of this.#segments.length === 0 ? [] : this.#named) {
            const segment = this.#index.at(slot);
            if (segment !== null) this.#unknowns.union(slot, segment.ground);
        }
        this.#sorted = Float64Array.from(this.#named).sort();
        const sums = items.flatMap((item) => (item.kind === "sums" ? item.rows : []));
        this.#isEliminated = this.#eliminate(sums);
    }

    /** False where the elimination was given up, or what was asked since touched too many entries. */
    get isComplete(): boolean {
        return this.#isEliminated && this.#space.work <= this.#workMax;
    }

    /** Whether the difference of the registers at two boundaries follows. */
    knows(fromSlot: number, toSlot: number): boolean {
        return fromSlot === toSlot || this.classAt(fromSlot) === this.classAt(toSlot);
    }

    /** Class of a boundary: shared by those whose difference is known. */
    classAt(slot: number): Class {
        return this.#classOf(this.#unknownAt(slot));
    }

    /**
     * What is not known of the sum over a stretch, written down: stretches share it exactly where the
     * difference of their sums is known.
     */
    nameOf(stretch: Stretch): string {
        return written(this.#space.reduce(this.#contract([stretch])));
    }

    /**
     * The same as a number, worked out faster, which other stretches share by chance only; of the stretch
     * backwards it is the negative.
     */
    printOf({ fromSlot, toSlot }: Stretch): Residue {
        const [from, to] = [this.#unknownAt(fromSlot), this.#unknownAt(toSlot)];
        return addProduct(this.#printOf(to), -1, this.#printOf(from));
    }

    /** Boundaries that an item names, and the first and last ones of keys, ascending. */
    marks(): Float64Array {
        const ends = this.#segments.flatMap(({ fromSlot, toSlot }) => [fromSlot, toSlot]);
        if (ends.length === 0) return this.#sorted;
        const sorted = Float64Array.from([...this.#sorted, ...ends]).sort();
        return sorted.filter((slot, i) => slot !== sorted[i - 1]);
    }

    /** The nearest boundaries before and behind a slot of each of the keys that lie around it. */
    neighbours(slot: number): Neighbours {
        return this.#index.neighbours(slot);
    }

    /** Whether every window of a level within a stretch was given by keys of that level or finer. */
    spans(stretch: Stretch, level: Level): boolean {
        return this.#index.spans(stretch, level);
    }

    /** How many of some rows are new, beside what is known and beside one another. */
    countNew(rows: readonly (readonly Stretch[])[]): number {
        const space = new RowSpace();
        return rows.filter((row) => space.add(this.#space.reduce(this.#contract(row)))).length;
    }

    /**
     * All stretches between neighbouring boundaries of one class. Every known difference is a sum
     * of these and no known difference is shorter than the shortest of them.
     */
    pieces(): Piece[] {
        const segments = new Map<Class, Segment[]>();
        for (const segment of this.#segments) {
            const name = this.#classOf(this.#unknowns.find(segment.ground));
            const known = segments.get(name);
            if (known === undefined) segments.set(name, [segment]);
            else known.push(segment);
        }
        const pieces: Piece[] = [];
        const named = new Map<Class, number[]>();
        const last = new Map<Class, number>();
        for (const toSlot of this.#sorted) {
            const name = this.classAt(toSlot);
            if (segments.has(name)) {
                const slots = named.get(name);
                if (slots === undefined) named.set(name, [toSlot]);
                else slots.push(toSlot);
                continue;
            }
            const fromSlot = last.get(name);
            if (fromSlot !== undefined) pieces.push({ fromSlot, toSlot, level: null });
            last.set(name, toSlot);
        }
        for (const [name, own] of segments) {
            pieces.push(...this.#piecesOf(named.get(name) ?? [], own));
        }
        return pieces;
    }

    /** Takes in what an item says of single differences; its segments are returned. */
    #addDifferences(item: Known): Segment[] {
        switch (item.kind) {
            case "keys":
                this.#bridge(item.spans);
                return item.spans.flatMap((span) => {
                    const ground = groundOf(span.sealEpoch);
                    return segmentOf(this.#ladder, ground, item.level, span) ?? [];
                });
            case "boundaries":
                this.#bridge(item.epochs);
                for (const { sealEpoch, slots } of item.epochs) {
                    for (const slot of slots) {
                        this.#name(slot);
                        this.#unknowns.union(slot, groundOf(sealEpoch));
                    }
                }
                return [];
            case "differences":
                for (const { fromSlot, toSlot } of item.windows) {
                    this.#name(fromSlot);
                    this.#name(toSlot);
                    this.#unknowns.union(fromSlot, toSlot);
                }
                return [];
            case "sums":
                for (const row of item.rows) {
                    for (const { fromSlot, toSlot } of row) {
                        this.#name(fromSlot);
                        this.#name(toSlot);
                    }
                }
                return [];
        }
    }

    #name(slot: number): void {
        if (this.#unknowns.add(slot)) this.#named.push(slot);
    }

    #bridge(epochs: readonly { readonly sealEpoch: number }[]): void {
        const first = epochs[0];
        if (first === undefined) return;
        for (const { sealEpoch } of epochs) {
            this.#unknowns.union(groundOf(sealEpoch), groundOf(first.sealEpoch));
        }
    }

    /** Segments that share a boundary hang together, whatever their grounds. */
    #joinGrounds(segments: readonly Segment[]): void {
        const active: Segment[] = [];
        for (const segment of segments.toSorted((a, b) => a.fromSlot - b.fromSlot)) {
            for (let i = active.length - 1; i >= 0; i--) {
                const other = active[i] as Segment;
                if (other.toSlot < segment.fromSlot) active.splice(i, 1);
                else if (
                    this.#unknowns.find(other.ground) !== this.#unknowns.find(segment.ground)
                ) {
                    const level = Math.max(other.level, segment.level) as Level;
                    const last = Math.min(other.toSlot, segment.toSlot);
                    const shared = firstFrom(this.#ladder, level, segment.fromSlot, last);
                    if (shared !== null) this.#unknowns.union(other.ground, segment.ground);
                }
            }
            active.push(segment);
        }
    }

    /** Eliminates rows of sums over the classes; false where that was given up. */
    #eliminate(sums: readonly (readonly Stretch[])[]): boolean {
        const contracted = sums.map((row) => this.#contract(row));
        let isUnited = false;
        for (const row of contracted) {
            // A row of two unknowns is a difference like any other, and makes two classes one.
            const [a, b] = row.keys();
            if (row.size !== 2 || a === undefined || b === undefined) continue;
            this.#unknowns.unite(a, b);
            isUnited = true;
        }
        const rows = isUnited ? sums.map((row) => this.#contract(row)) : contracted;
        let isComplete = true;
        for (const row of rows) {
            this.#space.add(row);
            isComplete = this.#space.work <= this.#workMax;
            if (!isComplete) break;
        }
        this.#classes = this.#space.classes();
        return isComplete;
    }

    #printOf(unknown: number): Residue {
        const known = this.#prints.get(unknown);
        if (known !== undefined) return known;
        const print = printOf(this.#space.reduce(new Map([[unknown, 1]])));
        this.#prints.set(unknown, print);
        return print;
    }

    #contract(row: readonly Stretch[]): Map<number, number> {
        const contracted = new Map<number, number>();
        const add = (slot: number, value: number): void => {
            const unknown = this.#unknownAt(slot);
            const sum = (contracted.get(unknown) ?? 0) + value;
            if (sum === 0) contracted.delete(unknown);
            else contracted.set(unknown, sum);
        };
        for (const { fromSlot, toSlot } of row) {
            add(toSlot, 1);
            add(fromSlot, -1);
        }
        return contracted;
    }

    /** Number of the unknown on which a boundary hangs; below zero for one that nothing names. */
    #unknownAt(slot: number): number {
        const own = this.#unknowns.findNamed(slot);
        if (own !== null) return own;
        const segment = this.#index.at(slot);
        return segment === null ? -1 - slot : this.#unknowns.find(segment.ground);
    }

    #classOf(unknown: number): Class {
        return this.#classes.get(unknown) ?? unknown;
    }

    /** Cuts a class at the ends of its segments and at its named boundaries. */
    #piecesOf(named: readonly number[], segments: readonly Segment[]): Piece[] {
        if (named.length === 1 && segments.length === 0) return [];
        const cuts = new Set(named);
        for (const { fromSlot, toSlot } of segments) cuts.add(fromSlot).add(toSlot);
        const sorted = [...cuts].sort((a, b) => a - b);
        const active = new ActiveLevels(segments);
        const pieces: Piece[] = [];
        for (let i = 1; i < sorted.length; i++) {
            const fromSlot = sorted[i - 1] as number;
            const toSlot = sorted[i] as number;
            const level = active.enter(fromSlot);
            if (level === null) pieces.push({ fromSlot, toSlot, level: null });
            else pieces.push(...this.#cut(fromSlot, toSlot, level));
        }
        return pieces;
    }

    /** Pieces of a stretch that a segment of a level spans and nothing finer does. */
    #cut(fromSlot: number, toSlot: number, level: Level): Piece[] {
        const first = firstFrom(this.#ladder, level, fromSlot, toSlot);
        const last = lastUpTo(this.#ladder, level, toSlot, fromSlot);
        if (first === null || last === null) return [{ fromSlot, toSlot, level: null }];
        return [
            { fromSlot, toSlot: first, level: null },
            { fromSlot: first, toSlot: last, level },
            { fromSlot: last, toSlot, level: null },
        ].filter((piece) => piece.fromSlot < piece.toSlot);
    }
}

/** Name of the unknown that all keys of a seal epoch share: below zero, slots being positive. */
function groundOf(sealEpoch: number): number {
    return -1 - sealEpoch;
}
