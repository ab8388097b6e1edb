import { assert } from "@meterseal/core";
import type { FlagRun } from "@meterseal/record";
import { FLAG_COUNT } from "./quality.ts";

/** Boundaries in a row with one flag; the first may stand behind a hole, which is then the only one. */
type Run = {
    readonly first: number;
    last: number;
    readonly flag: number;
    readonly lands: boolean;
};

/** Counts are written down at every so many runs, so that a look-up adds up few of them. */
const NOTE_EVERY = 32;

/**
 * At which slots one seal epoch of a stream has boundaries, and how they are flagged; no registers.
 * A meter that misses nothing takes one run for all its life. Look-ups take logarithmic time.
 */
export class BoundaryLine {
    readonly #runs: Run[] = [];
    /** Counts of all runs before run {@link NOTE_EVERY} · i: intervals by flag, then landings. */
    readonly #notes: number[][] = [];
    readonly #counts: number[] = new Array(2 * FLAG_COUNT).fill(0);

    /** First slot with a boundary; null where there is none. */
    get first(): number | null {
        return this.#runs[0]?.first ?? null;
    }

    /** Last slot with a boundary; null where there is none. */
    get last(): number | null {
        return this.#runs.at(-1)?.last ?? null;
    }

    /**
     * Adds the boundaries of a record.
     * @param firstSlot - after the last slot of the line.
     * @param count - of consecutive slots.
     * @param flags - runs as a usage body carries them.
     */
    append(firstSlot: number, count: number, flags: readonly FlagRun[]): void {
        assert(firstSlot > (this.last ?? -1), "boundaries in order");
        let offset = 0;
        for (const run of [...flags, { offset: count, length: 0, flag: 0 }]) {
            this.#push(firstSlot + offset, run.offset - offset, 0);
            this.#push(firstSlot + run.offset, run.length, run.flag);
            offset = run.offset + run.length;
        }
    }

    /** Last slot at or before another one that has a boundary; null where there is none. */
    lastAt(slot: number): number | null {
        const run = this.#runs[this.#find(slot)];
        return run === undefined ? null : Math.min(run.last, slot);
    }

    /** First slot at or after another one that has a boundary; null where there is none. */
    firstFrom(slot: number): number | null {
        const at = this.#find(slot);
        const run = this.#runs[at];
        if (run !== undefined && slot <= run.last) return slot;
        return this.#runs[at + 1]?.first ?? null;
    }

    /** Flag of the boundary at a slot; 0 where there is none. */
    flagAt(slot: number): number {
        const run = this.#runs[this.#find(slot)];
        return run !== undefined && slot <= run.last ? run.flag : 0;
    }

    /** Boundaries up to and including a slot: intervals by flag, then landings by flag. */
    countsTo(slot: number): number[] {
        const at = this.#find(slot);
        const note = Math.floor(Math.max(at, 0) / NOTE_EVERY);
        const counts = [...(this.#notes[note] ?? new Array(2 * FLAG_COUNT).fill(0))];
        for (let i = note * NOTE_EVERY; i <= at; i++) {
            const run = this.#runs[i] as Run;
            add(counts, run, Math.min(run.last, slot) - run.first + 1);
        }
        return counts;
    }

    #push(first: number, length: number, flag: number): void {
        if (length === 0) return;
        const before = this.#runs.at(-1);
        const lands = before?.last !== first - 1;
        if (lands) {
            this.#begin({ first, last: first, flag, lands });
            this.#push(first + 1, length - 1, flag);
        } else if (before !== undefined && !before.lands && before.flag === flag) {
            before.last += length;
            add(this.#counts, before, length);
        } else this.#begin({ first, last: first + length - 1, flag, lands });
    }

    #begin(run: Run): void {
        if (this.#runs.length % NOTE_EVERY === 0) this.#notes.push([...this.#counts]);
        this.#runs.push(run);
        add(this.#counts, run, run.last - run.first + 1);
    }

    /** Place of the last run that begins at or before a slot; −1 where there is none. */
    #find(slot: number): number {
        let low = -1;
        let high = this.#runs.length - 1;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if ((this.#runs[middle] as Run).first <= slot) low = middle;
            else high = middle - 1;
        }
        return low;
    }
}

function add(counts: number[], { flag, lands }: Run, length: number): void {
    const at = flag + (lands ? FLAG_COUNT : 0);
    counts[at] = (counts[at] ?? 0) + length;
}
