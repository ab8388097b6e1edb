import type { MediumName } from "@meterseal/record";
import type { Telegram, TelegramValue } from "@meterseal/telegram";
import { amountOf } from "./registers.ts";

type Medium = Exclude<MediumName, "electricity">;

/** Types of sub-meters behind a P1 port (EN 13757-3 table 3, as `0-n:24.1.0` says them). */
const DEVICE_TYPES: Readonly<Record<Medium, readonly bigint[]>> = {
    gas: [3n],
    water: [6n, 7n],
    heat: [4n, 12n],
};
/** What their registers are called: the last reading, in Belgium of gas that is not converted. */
const SUB_METER_CODES = ["24.2.1", "24.2.3"];
/** Codes of a meter that has a port of its own (EN 13757-1; EN 1434 for readouts of heat meters). */
const OWN_CODES: Readonly<Record<Medium, (channel: number) => readonly string[]>> = {
    gas: (channel) => [`7-${channel}:3.0.0`],
    water: (channel) => [`8-${channel}:1.0.0`, `9-${channel}:1.0.0`],
    heat: (channel) => [`6-${channel}:1.0.0`, `1-${channel}:6.8.0`],
};

/** A register and when its meter took it; null where the telegram does not say. */
export type MediumReading = { readonly register: bigint; readonly atUnix: number | null };

/**
 * Register of gas, water or heat in a telegram: of a sub-meter of a P1 port, or of a meter of its own, in
 * whole litres or Wh, rounded down.
 * @param channel - which of several: n of `0-n` in P1, else OBIS group B; null where there is one.
 * @returns why there is none: `no register`, or `several meters` where one must be chosen.
 */
export function mediumRegisterOf(
    { values }: Telegram,
    medium: Medium,
    channel: number | null,
): MediumReading | "no register" | "several meters" {
    const found = [
        ...subMeters(values, medium, channel),
        ...OWN_CODES[medium](channel ?? 0).flatMap((code) => withCode(values, code)),
    ];
    const [value, another] = found;
    if (value === undefined) return "no register";
    if (another !== undefined) return "several meters";
    const register = amountOf([value], 0n, medium === "heat" ? "Wh" : "Litres");
    return register === null ? "no register" : { register, atUnix: value.atUnix };
}

function subMeters(
    values: readonly TelegramValue[],
    medium: Medium,
    channel: number | null,
): TelegramValue[] {
    return values.flatMap(({ digits, obis }) => {
        const [, number] = /^0-(\d{1,3}):24\.1\.0$/.exec(obis) ?? [];
        const isAsked = channel === null || number === `${channel}`;
        if (number === undefined || !isAsked || !DEVICE_TYPES[medium].includes(digits)) return [];
        const [first] = SUB_METER_CODES.flatMap((code) => withCode(values, `0-${number}:${code}`));
        return first ?? [];
    });
}

function withCode(values: readonly TelegramValue[], code: string): TelegramValue[] {
    return values.filter(({ obis }) => obis === code).slice(0, 1);
}
