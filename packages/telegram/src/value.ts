/** Base units that values come in; prefixes such as kilo are part of the scaler. */
export type Unit =
    | "Wh" // active energy
    | "varh" // reactive energy
    | "VAh" // apparent energy
    | "W"
    | "var"
    | "VA"
    | "V"
    | "A"
    | "Ah" // charge
    | "Hz"
    | "J" // heat
    | "m3" // gas, water
    | "m3/h"
    | "C" // temperature, degrees Celsius
    | "K" // difference of temperatures
    | "J/h"
    | "kg"
    | "kg/h"
    | "bar"
    | "%"
    | "s"
    | "min"
    | "h"
    | "deg" // phase angle
    | "";

/** A number of a telegram: digits × 10^scaler in its unit, never a float. */
export type TelegramValue = {
    /** OBIS code `A-B:C.D.E`, with `*F` where F is not 255 (IEC 62056-6-1). */
    readonly obis: string;
    readonly digits: bigint;
    /** Power of ten. */
    readonly scaler: number;
    readonly unit: Unit;
    /** When the value was captured, seconds since 1970; null where the telegram does not say. */
    readonly atUnix: number | null;
    /** Digits at which the register begins at 0 again, where its standard says so. */
    readonly wrapsAt?: bigint;
};

/** Text of a telegram, such as a serial number. */
export type TelegramText = { readonly obis: string; readonly text: string };

/** What a telegram was read as. */
export type TelegramKind =
    | "p1"
    | "sml"
    | "iec62056-21"
    | "mbus"
    | "wmbus"
    | "zigbee"
    | "zigbee2mqtt"
    | "tasmota"
    | "shelly"
    | "milesight"
    | "acs712"
    | "modbus";

/** A decoded telegram of any kind. */
export type Telegram = {
    readonly kind: TelegramKind;
    /** How the meter names itself: manufacturer and type, or a server id in hexadecimal. */
    readonly identification: string;
    /** Time of the telegram by the meter's clock, seconds since 1970; null where it has none. */
    readonly atUnix: number | null;
    readonly values: readonly TelegramValue[];
    readonly texts: readonly TelegramText[];
    readonly check: CheckVerdict;
};

/**
 * Verdict on the telegram's own check. `absent`: this variant has none. `truncated`: the end is
 * missing, and with it the check. Only `ok` and `absent` are fit to be recorded.
 */
export type CheckVerdict = "ok" | "mismatch" | "absent" | "truncated";

/** Prefix and base unit of a unit's name as meters write it, in lower case. */
const UNITS: ReadonlyMap<string, readonly [prefix: number, unit: Unit]> = new Map([
    ["wh", [0, "Wh"]],
    ["kwh", [3, "Wh"]],
    ["mwh", [6, "Wh"]],
    ["varh", [0, "varh"]],
    ["kvarh", [3, "varh"]],
    ["kvar", [3, "var"]],
    ["var", [0, "var"]],
    ["vah", [0, "VAh"]],
    ["kvah", [3, "VAh"]],
    ["va", [0, "VA"]],
    ["kva", [3, "VA"]],
    ["w", [0, "W"]],
    ["h", [0, "h"]],
    ["secs", [0, "s"]],
    ["m", [0, "min"]],
    ["kw", [3, "W"]],
    ["mw", [6, "W"]],
    ["v", [0, "V"]],
    ["kv", [3, "V"]],
    ["a", [0, "A"]],
    ["hz", [0, "Hz"]],
    ["j", [0, "J"]],
    ["mj", [6, "J"]],
    ["gj", [9, "J"]],
    ["m3", [0, "m3"]],
    ["m3/h", [0, "m3/h"]],
    ["m3ph", [0, "m3/h"]],
    ["l", [-3, "m3"]],
    ["dm3", [-3, "m3"]],
    ["s", [0, "s"]],
    ["min", [0, "min"]],
    ["c", [0, "C"]],
    ["k", [0, "K"]],
    ["deg", [0, "deg"]],
]);

const DECIMAL = /^([+-]?)(\d{1,20})(?:[.,](\d{1,12}))?$/;
/** Number of JSON (RFC 8259 section 6), with as many digits as a double has written out. */
const JSON_NUMBER = /^(-?)(\d{1,20})(?:\.(\d{1,20}))?(?:[eE]([+-]?\d{1,2}))?$/;

/**
 * Exact value of a JSON number.
 * @returns null where the text is none, or has more than 40 digits or an exponent beyond ±99.
 */
export function parseDecimal(text: string): Pick<TelegramValue, "digits" | "scaler"> | null {
    const match = JSON_NUMBER.exec(text);
    if (match === null) return null;
    const [, sign, whole = "", fraction = "", exponent = "0"] = match;
    const digits = BigInt(whole + fraction);
    return {
        digits: sign === "-" ? -digits : digits,
        scaler: Number(exponent) - fraction.length,
    };
}

/**
 * Exact value of a decimal text and a unit's name in any case, such as `001.193` and `kW`.
 * @returns null where the text is no decimal number of at most 32 digits, or the unit is unknown.
 */
export function parseQuantity(
    text: string,
    unitName: string,
): Pick<TelegramValue, "digits" | "scaler" | "unit"> | null {
    const match = DECIMAL.exec(text);
    const unit = unitName === "" ? ([0, ""] as const) : UNITS.get(unitName.toLowerCase());
    if (match === null || unit === undefined) return null;
    const [, sign, whole = "", fraction = ""] = match;
    const digits = BigInt(whole + fraction);
    return {
        digits: sign === "-" ? -digits : digits,
        scaler: unit[0] - fraction.length,
        unit: unit[1],
    };
}

/**
 * Exact decimal text of a value with its unit.
 * @example formatValue({ digits: 12n, scaler: -1, unit: "V" }); // "1.2 V"
 */
export function formatValue(value: Pick<TelegramValue, "digits" | "scaler" | "unit">): string {
    const { digits, scaler, unit } = value;
    const size = (digits < 0n ? -digits : digits).toString().padStart(1 - scaler, "0");
    const number =
        scaler >= 0
            ? size + "0".repeat(digits === 0n ? 0 : scaler)
            : `${size.slice(0, scaler)}.${size.slice(scaler)}`;
    return `${digits < 0n ? "-" : ""}${number}${unit === "" ? "" : ` ${unit}`}`;
}
