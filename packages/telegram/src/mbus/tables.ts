import type { Unit } from "../value.ts";

/** What the numbers of a value information block mean (EN 13757-3 section 6.4.2). */
export type VifEntry = {
    /** First code. */
    readonly code: number;
    /** Low bits of the code that raise the power of ten. */
    readonly bits: number;
    readonly quantity: MbusQuantity;
    readonly unit: Unit;
    /** Power of ten at the first code. */
    readonly exponent: number;
    /** Where the unit is not a power of ten of ours, such as minutes in seconds. */
    readonly factor?: bigint;
};

/** Physical or administrative meaning of a value. */
export type MbusQuantity =
    | "energy"
    | "volume"
    | "mass"
    | "power"
    | "volume flow"
    | "mass flow"
    | "on time"
    | "operating time"
    | "averaging duration"
    | "actuality duration"
    | "flow temperature"
    | "return temperature"
    | "temperature difference"
    | "external temperature"
    | "pressure"
    | "humidity"
    | "heat cost allocation"
    | "voltage"
    | "current"
    | "date"
    | "date and time"
    | "fabrication number"
    | "identification"
    | "bus address"
    | "medium"
    | "manufacturer"
    | "parameter set"
    | "model or version"
    | "hardware version"
    | "firmware version"
    | "software version"
    | "customer location"
    | "customer"
    | "access number"
    | "error flags"
    | "digital output"
    | "digital input"
    | "other";

/** Table of the primary codes; the first entry that fits counts. */
export const VIF_PRIMARY: readonly VifEntry[] = [
    { code: 0x00, bits: 3, quantity: "energy", unit: "Wh", exponent: -3 },
    { code: 0x08, bits: 3, quantity: "energy", unit: "J", exponent: 0 },
    { code: 0x10, bits: 3, quantity: "volume", unit: "m3", exponent: -6 },
    { code: 0x18, bits: 3, quantity: "mass", unit: "kg", exponent: -3 },
    ...durations(0x20, "on time"),
    ...durations(0x24, "operating time"),
    { code: 0x28, bits: 3, quantity: "power", unit: "W", exponent: -3 },
    { code: 0x30, bits: 3, quantity: "power", unit: "J/h", exponent: 0 },
    { code: 0x38, bits: 3, quantity: "volume flow", unit: "m3/h", exponent: -6 },
    { code: 0x40, bits: 3, quantity: "volume flow", unit: "m3/h", exponent: -7, factor: 60n },
    { code: 0x48, bits: 3, quantity: "volume flow", unit: "m3/h", exponent: -9, factor: 3600n },
    { code: 0x50, bits: 3, quantity: "mass flow", unit: "kg/h", exponent: -3 },
    { code: 0x58, bits: 2, quantity: "flow temperature", unit: "C", exponent: -3 },
    { code: 0x5c, bits: 2, quantity: "return temperature", unit: "C", exponent: -3 },
    { code: 0x60, bits: 2, quantity: "temperature difference", unit: "K", exponent: -3 },
    { code: 0x64, bits: 2, quantity: "external temperature", unit: "C", exponent: -3 },
    { code: 0x68, bits: 2, quantity: "pressure", unit: "bar", exponent: -3 },
    { code: 0x6c, bits: 0, quantity: "date", unit: "", exponent: 0 },
    { code: 0x6d, bits: 0, quantity: "date and time", unit: "", exponent: 0 },
    { code: 0x6e, bits: 0, quantity: "heat cost allocation", unit: "", exponent: 0 },
    ...durations(0x70, "averaging duration"),
    ...durations(0x74, "actuality duration"),
    { code: 0x78, bits: 0, quantity: "fabrication number", unit: "", exponent: 0 },
    { code: 0x79, bits: 0, quantity: "identification", unit: "", exponent: 0 },
    { code: 0x7a, bits: 0, quantity: "bus address", unit: "", exponent: 0 },
];

/** Codes behind FD. */
export const VIF_FD: readonly VifEntry[] = [
    ...(
        [
            [0x08, "access number"],
            [0x09, "medium"],
            [0x0a, "manufacturer"],
            [0x0b, "parameter set"],
            [0x0c, "model or version"],
            [0x0d, "hardware version"],
            [0x0e, "firmware version"],
            [0x0f, "software version"],
            [0x10, "customer location"],
            [0x11, "customer"],
            [0x17, "error flags"],
            [0x1a, "digital output"],
            [0x1b, "digital input"],
        ] as const
    ).map(([code, quantity]): VifEntry => ({ code, bits: 0, quantity, unit: "", exponent: 0 })),
    { code: 0x40, bits: 4, quantity: "voltage", unit: "V", exponent: -9 },
    { code: 0x50, bits: 4, quantity: "current", unit: "A", exponent: -12 },
];

/** Codes behind FB. */
export const VIF_FB: readonly VifEntry[] = [
    { code: 0x00, bits: 1, quantity: "energy", unit: "Wh", exponent: 5 },
    { code: 0x08, bits: 1, quantity: "energy", unit: "J", exponent: 8 },
    { code: 0x10, bits: 1, quantity: "volume", unit: "m3", exponent: 2 },
    { code: 0x18, bits: 1, quantity: "mass", unit: "kg", exponent: 5 },
    { code: 0x1a, bits: 1, quantity: "humidity", unit: "%", exponent: -1 },
    { code: 0x28, bits: 1, quantity: "power", unit: "W", exponent: 5 },
    { code: 0x30, bits: 1, quantity: "power", unit: "J/h", exponent: 8 },
];

/** Seconds, minutes, hours and days under four codes. */
function durations(code: number, quantity: MbusQuantity): VifEntry[] {
    return [1n, 60n, 3600n, 86_400n].map((factor, i) => ({
        code: code + i,
        bits: 0,
        quantity,
        unit: "s",
        exponent: 0,
        factor,
    }));
}

/** Entry of a table that a code falls into. */
export function findVif(table: readonly VifEntry[], code: number): VifEntry | undefined {
    return table.find((entry) => code >= entry.code && code < entry.code + 2 ** entry.bits);
}

/** What an application error of a meter says (EN 13757-3 table 13), by its number. */
export const APPLICATION_ERRORS = [
    "unspecified error",
    "unimplemented CI field",
    "buffer too long, truncated",
    "too many records",
    "premature end of record",
    "more than 10 DIFEs",
    "more than 10 VIFEs",
    "reserved",
    "application too busy",
    "too many readouts",
] as const;

/** Most data records of a frame: each takes two bytes at least. */
export const MBUS_RECORDS = 127;
/** Most extensions of a data or value information block (EN 13757-3 sections 6.3 and 6.4). */
export const MBUS_EXTENSIONS = 10;
