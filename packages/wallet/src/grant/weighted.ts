import { bytesEqual, error, fail, ok, type Result } from "@meterseal/core";
import { GROUP, LEVEL } from "@meterseal/record";
import { GRANT_KIND, type GroupWeights, type Known, type Stretch } from "@meterseal/seal";
import {
    checkPrices,
    checkRange,
    findShortfall,
    type Period,
    type PublishedTariff,
    periodOf,
    pricedStretches,
    pricesOf,
    type RecordedStream,
    type Shortfall,
    weigh,
} from "@meterseal/tariff";
import type { KeyFile } from "../key-file.ts";
import type { EpochChange } from "../policy/journal.ts";
import type { GrantPlan } from "./plan.ts";

/** One sum of a register, weighted by a tariff's prices, that a household wants to grant. */
export type WeightedAsk = {
    /** Import or export; each has prices and a grant of its own. */
    readonly group: number;
    readonly fromUnix: number;
    readonly toUnix: number;
    readonly tariff: PublishedTariff;
    /** True where the household believes that the price series is an independent market's. */
    readonly isMarketSeries: boolean;
};

/**
 * A W grant as it will be made, and what it makes known: each price's own sum, to be safe, over the time
 * whose energy lands at it.
 */
export type WeightedPlan = GrantPlan & {
    readonly weights: readonly GroupWeights[];
    readonly tariffHash: Uint8Array;
    readonly known: Known;
    readonly changes: readonly EpochChange[];
};

/**
 * Plans a W grant over a period that is recorded: what flowed into a gap is priced where it landed, as
 * in a bill. Whoever adds up the sealed registers takes the weights from the same tariff and records.
 * @returns MS_TARIFF where the tariff has no price for the register, or its prices could single out
 * readings; MS_USAGE for a period of no whole slots, or one that is not recorded from its beginning to
 * its end; MS_KEY_FOREIGN for records of another stream; MS_RESEALED where two seal epochs measured a
 * time of the period.
 */
export function planWeighted(
    key: KeyFile,
    recorded: RecordedStream,
    ask: WeightedAsk,
): Result<WeightedPlan> {
    if (!bytesEqual(recorded.stream, key.stream.streamId)) {
        return fail(error("MS_KEY_FOREIGN", { where: "the records' stream" }));
    }
    const { fromUnix, group, tariff, toUnix } = ask;
    const period = periodOf(fromUnix, toUnix, key.stream.slotSeconds);
    if (!period.ok) return period;
    const unrecorded = findUnrecorded(recorded, period.value, fromUnix);
    if (unrecorded !== null) return fail(error("MS_USAGE", { where: "time", ...unrecorded }));
    const prices = pricesFor(ask, period.value);
    if (!prices.ok) return prices;
    const weighed = weigh(recorded.epochs, period.value, prices.value);
    if (!weighed.ok) return weighed;
    const epochs = weighed.value.map(({ sealEpoch, terms }) => ({
        sealEpoch,
        terms: terms.map(({ boundary, weight }) => ({ address: boundary.address, weight })),
    }));
    const place = recorded.groups.indexOf(group);
    const isCommitted = weighed.value.every(({ terms }) =>
        terms.every(({ boundary }) => boundary.commitments.length > place),
    );
    return ok({
        window: "total",
        kind: GRANT_KIND.W,
        groups: [group],
        fromUnix,
        toUnix,
        windows: [],
        weights: [{ group, isCommitted, epochs }],
        tariffHash: tariff.hash,
        known: {
            kind: "sums",
            rows: pricedStretches(recorded.epochs, period.value, prices.value),
        },
        changes: changesWithin(recorded.epochs, fromUnix, toUnix),
    });
}

/**
 * Changes of the seal epoch within a time over which a bill or a weighted sum counts: each device up to
 * its last recorded registers, of which only a closing record says that they are the last.
 */
export function changesWithin(
    epochs: RecordedStream["epochs"],
    fromUnix: number,
    toUnix: number,
): EpochChange[] {
    return epochs.flatMap(({ boundaries: [first], sealEpoch }, i) => {
        const last = epochs[i - 1]?.boundaries.at(-1);
        const isWithin = first !== undefined && first.atUnix > fromUnix;
        if (last === undefined || !isWithin || last.atUnix >= toUnix) return [];
        const isFinal = last.address.level === LEVEL.event;
        return [{ sealEpoch, endUnix: last.atUnix, isFinal }];
    });
}

/**
 * Why a period cannot be weighed once and for all; null where it can. Of two sums over one period, of
 * which one lacks a record, the difference is what was used in it.
 */
function findUnrecorded(
    { epochs }: RecordedStream,
    period: Period,
    fromUnix: number,
): Shortfall | null {
    const firstUnix = epochs[0]?.boundaries[0]?.atUnix ?? Number.POSITIVE_INFINITY;
    if (firstUnix <= fromUnix) return findShortfall(epochs, period);
    return {
        expected: "records that reach back to the beginning of the period",
        todo: "Take a period that begins with the first reading, or later.",
    };
}

/**
 * What a weighted sum makes known, by its tariff alone: each price's own sum, to be safe, as where no
 * reading is missing.
 * @returns MS_TARIFF, MS_USAGE as {@link planWeighted}.
 */
export function knownOfTariff(ask: WeightedAsk, slotSeconds: number): Result<Known> {
    const period = periodOf(ask.fromUnix, ask.toUnix, slotSeconds);
    if (!period.ok) return period;
    const prices = pricesFor(ask, period.value);
    if (!prices.ok) return prices;
    return ok({ kind: "sums", rows: rowsOf(prices.value, period.value) });
}

function pricesFor(ask: WeightedAsk, period: Period): Result<number[]> {
    const { body, series } = ask.tariff;
    const plan =
        ask.group === GROUP.import
            ? body.imports
            : ask.group === GROUP.export
              ? body.exports
              : null;
    if (plan === null) {
        const expected = "a price for the register";
        return fail(error("MS_TARIFF", { expected, got: `none for group ${ask.group}` }));
    }
    const prices = pricesOf(body, plan, period, series);
    if (!prices.ok) return prices;
    const range = checkRange(prices.value);
    if (!range.ok) return range;
    if (plan.kind === "index" && ask.isMarketSeries) return prices;
    const allowed = checkPrices(prices.value, period);
    return allowed.ok ? prices : allowed;
}

/** For each price the stretches of slots that have it, longest runs, ascending. */
function rowsOf(pricesMicro: readonly number[], period: Period): Stretch[][] {
    const rows = new Map<number, Stretch[]>();
    for (let from = 0; from < pricesMicro.length; ) {
        const price = pricesMicro[from] as number;
        let to = from + 1;
        while (pricesMicro[to] === price) to++;
        const row = rows.get(price) ?? [];
        row.push({ fromSlot: period.fromSlot + from, toSlot: period.fromSlot + to });
        rows.set(price, row);
        from = to;
    }
    return [...rows.values()];
}
