import { unixOfSlot } from "@meterseal/core";
import type { Period } from "./prices.ts";
import type { RecordedEpoch } from "./recorded.ts";

/** What records lack, in the words of an error. */
export type Shortfall = { readonly expected: string; readonly todo: string };

/**
 * Why records cannot say what a period costs: they end before it does, or a seal epoch has none. What is
 * weighed hangs on every boundary that is recorded, so later records would make it another sum.
 * @returns null where the records reach.
 */
export function findShortfall(
    epochs: readonly RecordedEpoch[],
    { fromSlot, slotSeconds, toSlot }: Period,
): Shortfall | null {
    const [fromUnix, toUnix] = [fromSlot, toSlot].map((slot) => unixOfSlot(slot, slotSeconds)) as [
        number,
        number,
    ];
    const lastUnix = epochs.at(-1)?.boundaries.at(-1)?.atUnix ?? 0;
    if (lastUnix < toUnix) {
        return {
            expected: "records that reach the end of the period",
            todo: "Take newer evidence, or a period that ends with the last reading.",
        };
    }
    if (!lacksEpoch(epochs, fromUnix, toUnix)) return null;
    return {
        expected: "records of every seal epoch of the period",
        todo: "Take evidence of all keys of the meter, or a period on one side of the gap.",
    };
}

/**
 * True where a seal epoch before another has no record, and its time may reach into the period: nothing
 * else shows what a device measured that signed no end, and whose records were all left out.
 */
function lacksEpoch(epochs: readonly RecordedEpoch[], fromUnix: number, toUnix: number): boolean {
    let [lastEpoch, lastUnix] = [-1, Number.NEGATIVE_INFINITY];
    for (const { boundaries, sealEpoch } of epochs) {
        const firstUnix = boundaries[0]?.atUnix ?? lastUnix;
        const isNext = sealEpoch === lastEpoch + 1;
        if (!isNext && fromUnix < firstUnix && toUnix > lastUnix) return true;
        [lastEpoch, lastUnix] = [sealEpoch, boundaries.at(-1)?.atUnix ?? lastUnix];
    }
    return false;
}
