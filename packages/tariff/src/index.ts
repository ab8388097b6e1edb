/**
 * Layer 3, without I/O: what energy costs, and bills that prove themselves. A tariff gives each slot a
 * whole price; {@link weigh} turns prices into weights of register boundaries; a household proves the
 * amount with {@link proveBill}, and anybody checks it with {@link checkBill} against the commitments
 * that the meter signed, without a key and without a reading.
 *
 * @packageDocumentation
 */
export { type Bill, formatBill, parseBill } from "./bill.ts";
export {
    type Band,
    type BandRule,
    CHARGE_PER,
    decodeTariff,
    encodeTariff,
    type FixedCharge,
    type PricePlan,
    type TariffBody,
} from "./body.ts";
export type { ChargeLine } from "./charges.ts";
export { type CheckedBill, checkBill } from "./check.ts";
export type { Coverage, Gap, GapRun } from "./coverage.ts";
export { pricedStretches } from "./landings.ts";
export { type BillBasis, groupPrices, type PublishedTariff } from "./lines.ts";
export { energyMoney, exactMoney, type Money, roundedMoney, totalMoney } from "./money.ts";
export { indexSeries, type Period, periodOf, pricesOf, type SeriesTariff } from "./prices.ts";
export { type Prover, proveBill } from "./prove.ts";
export { findShortfall, type Shortfall } from "./reach.ts";
export { type RecordedStream, readStream } from "./recorded.ts";
export { checkPrices, checkRange } from "./rules.ts";
export { parseTariffText } from "./text.ts";
export { type GroupWeights, tokenWeights } from "./token.ts";
export { describeWeighted, type WeightedDescription, weightedSum } from "./weighted-sum.ts";
export { weigh } from "./weights.ts";
