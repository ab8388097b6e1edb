import { ok, type Result } from "@meterseal/core";
import { type BillBasis, groupPrices } from "./lines.ts";
import { allowPrices } from "./rules.ts";

/** Weights of one group, one for each boundary of a period: one more than there are slots. */
export type GroupWeights = { readonly group: number; readonly weights: readonly bigint[] };

/**
 * Weights of a period in which no boundary is missing, for the token of a W grant, which may be made
 * before the data. Export counts below zero, so that the sums of all groups together are the bill.
 * @param groups - of the stream, ascending.
 * @returns MS_TARIFF where the prices would reveal more than their sum, or do not fit the period.
 */
export function tokenWeights(
    basis: Pick<BillBasis, "period" | "tariff">,
    groups: readonly number[],
    isMarketSeries: boolean,
): Result<GroupWeights[]> {
    const priced = groupPrices(basis.tariff, groups, basis.period);
    if (!priced.ok) return priced;
    for (const group of priced.value) {
        const allowed = allowPrices(group, basis.period, isMarketSeries);
        if (!allowed.ok) return allowed;
    }
    return ok(
        priced.value.map(({ group, pricesMicro }) => ({
            group,
            weights: boundaryWeights(pricesMicro),
        })),
    );
}

/** v_t = w_(t−1) − w_t, one more than there are prices. */
function boundaryWeights(pricesMicro: readonly number[]): bigint[] {
    return Array.from(
        { length: pricesMicro.length + 1 },
        (_, i) => BigInt(pricesMicro[i - 1] ?? 0) - BigInt(pricesMicro[i] ?? 0),
    );
}
