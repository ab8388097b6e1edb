import type { Level } from "@meterseal/core";

/** Slots of one seal epoch, the first and the last boundary included. */
export type KnownSpan = {
    readonly sealEpoch: number;
    readonly fromSlot: number;
    readonly toSlot: number;
};

/** A stretch between two boundaries: slots fromSlot … toSlot − 1. */
export type Stretch = { readonly fromSlot: number; readonly toSlot: number };

/** Slots of a stretch, whichever way it runs. */
export function lengthOf({ fromSlot, toSlot }: Stretch): number {
    return Math.abs(toSlot - fromSlot);
}

/**
 * What somebody can compute of the registers of one group of a stream, as rows over the registers
 * x_t at the boundaries t (privacy 3.6). Several spans of one item are joined by bridge tokens.
 */
export type Known =
    /** K: every difference of boundaries of a level and coarser. */
    | { readonly kind: "keys"; readonly level: Level; readonly spans: readonly KnownSpan[] }
    /** E: every difference of the boundaries named, per seal epoch. */
    | {
          readonly kind: "boundaries";
          readonly epochs: readonly {
              readonly sealEpoch: number;
              readonly slots: readonly number[];
          }[];
      }
    /** D: x_to − x_from of each window. */
    | { readonly kind: "differences"; readonly windows: readonly Stretch[] }
    /**
     * W and a bill: one row per price level, the sum over all stretches at that price; so more than
     * the weighted sum itself, because whoever chose the weights may have chosen them to be undone.
     */
    | { readonly kind: "sums"; readonly rows: readonly (readonly Stretch[])[] };

/** First and last boundary that an item speaks of; null where it names none. */
export function hullOf(known: Known): Stretch | null {
    let fromSlot = Number.POSITIVE_INFINITY;
    let toSlot = Number.NEGATIVE_INFINITY;
    const add = (from: number, to: number): void => {
        fromSlot = Math.min(fromSlot, from);
        toSlot = Math.max(toSlot, to);
    };
    switch (known.kind) {
        case "keys":
            for (const span of known.spans) add(span.fromSlot, span.toSlot);
            break;
        case "boundaries":
            for (const { slots } of known.epochs) for (const slot of slots) add(slot, slot);
            break;
        case "differences":
            for (const window of known.windows) add(window.fromSlot, window.toSlot);
            break;
        case "sums":
            for (const row of known.rows) for (const part of row) add(part.fromSlot, part.toSlot);
            break;
    }
    return fromSlot <= toSlot ? { fromSlot, toSlot } : null;
}
