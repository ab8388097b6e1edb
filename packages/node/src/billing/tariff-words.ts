import { formatInstant, toHex } from "@meterseal/core";
import {
    type BandRule,
    CHARGE_PER,
    exactMoney,
    type PricePlan,
    type TariffBody,
} from "@meterseal/tariff";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MICRO_DIGITS = 6;

/** A tariff in lines for a person. */
export function describeTariff(tariff: TariffBody): string[] {
    const { charges, currency, exports, fromUnix, imports, name, toUnix, zone } = tariff;
    const end = toUnix === null ? "without an end" : `until ${formatInstant(toUnix, zone)}`;
    const price = (micro: number): string => exactMoney({ value: BigInt(micro), digits: 6 }, 2);
    return [
        `tariff    ${name}`,
        `valid     from ${formatInstant(fromUnix, zone)} ${end}, by the clock of ${zone}`,
        ...planLines("import", imports, currency, zone),
        ...(exports === null
            ? ["export    not paid for"]
            : planLines("export", exports, currency, zone)),
        ...charges.map(
            ({ amountMicro, name: charge, per }) =>
                `charge    ${charge}: ${price(amountMicro)} ${currency} a ${per === CHARGE_PER.day ? "day" : "month"}`,
        ),
        `rounding  a bill has ${tariff.decimals} digits behind the point, halves away from zero`,
    ];
}

function planLines(direction: string, plan: PricePlan, currency: string, zone: string): string[] {
    const per = (micro: number): string =>
        `${exactMoney({ value: BigInt(micro), digits: MICRO_DIGITS }, 2)} ${currency}/kWh`;
    const label = direction.padEnd(10);
    switch (plan.kind) {
        case "bands": {
            const [first, ...others] = plan.bands.map(
                ({ name, priceMicro }) => `${name} ${per(priceMicro)}`,
            );
            const rules = plan.rules.map(
                (rule) => `          ${plan.bands[rule.band]?.name}: ${ruleWords(rule)}`,
            );
            return [`${label}${[first, ...others].join(", ")}`, ...rules];
        }
        case "series": {
            const { pricesMicro, slotSeconds, startUnix } = plan;
            const low = per(pricesMicro.reduce((a, b) => Math.min(a, b)));
            const high = per(pricesMicro.reduce((a, b) => Math.max(a, b)));
            const start = formatInstant(startUnix, zone);
            return [
                `${label}${pricesMicro.length} prices of ${slotSeconds / 60} minutes each from ${start}, ${low} to ${high}`,
            ];
        }
        case "index":
            return [
                `${label}price series of tariff ${toHex(plan.series)}, plus ${per(plan.adderMicro)}`,
            ];
    }
}

function ruleWords({ days, fromMinute, months, toMinute }: BandRule): string {
    const time =
        fromMinute === 0 && toMinute === 1440 ? "" : `${clock(fromMinute)} to ${clock(toMinute)}`;
    return [time, maskWords(days, DAYS), maskWords(months, MONTHS)]
        .filter((part) => part !== "")
        .join(", ");
}

/** Names of the bits of a mask; nothing where all are set. */
function maskWords(mask: number, names: readonly string[]): string {
    if (mask === 2 ** names.length - 1) return "";
    return names.filter((_, bit) => ((mask >> bit) & 1) === 1).join(" ");
}

function clock(minute: number): string {
    const two = (number: number): string => String(number).padStart(2, "0");
    return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** A tariff for programs: amounts as decimal text. */
export function tariffJson(tariff: TariffBody): Record<string, unknown> {
    const price = (micro: number): string => exactMoney({ value: BigInt(micro), digits: 6 }, 0);
    const plan = (of: PricePlan): unknown => {
        switch (of.kind) {
            case "bands":
                return {
                    bands: Object.fromEntries(of.bands.map((b) => [b.name, price(b.priceMicro)])),
                    times: of.rules.map((rule) => ({
                        band: of.bands[rule.band]?.name,
                        from: clock(rule.fromMinute),
                        to: clock(rule.toMinute),
                        days: DAYS.filter((_, bit) => ((rule.days >> bit) & 1) === 1),
                        months: MONTHS.map((_, i) => i + 1).filter(
                            (month) => ((rule.months >> (month - 1)) & 1) === 1,
                        ),
                    })),
                };
            case "series":
                return {
                    start: formatInstant(of.startUnix, tariff.zone),
                    minutes: of.slotSeconds / 60,
                    prices: of.pricesMicro.map(price),
                };
            case "index":
                return { index: toHex(of.series), plus: price(of.adderMicro) };
        }
    };
    return {
        name: tariff.name,
        currency: tariff.currency,
        decimals: tariff.decimals,
        zone: tariff.zone,
        from: formatInstant(tariff.fromUnix, tariff.zone),
        ...(tariff.toUnix === null ? {} : { to: formatInstant(tariff.toUnix, tariff.zone) }),
        import: plan(tariff.imports),
        ...(tariff.exports === null ? {} : { export: plan(tariff.exports) }),
        charges: tariff.charges.map(({ amountMicro, name, per }) => ({
            name,
            amount: price(amountMicro),
            per: per === CHARGE_PER.day ? "day" : "month",
        })),
    };
}
