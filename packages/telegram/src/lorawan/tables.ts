import type { Unit } from "../value.ts";

/** What stands behind a channel and a type: a little-endian number, text, or bytes to pass over. */
export type Field = {
    readonly length: number;
    /** Null for what is no value: a state, a version, an alarm. */
    readonly obis: string | null;
    readonly kind: "unsigned" | "signed" | "text" | "skip";
    /** What the number is multiplied with, before the power of ten. */
    readonly factor: bigint;
    readonly scaler: number;
    readonly unit: Unit;
};

const PLAIN = { kind: "unsigned", factor: 1n, scaler: 0, unit: "" } as const;

function number(obis: string, length: number, scaler: number, unit: Unit): Field {
    return { ...PLAIN, obis, length, scaler, unit };
}

function skip(length: number): Field {
    return { ...PLAIN, obis: null, length, kind: "skip" };
}

function text(obis: string, length: number): Field {
    return { ...PLAIN, obis, length, kind: "text" };
}

/** Channels of the three phases of a CT303, and their OBIS group C: current of a phase. */
const PHASES: readonly (readonly [channel: number, groupC: number])[] = [
    [0x03, 31],
    [0x05, 51],
    [0x07, 71],
];

/**
 * Fields of Milesight meters, plugs and counters (WS523, CT101, CT303, EM300-DI) by channel and type,
 * as the maker's user guides give them.
 */
export const MILESIGHT: ReadonlyMap<string, Field> = new Map<string, Field>([
    ["01 75", number("0-0:96.6.1", 1, 0, "%")], // battery
    ["03 67", { ...number("0-0:96.9.0", 2, -1, "C"), kind: "signed" }], // ambient temperature
    ["04 68", { ...number("0-0:96.9.2", 1, -1, "%"), factor: 5n }], // humidity, in halves
    ["05 c8", number("1-0:82.8.0", 4, 0, "")], // pulses
    ["03 74", number("1-0:12.7.0", 2, -1, "V")],
    ["04 80", number("1-0:1.7.0", 4, 0, "W")],
    ["05 81", number("1-0:13.7.0", 1, -2, "")], // power factor, in percent
    ["06 83", number("1-0:1.8.0", 4, 0, "Wh")],
    ["07 c9", number("1-0:11.7.0", 2, -3, "A")],
    ["08 70", skip(1)], // socket on or off
    ["03 97", number("1-0:11.8.0", 4, -2, "Ah")],
    ["04 98", number("1-0:11.7.0", 2, -2, "A")],
    ["84 98", skip(7)], // largest, smallest and present current with an alarm
    ...PHASES.slice(1).map(([channel, c]): [string, Field] => [
        nameOf(channel, 0x97),
        number(`1-0:${c}.8.0`, 4, -2, "Ah"),
    ]),
    ...PHASES.flatMap(([channel, c]): [string, Field][] => [
        [nameOf(channel + 1, 0x99), number(`1-0:${c}.7.0`, 2, -1, "A")],
        [nameOf(channel + 0x81, 0x99), skip(7)],
    ]),
    ["20 ce", skip(13)], // a past value, which names no register
    ["ff 01", skip(1)], // version of the protocol
    ["ff 08", text("0-0:96.1.0", 6)], // serial number
    ["ff 16", text("0-0:96.1.0", 8)],
    ["ff 09", skip(2)], // hardware
    ["ff 0a", skip(2)], // firmware
    ["ff 0b", skip(1)], // switched on
    ["ff 0f", skip(1)], // class
    ["ff ff", skip(2)], // version of the description
    ["ff fe", skip(1)], // reset
]);

/** Name of a field: channel and type in hexadecimal digits. */
export function nameOf(channel: number, type: number): string {
    return [channel, type].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
