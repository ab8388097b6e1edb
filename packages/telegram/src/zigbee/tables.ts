import type { Unit } from "../value.ts";

/** Attributes of the metering cluster 0x0702 that are not registers (Smart Energy D.3.2.2). */
export const ATTRIBUTE = {
    unitOfMeasure: 0x0300,
    multiplier: 0x0301,
    divisor: 0x0302,
    meteringDeviceType: 0x0306,
    meterSerialNumber: 0x0308,
} as const;

/** Registers: OBIS groups C.D.E in electricity, and whether the value is a demand. */
export const REGISTERS: ReadonlyMap<number, readonly [code: string, isDemand: boolean]> = new Map([
    [0x0000, ["1.8.0", false]],
    [0x0001, ["2.8.0", false]],
    [0x0400, ["16.7.0", true]],
    // Tiers delivered and received follow one another, 0x0100, 0x0101, 0x0102, …
    ...Array.from({ length: 15 }, (_, i): [number, readonly [string, boolean]][] => [
        [0x0100 + 2 * i, [`1.8.${i + 1}`, false]],
        [0x0101 + 2 * i, [`2.8.${i + 1}`, false]],
    ]).flat(),
]);

/** Unit of a register and of a demand by UnitofMeasure; bit 7 asks for BCD on displays alone. */
export const UNITS: ReadonlyMap<
    number,
    { readonly scaler: number; readonly register: Unit; readonly demand: Unit }
> = new Map([
    [0x00, { scaler: 3, register: "Wh", demand: "W" }], // kWh, kW
    [0x01, { scaler: 0, register: "m3", demand: "m3/h" }],
    [0x07, { scaler: -3, register: "m3", demand: "m3/h" }], // litres
    [0x0d, { scaler: 6, register: "J", demand: "J/h" }], // MJ
    [0x0e, { scaler: 3, register: "varh", demand: "var" }], // kvarh
]);

/** OBIS group A and code of the main register by MeteringDeviceType; the others are electricity. */
export const MEDIA: ReadonlyMap<number, readonly [group: number, code: string]> = new Map([
    [1, [7, "3.0.0"]], // gas
    [2, [8, "1.0.0"]], // water
    [3, [6, "1.0.0"]], // thermal
    [5, [6, "1.0.0"]], // heat
    [6, [5, "1.0.0"]], // cooling
]);
