import { error, fail, LIMITS, type Result } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    MapReader,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";

/** A price of a tariff with its name, in millionths of the currency unit per kWh. */
export type Band = { readonly name: string; readonly priceMicro: number };

/** When a band applies, by the civil clock of the tariff's zone at the start of a slot. */
export type BandRule = {
    /** Place of the band in the list of bands. */
    readonly band: number;
    /** Bit 0 Monday … bit 6 Sunday: the civil day that the slot itself lies in. */
    readonly days: number;
    /** Bit 0 January … bit 11 December. */
    readonly months: number;
    /** First minute of the civil day, 0 … 1439. */
    readonly fromMinute: number;
    /** First minute after, 1 … 1440; below `fromMinute` where the stretch goes over midnight. */
    readonly toMinute: number;
};

/** What energy of one direction costs. */
export type PricePlan =
    /** Bands by the civil clock: the last rule that applies decides, without one the first band. */
    | {
          readonly kind: "bands";
          readonly bands: readonly Band[];
          readonly rules: readonly BandRule[];
      }
    /** One price after the other, each for a slot of its own length. */
    | {
          readonly kind: "series";
          readonly startUnix: number;
          readonly slotSeconds: number;
          readonly pricesMicro: readonly number[];
      }
    /** The import prices of another tariff, which is a series, plus an amount per kWh. */
    | { readonly kind: "index"; readonly series: Uint8Array; readonly adderMicro: number };

/** What a fixed charge is counted by. */
export const CHARGE_PER = { day: 1, month: 2 } as const;

/** An amount that does not depend on energy. */
export type FixedCharge = {
    readonly name: string;
    /** Millionths of the currency unit; below zero for a rebate. */
    readonly amountMicro: number;
    /** One of {@link CHARGE_PER}: for each civil day or month of the period. */
    readonly per: number;
};

/** What a provider asks and pays, as published on the ledger (formats 9). */
export type TariffBody = {
    /** Name, 1 … 64 characters. */
    readonly name: string;
    /** ISO 4217 code of the currency. */
    readonly currency: string;
    /** Digits behind the point that a bill is rounded to, 0 … 6. */
    readonly decimals: number;
    /** IANA time zone of its bands, days and months. */
    readonly zone: string;
    readonly fromUnix: number;
    /** First instant at which it is no longer valid; null where no end is set. */
    readonly toUnix: number | null;
    /** What the household pays for its import. */
    readonly imports: PricePlan;
    /** What it is paid for its export; null where nothing is. */
    readonly exports: PricePlan | null;
    readonly charges: readonly FixedCharge[];
};

const VERSION = 1;
const PLAN = { bands: 0, series: 1, index: 2 } as const;
const NAME_MAX = 64;
const DECIMALS_MAX = 6;
const INSTANT_MAX = 13_569_465_599;
const MINUTES = 1440;

/** CBOR of a tariff, deterministic: what is published and what a bill names by its message's hash. */
export function encodeTariff(tariff: TariffBody): Uint8Array {
    const { charges, currency, decimals, exports, fromUnix, imports, name, toUnix, zone } = tariff;
    return encodeCbor(
        new Map<number, unknown>([
            [0, VERSION],
            [1, name],
            [2, currency],
            [3, decimals],
            [4, zone],
            [5, fromUnix],
            ...(toUnix === null ? [] : ([[6, toUnix]] as const)),
            [7, encodePlan(imports)],
            ...(exports === null ? [] : ([[8, encodePlan(exports)]] as const)),
            ...(charges.length === 0
                ? []
                : ([[9, charges.map((c) => [c.name, c.amountMicro, c.per])]] as const)),
        ]),
    );
}

function encodePlan(plan: PricePlan): unknown[] {
    switch (plan.kind) {
        case "bands":
            return [
                PLAN.bands,
                plan.bands.map(({ name, priceMicro }) => [name, priceMicro]),
                plan.rules.map((r) => [r.band, r.days, r.months, r.fromMinute, r.toMinute]),
            ];
        case "series":
            return [PLAN.series, plan.startUnix, plan.slotSeconds, plan.pricesMicro];
        case "index":
            return [PLAN.index, plan.series, plan.adderMicro];
    }
}

/**
 * Parses a tariff strictly.
 * @returns MS_MALFORMED names the field; MS_VERSION for a later version; MS_TOO_LARGE beyond
 * {@link LIMITS.tariffBytes}.
 */
export function decodeTariff(bytes: Uint8Array): Result<TariffBody> {
    if (bytes.length > LIMITS.tariffBytes) {
        const expected = `at most ${LIMITS.tariffBytes} bytes`;
        return fail(error("MS_TOO_LARGE", { where: "tariff", expected, got: `${bytes.length}` }));
    }
    return attempt(() => {
        const map = new MapReader(decodeCbor(bytes), "tariff");
        const version = map.integer(0, 1, 0xffff_ffff);
        if (version !== VERSION) {
            throw error("MS_VERSION", {
                where: "tariff",
                expected: `${VERSION}`,
                got: `${version}`,
            });
        }
        const fromUnix = map.integer(5, 0, INSTANT_MAX);
        const tariff: TariffBody = {
            name: toName(map.value(1), map.at(1)),
            currency: toCurrency(map.text(2, 3), map.at(2)),
            decimals: map.integer(3, 0, DECIMALS_MAX),
            zone: map.text(4, NAME_MAX) || malformed(map.at(4), "the name of a time zone"),
            fromUnix,
            toUnix: map.has(6) ? map.integer(6, fromUnix + 1, INSTANT_MAX) : null,
            imports: decodePlan(map.value(7), map.at(7)),
            exports: map.has(8) ? decodePlan(map.value(8), map.at(8)) : null,
            charges: map.has(9) ? decodeCharges(map.array(9, LIMITS.tariffCharges), map.at(9)) : [],
        };
        map.end();
        return tariff;
    });
}

function toName(value: unknown, where: string): string {
    if (typeof value === "string" && value.length >= 1 && value.length <= NAME_MAX) return value;
    return malformed(where, `a name of 1 … ${NAME_MAX} characters`);
}

function toCurrency(text: string, where: string): string {
    return /^[A-Z]{3}$/.test(text) ? text : malformed(where, "a currency such as EUR");
}

function toPrice(value: unknown, where: string): number {
    return toInteger(value, where, -LIMITS.tariffPriceMicro, LIMITS.tariffPriceMicro);
}

function decodePlan(value: unknown, where: string): PricePlan {
    const parts = toArray(value, where, 4);
    const kind = parts[0];
    if (kind === PLAN.bands && parts.length === 3) {
        const bands = toArray(parts[1], where, LIMITS.tariffBands).map((band) => {
            const [name, price] = tuple(band, where, 2);
            return { name: toName(name, where), priceMicro: toPrice(price, where) };
        });
        if (bands.length === 0) malformed(where, "at least one band");
        const rules = toArray(parts[2], where, LIMITS.tariffRules);
        return {
            kind: "bands",
            bands,
            rules: rules.map((r) => decodeRule(r, bands.length, where)),
        };
    }
    if (kind === PLAN.series && parts.length === 4) {
        const pricesMicro = toArray(parts[3], where, LIMITS.tariffPrices);
        if (pricesMicro.length === 0) malformed(where, "at least one price");
        const slotSeconds = toInteger(parts[2], where, 1, 3600);
        if (3600 % slotSeconds !== 0) malformed(where, "slots that divide the hour");
        return {
            kind: "series",
            startUnix: toInteger(parts[1], where, 0, INSTANT_MAX),
            slotSeconds,
            pricesMicro: pricesMicro.map((price) => toPrice(price, where)),
        };
    }
    if (kind === PLAN.index && parts.length === 3) {
        const series = toBytes(parts[1], where, 32);
        return { kind: "index", series, adderMicro: toPrice(parts[2], where) };
    }
    return malformed(where, "bands, a series or an index");
}

function decodeRule(value: unknown, bands: number, where: string): BandRule {
    const [band, days, months, from, to] = tuple(value, where, 5);
    const fromMinute = toInteger(from, where, 0, MINUTES - 1);
    const toMinute = toInteger(to, where, 1, MINUTES);
    if (fromMinute === toMinute) malformed(where, "a stretch of time");
    return {
        band: toInteger(band, where, 0, bands - 1),
        days: toInteger(days, where, 1, 2 ** 7 - 1),
        months: toInteger(months, where, 1, 2 ** 12 - 1),
        fromMinute,
        toMinute,
    };
}

function decodeCharges(values: readonly unknown[], where: string): FixedCharge[] {
    if (values.length === 0) malformed(where, "at least one charge");
    return values.map((value) => {
        const [name, amount, per] = tuple(value, where, 3);
        return {
            name: toName(name, where),
            amountMicro: toPrice(amount, where),
            per: toInteger(per, where, CHARGE_PER.day, CHARGE_PER.month),
        };
    });
}

function tuple(value: unknown, where: string, length: number): readonly unknown[] {
    if (Array.isArray(value) && value.length === length) return value;
    return malformed(where, `entries of ${length} parts`);
}
