import { slotOfUnix, unixOfSlot } from "@meterseal/core";
import type { Known } from "./known.ts";

/** When a seal epoch of a stream began; minus infinity for the first one. */
export type EpochBegin = { readonly sealEpoch: number; readonly fromUnix: number };

/**
 * What is left of an item made before seal epochs began of which it has no keys: a grant of keys for a
 * year opens nothing behind an exchange of the meter in June, whatever its range says. A boundary at the
 * very instant counts to the newer epoch alone; who has keys of both, but no bridge, has no sum over it.
 * @param begins - of all seal epochs of the stream that records show.
 * @param madeUnix - when the item was made: single windows name no seal epoch, and lie in those of
 * that time.
 */
export function knownWithin(
    known: Known,
    begins: readonly EpochBegin[],
    slotSeconds: number,
    madeUnix: number,
): Known {
    /** First slot behind an epoch, at which the next one has begun. */
    const endOf = (sealEpoch: number): number => {
        const later = begins.filter((begin) => begin.sealEpoch > sealEpoch);
        return firstSlotFrom(later, slotSeconds);
    };
    switch (known.kind) {
        case "keys":
            return {
                ...known,
                spans: known.spans.flatMap((span) => {
                    const toSlot = Math.min(span.toSlot, endOf(span.sealEpoch) - 1);
                    return span.fromSlot <= toSlot ? [{ ...span, toSlot }] : [];
                }),
            };
        case "boundaries":
            return {
                ...known,
                epochs: known.epochs.map(({ sealEpoch, slots }) => {
                    const end = endOf(sealEpoch);
                    return { sealEpoch, slots: slots.filter((slot) => slot < end) };
                }),
            };
        case "differences": {
            const later = begins.filter(({ fromUnix }) => fromUnix > madeUnix);
            const end = firstSlotFrom(later, slotSeconds);
            return { ...known, windows: known.windows.filter(({ toSlot }) => toSlot < end) };
        }
        case "sums":
            return known;
    }
}

/** First slot boundary at or behind the earliest begin; infinity where there is none. */
function firstSlotFrom(begins: readonly EpochBegin[], slotSeconds: number): number {
    const fromUnix = Math.min(...begins.map((begin) => begin.fromUnix));
    if (!Number.isFinite(fromUnix)) return fromUnix;
    const slot = slotOfUnix(fromUnix, slotSeconds);
    return unixOfSlot(slot, slotSeconds) === fromUnix ? slot : slot + 1;
}
