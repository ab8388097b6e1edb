import { unwrap } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { type GrantEpoch, type GrantTerms, weightedBody } from "@meterseal/seal";
import { periodOf, pricesOf, readStream, type TariffBody, weigh } from "@meterseal/tariff";

export const ZONE = "Europe/London";
/** Day and night prices of the import, one of the export. */
export const TARIFF: TariffBody = {
    name: "day and night",
    zone: ZONE,
    currency: "GBP",
    decimals: 2,
    fromUnix: 1_300_000_000,
    toUnix: null,
    imports: {
        kind: "bands",
        bands: [
            { name: "night", priceMicro: 120_000 },
            { name: "day", priceMicro: 310_000 },
        ],
        rules: [{ band: 1, days: 127, months: 4095, fromMinute: 7 * 60, toMinute: 23 * 60 }],
    },
    exports: { kind: "bands", bands: [{ name: "any", priceMicro: 41_000 }], rules: [] },
    charges: [],
};

/**
 * One number a group: what the keys of the range weigh by the prices of {@link TARIFF}.
 * @param records - those that the household has.
 * @param committed - groups that they commit to.
 */
export function weightedStreetBody(
    terms: GrantTerms,
    epochs: readonly GrantEpoch[],
    records: readonly MeterRecord[],
    committed: number,
): Uint8Array {
    const { fromUnix, groups, slotSeconds, streamId, toUnix } = terms;
    const recorded = unwrap(readStream(records, streamId));
    const period = unwrap(periodOf(fromUnix, toUnix, slotSeconds));
    const weights = groups.map((group) => {
        const plan = group === 0 ? TARIFF.imports : TARIFF.exports;
        const prices = unwrap(pricesOf(TARIFF, plan ?? TARIFF.imports, period, null));
        const weighed = unwrap(weigh(recorded.epochs, period, prices));
        return {
            group,
            isCommitted: group < committed,
            epochs: weighed.map(({ sealEpoch, terms: own }) => ({
                sealEpoch,
                terms: own.map(({ boundary, weight }) => ({ address: boundary.address, weight })),
            })),
        };
    });
    return unwrap(weightedBody(terms, epochs, weights));
}
