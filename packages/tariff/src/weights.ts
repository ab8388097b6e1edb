import { error, fail, LIMITS, ok, type Result, unixOfSlot } from "@meterseal/core";
import type { Period } from "./prices.ts";
import { beginSlot, endSlot, type RecordedBoundary, type RecordedEpoch } from "./recorded.ts";

/** A boundary and its weight v, never zero. */
export type WeightedBoundary = { readonly boundary: RecordedBoundary; readonly weight: bigint };

/** Weighted boundaries of one seal epoch; their weights add up to zero. */
export type EpochWeights = {
    readonly sealEpoch: number;
    readonly terms: readonly WeightedBoundary[];
};

/**
 * Weights of the recorded boundaries, so that Σ v · R is the price of a period (privacy 4). What
 * flowed between two neighbouring boundaries of a seal epoch is priced in the slot that ends at the
 * later one: where readings are missing their energy lands there, as a register says it. So the bills
 * of periods that follow one another add up, and within each seal epoch the weights cancel.
 * @param pricesMicro - of each slot of the period.
 * @returns MS_RESEALED where two seal epochs measured a time of the period.
 */
export function weigh(
    epochs: readonly RecordedEpoch[],
    period: Period,
    pricesMicro: readonly number[],
): Result<EpochWeights[]> {
    const sharedUnix = findOverlap(epochs, period);
    if (sharedUnix !== null) {
        const where = new Date(sharedUnix * 1000).toISOString();
        const expected = "a period of which each time has one seal epoch";
        return fail(error("MS_RESEALED", { where, expected }));
    }
    const weighed = epochs.map(({ boundaries, sealEpoch }) => {
        const priceUntil = (i: number): number => priceOf(boundaries, i, period, pricesMicro);
        const terms: WeightedBoundary[] = [];
        let before = 0;
        for (let i = 0; i < boundaries.length; i++) {
            const after = priceUntil(i + 1);
            const boundary = boundaries[i] as RecordedBoundary;
            if (before !== after) terms.push({ boundary, weight: BigInt(before - after) });
            before = after;
        }
        return { sealEpoch, terms };
    });
    return ok(weighed);
}

/**
 * Begin of a seal epoch that began before the one before it had ended, where the time that both measured
 * is priced in the period; null where there is none. Two devices may share the instant at which one follows the
 * other.
 */
function findOverlap(
    epochs: readonly RecordedEpoch[],
    { fromSlot, slotSeconds, toSlot }: Period,
): number | null {
    const fromUnix = unixOfSlot(fromSlot, slotSeconds);
    const toUnix = unixOfSlot(toSlot, slotSeconds);
    let lastUnix = Number.NEGATIVE_INFINITY;
    for (const { boundaries } of epochs) {
        const endUnix = lastUnix;
        const beginUnix = boundaries[0]?.atUnix ?? endUnix;
        // What the later one measured of that time is priced where its interval lands.
        const landing = boundaries.find(({ atUnix }) => atUnix >= endUnix)?.atUnix ?? endUnix;
        if (beginUnix < endUnix && fromUnix < landing && toUnix > beginUnix) return beginUnix;
        lastUnix = Math.max(endUnix, boundaries.at(-1)?.atUnix ?? endUnix);
    }
    return null;
}

/** Price of what flowed until a boundary; nothing before the first and outside the period. */
function priceOf(
    boundaries: readonly RecordedBoundary[],
    place: number,
    { fromSlot, slotSeconds }: Period,
    pricesMicro: readonly number[],
): number {
    const boundary = place === 0 ? undefined : boundaries[place];
    if (boundary === undefined) return 0;
    return pricesMicro[endSlot(boundary.atUnix, slotSeconds) - fromSlot] ?? 0;
}

/** Smallest and largest weighted sum that registers can make. */
export type WeightedBounds = { readonly least: bigint; readonly most: bigint };

/**
 * Between what a sum over the weights of {@link weigh} lies, where no register grows by more than
 * {@link LIMITS.slotDelta} in a slot: any other one was opened with numbers of other records.
 */
export function weightedBounds(
    epochs: readonly RecordedEpoch[],
    period: Period,
    pricesMicro: readonly number[],
): WeightedBounds {
    let [least, most] = [0n, 0n];
    for (const { boundaries } of epochs) {
        for (let i = 1; i < boundaries.length; i++) {
            const price = priceOf(boundaries, i, period, pricesMicro);
            const [begin, end] = [boundaries[i - 1], boundaries[i]] as [
                RecordedBoundary,
                RecordedBoundary,
            ];
            const { slotSeconds } = period;
            const slots =
                1 + endSlot(end.atUnix, slotSeconds) - beginSlot(begin.atUnix, slotSeconds);
            const part = BigInt(price) * BigInt(LIMITS.slotDelta * Math.max(slots, 1));
            if (part > 0n) most += part;
            else least += part;
        }
    }
    return { least, most };
}
