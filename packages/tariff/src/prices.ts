import {
    bytesEqual,
    error,
    fail,
    monthOfDay,
    ok,
    type Result,
    readZoneOffsets,
    SLOT_ORIGIN_UNIX,
    slotOfUnix,
    unixOfSlot,
    type ZoneOffsets,
} from "@meterseal/core";
import type { BandRule, PricePlan, TariffBody } from "./body.ts";

/** Consecutive slots of a stream, the last one not included. */
export type Period = {
    readonly slotSeconds: number;
    readonly fromSlot: number;
    readonly toSlot: number;
};

/** A tariff that another one's index names, as found on the ledger. */
export type SeriesTariff = { readonly hash: Uint8Array; readonly body: TariffBody };

type BandPlan = Extract<PricePlan, { kind: "bands" }>;
type IndexPlan = Extract<PricePlan, { kind: "index" }>;
type SeriesPlan = Extract<PricePlan, { kind: "series" }>;

const DAY_SECONDS = 86_400;
/** 2000-01-01 was a Saturday; Monday counts as 0. */
const WEEKDAY_OF_ORIGIN = 5;

/**
 * Slots of a period between two instants.
 * @returns MS_USAGE where an instant is no slot boundary, or the period has no slot.
 */
export function periodOf(fromUnix: number, toUnix: number, slotSeconds: number): Result<Period> {
    const fromSlot = slotOfUnix(fromUnix, slotSeconds);
    const toSlot = slotOfUnix(toUnix, slotSeconds);
    const areBoundaries =
        unixOfSlot(fromSlot, slotSeconds) === fromUnix &&
        unixOfSlot(toSlot, slotSeconds) === toUnix;
    if (areBoundaries && fromSlot < toSlot) return ok({ slotSeconds, fromSlot, toSlot });
    const expected = `a period from one boundary of the ${slotSeconds} s slots to a later one`;
    return fail(error("MS_USAGE", { expected }));
}

/**
 * Price of each slot of a period, millionths of the currency unit per kWh, by the civil clock of the
 * tariff's zone: also over a change of the clocks, where a day has 23, 25 or other hours.
 * @param series - what an index names; null where there is none.
 * @returns MS_TARIFF where the tariff is not valid throughout, a price changes within a slot, or a
 * series does not reach or is none of {@link indexSeries}; MS_ZONE.
 */
export function pricesOf(
    tariff: TariffBody,
    plan: PricePlan,
    period: Period,
    series: SeriesTariff | null,
): Result<number[]> {
    const fromUnix = unixOfSlot(period.fromSlot, period.slotSeconds);
    const toUnix = unixOfSlot(period.toSlot, period.slotSeconds);
    if (fromUnix < tariff.fromUnix || (tariff.toUnix !== null && toUnix > tariff.toUnix)) {
        return refuse(tariff, "a period within the tariff's validity");
    }
    switch (plan.kind) {
        case "bands":
            return bandPrices(tariff, plan, period);
        case "series":
            return seriesPrices(tariff, plan, period);
        case "index": {
            const inner = indexSeries(tariff, plan, series);
            if (!inner.ok) return inner;
            const prices = pricesOf(inner.value.body, inner.value.plan, period, null);
            return prices.ok ? ok(prices.value.map((p) => p + plan.adderMicro)) : prices;
        }
    }
}

/**
 * The prices behind an index of a tariff.
 * @param series - what was found on the ledger; null where nothing was.
 * @returns MS_TARIFF where it is not what the index names, no price series, or in another currency than
 * the tariff, whose prices it would be added to.
 */
export function indexSeries(
    tariff: TariffBody,
    plan: IndexPlan,
    series: SeriesTariff | null,
): Result<{ readonly body: TariffBody; readonly plan: SeriesPlan }> {
    if (series === null || !bytesEqual(series.hash, plan.series)) {
        return refuse(tariff, "the price series that its index names");
    }
    const { body } = series;
    if (body.imports.kind !== "series") return refuse(body, "a price series");
    if (body.currency !== tariff.currency) {
        return refuse(body, `a price series in ${tariff.currency}`, body.currency);
    }
    return ok({ body, plan: body.imports });
}

function refuse({ name: where }: TariffBody, expected: string, got?: string): Result<never> {
    return fail(error("MS_TARIFF", { where, expected, ...(got === undefined ? {} : { got }) }));
}

function seriesPrices(
    tariff: TariffBody,
    plan: SeriesPlan,
    { fromSlot, slotSeconds, toSlot }: Period,
): Result<number[]> {
    const startSeconds = plan.startUnix - SLOT_ORIGIN_UNIX;
    if (plan.slotSeconds % slotSeconds !== 0 || startSeconds % slotSeconds !== 0) {
        return refuse(tariff, `prices that change at boundaries of the ${slotSeconds} s slots`);
    }
    const prices: number[] = [];
    for (let slot = fromSlot; slot < toSlot; slot++) {
        const place = Math.floor((slot * slotSeconds - startSeconds) / plan.slotSeconds);
        const price = plan.pricesMicro[place];
        if (price === undefined) return refuse(tariff, "a series with a price for every slot");
        prices.push(price);
    }
    return ok(prices);
}

function bandPrices(
    tariff: TariffBody,
    plan: BandPlan,
    { fromSlot, slotSeconds, toSlot }: Period,
): Result<number[]> {
    const [first] = plan.bands;
    if (plan.rules.length === 0) {
        return ok(new Array<number>(toSlot - fromSlot).fill(first?.priceMicro ?? 0));
    }
    const clock = civilClock(tariff.zone);
    if (!clock.ok) return clock;
    const fits = (seconds: number): boolean => seconds % slotSeconds === 0;
    const minutes = plan.rules.flatMap((rule) => [rule.fromMinute, rule.toMinute]);
    if (!minutes.every((minute) => fits(minute * 60))) {
        return refuse(tariff, `bands that change at boundaries of the ${slotSeconds} s slots`);
    }
    const prices: number[] = [];
    for (let slot = fromSlot; slot < toSlot; slot++) {
        const moment = clock.value.at(unixOfSlot(slot, slotSeconds));
        if (!fits(moment.offsetSeconds)) {
            return refuse(tariff, `a zone whose offset fits the ${slotSeconds} s slots`);
        }
        const band = plan.rules.findLast((rule) => applies(rule, moment))?.band ?? 0;
        prices.push(plan.bands[band]?.priceMicro ?? 0);
    }
    return ok(prices);
}

function applies(rule: BandRule, { minute, month, weekday }: CivilMoment): boolean {
    if (((rule.days >> weekday) & 1) === 0 || ((rule.months >> month) & 1) === 0) return false;
    const { fromMinute, toMinute } = rule;
    return fromMinute < toMinute
        ? minute >= fromMinute && minute < toMinute
        : minute >= fromMinute || minute < toMinute;
}

/** What the civil clock shows at an instant. */
type CivilMoment = {
    /** 0 Monday … 6 Sunday. */
    readonly weekday: number;
    /** 0 January … 11 December. */
    readonly month: number;
    /** Minute of the day. */
    readonly minute: number;
    readonly offsetSeconds: number;
};

/** Clocks that were read from the zone database: it takes milliseconds, and zones are few. */
const clocks = new Map<string, CivilClock>();

/**
 * Civil clock of an IANA zone.
 * @returns MS_ZONE for a zone that is unknown.
 */
function civilClock(zone: string): Result<CivilClock> {
    const known = clocks.get(zone);
    if (known !== undefined) return ok(known);
    const offsets = readZoneOffsets(zone);
    if (!offsets.ok) return offsets;
    const clock = new CivilClock(offsets.value);
    clocks.set(zone, clock);
    return ok(clock);
}

/** Civil clock of a zone. */
class CivilClock {
    readonly #offsets: ZoneOffsets;
    #piece = 0;

    constructor(offsets: ZoneOffsets) {
        this.#offsets = offsets;
    }

    /** What the clock shows; quick for instants that follow one another. */
    at(unix: number): CivilMoment {
        const { offsetsSeconds, startsUnix } = this.#offsets;
        while (unix < (startsUnix[this.#piece] as number)) this.#piece--;
        while (unix >= (startsUnix[this.#piece + 1] ?? Number.POSITIVE_INFINITY)) this.#piece++;
        const offsetSeconds = offsetsSeconds[this.#piece] as number;
        const civil = unix - SLOT_ORIGIN_UNIX + offsetSeconds;
        const day = Math.floor(civil / DAY_SECONDS);
        return {
            weekday: (((day + WEEKDAY_OF_ORIGIN) % 7) + 7) % 7,
            month: ((monthOfDay(day) % 12) + 12) % 12,
            minute: Math.floor((civil - day * DAY_SECONDS) / 60),
            offsetSeconds,
        };
    }
}
