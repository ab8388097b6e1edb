import { sha256, unixOfSlot, unwrap } from "@meterseal/core";
import {
    type Bill,
    checkBill,
    encodeTariff,
    type Period,
    type PublishedTariff,
    parseTariffText,
    pricesOf,
    proveBill,
    roundedMoney,
    totalMoney,
} from "@meterseal/tariff";
import { type Home, ZONE } from "./home.ts";
import type { Store } from "./store.ts";

/** A tariff as its provider writes it; on a ledger its message has the hash. */
export function publish(changes: object): PublishedTariff {
    const text = { name: "day and night", currency: "GBP", zone: ZONE, from: "2012-01-01" };
    const body = unwrap(parseTariffText({ ...text, ...changes }));
    return { hash: sha256(encodeTariff(body)), body, series: null };
}

/** Day and night, with a standing charge. */
export const DAY_NIGHT: PublishedTariff = publish({
    import: {
        bands: { day: "0.17", night: "0.09" },
        times: [{ band: "night", from: "00:30", to: "07:30" }],
    },
    charges: [{ name: "standing charge", amount: "0.25", per: "day" }],
});

/** Prices by which one sum would give single half-hours away. */
export const LADDER: PublishedTariff = publish({
    name: "a ladder",
    import: {
        bands: { base: "0.000001", one: "0.000256", two: "0.065536" },
        times: [
            { band: "one", from: "18:00", to: "18:30" },
            { band: "two", from: "18:30", to: "19:00" },
        ],
    },
});

/** The household's side: amount and blind, and nothing else leaves. */
export function prove(home: Home, store: Store, period: Period): Bill {
    const { master, meter, network, stream } = home.key;
    const prover = { network, meter, stream, master: master as Uint8Array, isMarketSeries: false };
    return unwrap(proveBill(prover, basisOf(home, store, period)));
}

/** Anybody's side: the money of a bill that follows from the signed commitments; null for another. */
export function check(bill: Bill, home: Home, store: Store, period: Period): string | null {
    const checked = checkBill(bill, basisOf(home, store, period));
    return checked.ok ? roundedMoney(totalMoney(checked.value), 2) : null;
}

/** The same amount from the readings, as only the household can add it up. */
export function amountFromReadings(home: Home, period: Period): bigint {
    const { body } = DAY_NIGHT;
    const prices = unwrap(pricesOf(body, body.imports, period, null));
    return prices.reduce((sum, priceMicro, i) => {
        const fromUnix = unixOfSlot(period.fromSlot + i, period.slotSeconds);
        return sum + home.usedWh(fromUnix, fromUnix + period.slotSeconds) * BigInt(priceMicro);
    }, 0n);
}

function basisOf(home: Home, store: Store, period: Period) {
    return { recorded: store.recorded(home.key.stream.streamId), tariff: DAY_NIGHT, period };
}
