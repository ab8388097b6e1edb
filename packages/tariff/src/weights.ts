import type { Period } from "./prices.ts";
import type { RecordedBoundary, RecordedEpoch } from "./recorded.ts";

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
 */
export function weigh(
    epochs: readonly RecordedEpoch[],
    period: Period,
    pricesMicro: readonly number[],
): EpochWeights[] {
    return epochs.map(({ boundaries, sealEpoch }) => {
        const weights = new Array<bigint>(boundaries.length).fill(0n);
        for (let i = 1; i < boundaries.length; i++) {
            const slot = (boundaries[i] as RecordedBoundary).slot - 1;
            if (slot < period.fromSlot || slot >= period.toSlot) continue;
            const price = BigInt(pricesMicro[slot - period.fromSlot] ?? 0);
            weights[i] = (weights[i] as bigint) + price;
            weights[i - 1] = (weights[i - 1] as bigint) - price;
        }
        const terms = boundaries.map((boundary, i) => ({ boundary, weight: weights[i] as bigint }));
        return { sealEpoch, terms: terms.filter(({ weight }) => weight !== 0n) };
    });
}

/**
 * Weights of the boundaries of a period in which none is missing, one more than there are prices:
 * v_t = w_(t−1) − w_t, for a token that is made before the data.
 */
export function boundaryWeights(pricesMicro: readonly number[]): bigint[] {
    return Array.from(
        { length: pricesMicro.length + 1 },
        (_, i) => BigInt(pricesMicro[i - 1] ?? 0) - BigInt(pricesMicro[i] ?? 0),
    );
}
