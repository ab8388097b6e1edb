import type { Ladder } from "@meterseal/core";
import { FLAG, LEVEL, type StreamDescriptor } from "@meterseal/record";
import type { MeterAgentOptions } from "./options.ts";
import { type Boundary, boundaryFault } from "./sealer.ts";

/** A boundary that waits for its place in a record. */
export type WaitingBoundary = {
    readonly boundary: Boundary;
    /** First of the slots right before it that were thinned out; its own where none was. */
    readonly fromSlot: number;
    /** Tells whoever gave it: it is taken, or (with a cause) it is not. */
    readonly settle: (cause?: unknown) => void;
};

/** What decides which boundaries may be left out. */
export type ThinningRules = {
    readonly ladder: Ladder;
    /** With the groups that are measured. */
    readonly stream: Pick<StreamDescriptor, "groups" | "mode">;
    readonly source: MeterAgentOptions["source"];
};

/** Boundaries that were given to a meter and are in no record yet, in the order of the calls. */
export class BoundaryQueue {
    #entries: WaitingBoundary[] = [];
    #next = 0;
    /** Those who wait for a record with all of these; null where nobody does. */
    flushed: PromiseWithResolvers<void> | null = null;

    /** Boundaries that wait. */
    get size(): number {
        return this.#entries.length - this.#next;
    }

    /** Puts a boundary at the end. */
    push(boundary: Boundary, settle: WaitingBoundary["settle"]): void {
        this.#entries.push({ boundary, fromSlot: boundary.slot, settle });
    }

    /** Takes the first one out; undefined where none waits. */
    shift(): WaitingBoundary | undefined {
        const entry = this.#entries[this.#next];
        if (entry === undefined) return undefined;
        this.#next++;
        if (this.#next * 2 < this.#entries.length) return entry;
        this.#entries.splice(0, this.#next);
        this.#next = 0;
        return entry;
    }

    /**
     * Leaves out the oldest boundaries of slot level, at most so many (formats 5): the next one that
     * stays says from which slot on. Hours, days and months stay, and so does what is needed for
     * exact sums: a measured value before a missing one, one without which the register would grow
     * beyond its cap, and both ends of a gap.
     * @returns the first slot that was left out; null where none could be.
     */
    thin(rules: ThinningRules, most: number): number | null {
        const kept: WaitingBoundary[] = [];
        let first: number | null = null;
        let dropped = 0;
        let fromSlot: number | null = null;
        const waiting = this.#entries.slice(this.#next);
        for (const [i, entry] of waiting.entries()) {
            const current: WaitingBoundary = fromSlot === null ? entry : { ...entry, fromSlot };
            if (dropped < most && mayGo(rules, kept.at(-1), current, waiting[i + 1])) {
                fromSlot = current.fromSlot;
                first ??= entry.boundary.slot;
                dropped++;
                entry.settle();
            } else {
                fromSlot = null;
                kept.push(current);
            }
        }
        this.#entries = kept;
        this.#next = 0;
        return first;
    }
}

/** True where a boundary between two others may be left out. */
function mayGo(
    { ladder, source, stream }: ThinningRules,
    before: WaitingBoundary | undefined,
    { boundary, fromSlot }: WaitingBoundary,
    next: WaitingBoundary | undefined,
): boolean {
    if (before === undefined || next === undefined) return false;
    if (source === "intervals") return false; // what is left out would be called lost
    const { slot } = boundary;
    if (!(slot >= 0 && slot < ladder.endSlot)) return false;
    if (fromSlot !== before.boundary.slot + 1 || next.fromSlot !== slot + 1) return false;
    if (ladder.addressOf(slot).level !== LEVEL.slot) return false;
    const follows = (a: Boundary, b: Boundary): boolean =>
        boundaryFault(stream, a.registers, b) === null;
    if (!follows(before.boundary, boundary) || !follows(boundary, next.boundary)) return false;
    const { flag, registers } = next.boundary;
    if (flag === FLAG.missing || flag === FLAG.powerOff) {
        return registers.every((register, i) => register === before.boundary.registers[i]);
    }
    return follows(before.boundary, next.boundary);
}
