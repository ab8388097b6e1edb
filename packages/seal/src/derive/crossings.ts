import type { Knowledge } from "./knowledge.ts";
import type { Stretch } from "./known.ts";
import type { Class } from "./row-space.ts";

/**
 * Short stretches between boundaries of two classes, with no boundary of either class inside. What is
 * known of stretches together is known of these: a longer stretch is one of them and a known difference.
 * Each has an end that an item names, or where keys begin or end: classes of keys that lie over one
 * another share boundaries, and are one.
 */
export function* crossings(knowledge: Knowledge, slotsMax: number): Generator<Stretch> {
    const marks = new Marks(knowledge);
    for (let place = 0; place < marks.slots.length; place++) {
        const slot = marks.slots[place] as number;
        const { after, before } = knowledge.neighbours(slot);
        const gap = slot - (marks.slots[place - 1] ?? Number.NEGATIVE_INFINITY);
        // Of most marks nothing is near: this goes through all that anybody ever got.
        if (gap > slotsMax && after.length === 0 && before.length === 0) continue;
        yield* marks.endingAt(slot, place, before, slotsMax);
        const nextMark = marks.slots[place + 1] ?? Number.POSITIVE_INFINITY;
        for (const toSlot of after) {
            // A boundary that is a mark itself has its turn, and one behind the next mark that one's.
            if (toSlot >= nextMark) continue;
            const around = knowledge.neighbours(toSlot).before;
            yield* marks.endingAt(toSlot, place + 1, around, slotsMax);
        }
    }
}

/** The boundaries that items name, ascending, with their classes. */
class Marks {
    readonly slots: Float64Array;
    readonly #knowledge: Knowledge;
    readonly #names: Class[] = [];

    constructor(knowledge: Knowledge) {
        this.slots = knowledge.marks();
        this.#knowledge = knowledge;
    }

    /**
     * The stretches that end at a boundary.
     * @param place - how many marks lie before it.
     * @param others - boundaries before it that are no marks.
     */
    *endingAt(
        toSlot: number,
        place: number,
        others: readonly number[],
        slotsMax: number,
    ): Generator<Stretch> {
        const name = this.#knowledge.classAt(toSlot);
        const rest = others.toSorted((a, b) => a - b);
        const seen = new Set<Class>();
        for (let i = place - 1; ; ) {
            const isOther = (rest.at(-1) ?? -1) >= (this.slots[i] ?? 0);
            const fromSlot = isOther ? rest.pop() : this.slots[i];
            if (fromSlot === undefined || toSlot - fromSlot > slotsMax) return;
            const other = isOther ? this.#knowledge.classAt(fromSlot) : this.#nameAt(i);
            if (!isOther) i--;
            if (other === name) return;
            if (seen.has(other)) continue;
            seen.add(other);
            yield { fromSlot, toSlot };
        }
    }

    #nameAt(place: number): Class {
        this.#names[place] ??= this.#knowledge.classAt(this.slots[place] as number);
        return this.#names[place] as Class;
    }
}
