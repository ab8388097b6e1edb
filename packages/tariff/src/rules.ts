import { error, fail, LIMITS, ok, type Result } from "@meterseal/core";
import type { GroupPrices } from "./lines.ts";
import type { Period } from "./prices.ts";

/** Slots that every price of a period must apply to, so that no price singles one out. */
const LEVEL_SLOTS_MIN = 8;
/** Largest ratio of two differences from the lowest price. */
const PRICE_RATIO_MAX = 100;
/** The shortest civil day. */
const DAY_SECONDS_MIN = 23 * 3600;

/**
 * Refuses prices that would reveal more than what a period costs (formats 9): a sum over weights such
 * as 1, 2^16, 2^32 is the readings themselves, and a price that one slot has alone is that slot's.
 * Exempt are series of an independent market operator; whoever calls decides whom it believes that.
 * @param pricesMicro - of one direction, by slot.
 * @returns MS_TARIFF, with the rule that does not hold.
 */
export function checkPrices(pricesMicro: readonly number[], period: Period): Result<null> {
    if (pricesMicro.length * period.slotSeconds < DAY_SECONDS_MIN) {
        return refuse("a period of a day or more");
    }
    const slots = new Map<number, number>();
    for (const price of pricesMicro) slots.set(price, (slots.get(price) ?? 0) + 1);
    for (const [price, count] of slots) {
        if (count >= LEVEL_SLOTS_MIN) continue;
        const got = `${count} at ${price} millionths`;
        return refuse(`every price in at least ${LEVEL_SLOTS_MIN} slots of the period`, got);
    }
    const levels = [...slots.keys()].sort((a, b) => a - b);
    const [base = 0, second] = levels;
    const highest = levels.at(-1) ?? base;
    if (second !== undefined && highest - base > PRICE_RATIO_MAX * (second - base)) {
        const got = `${highest - base} to ${second - base}`;
        return refuse(`differences from the lowest price of at most 1 to ${PRICE_RATIO_MAX}`, got);
    }
    return ok(null);
}

/**
 * Refuses prices whose sum over the period might reach 2^63 and wrap, at the largest growth that a
 * register can have.
 */
export function checkRange(pricesMicro: readonly number[]): Result<null> {
    const sum = pricesMicro.reduce((total, price) => total + BigInt(Math.abs(price)), 0n);
    if (sum * BigInt(LIMITS.slotDelta) < 2n ** 63n) return ok(null);
    return refuse("prices and a period whose bill stays below 2^63");
}

/**
 * Both rules for the prices of one direction under a tariff.
 * @param isMarketSeries - whether the household believes that the publisher of the series that the
 * tariff's index names is an independent market; then a price may belong to one slot alone.
 * @returns MS_TARIFF as {@link checkPrices} and {@link checkRange}.
 */
export function allowPrices(
    { isIndex, pricesMicro }: GroupPrices,
    period: Period,
    isMarketSeries: boolean,
): Result<null> {
    const range = checkRange(pricesMicro);
    if (!range.ok) return range;
    if (isIndex && isMarketSeries) return ok(null);
    const checked = checkPrices(pricesMicro, period);
    if (checked.ok || !isIndex) return checked;
    const todo =
        "Name the series' publisher as a market that you believe to be independent, or refuse the tariff.";
    return fail(error("MS_TARIFF", { ...checked.error.details, todo }));
}

function refuse(expected: string, got?: string): Result<never> {
    return fail(error("MS_TARIFF", { expected, ...(got === undefined ? {} : { got }) }));
}
