import { OBIS, phasePoints, type RegisterMap, type RegisterPoint } from "./register-map.ts";
import type { RegisterType } from "./registers.ts";

const needed = (address: number, count: number) => ({ address, count, isOptional: false });
const optional = (address: number, count: number) => ({ address, count, isOptional: true });

const energy = (
    address: number,
    type: RegisterType,
    scaler: number,
    obis: string,
): RegisterPoint => ({
    ...{ obis, address, type, scaler, unit: "Wh" },
});
const power = (address: number, type: RegisterType, scaler: number): RegisterPoint => ({
    ...{ obis: OBIS.power, address, type, scaler, unit: "W" },
});
const frequency = (address: number, type: RegisterType, scaler: number): RegisterPoint => ({
    ...{ obis: OBIS.frequency, address, type, scaler, unit: "Hz" },
});
const voltages = (address: number, type: RegisterType, scaler: number): RegisterPoint[] =>
    phasePoints(OBIS.voltages, address, 2, { type, scaler, unit: "V" });
const currents = (address: number, type: RegisterType, scaler: number): RegisterPoint[] =>
    phasePoints(OBIS.currents, address, 2, { type, scaler, unit: "A" });

/**
 * Meters for the DIN rail that do not speak SunSpec, by the name that a person gives them; addresses
 * begin at 0, as on the line.
 */
export const DIN_RAIL_MAPS = {
    sdm: {
        title: "Eastron SDM72, SDM120, SDM220, SDM230, SDM630",
        table: "input",
        ranges: [needed(0x48, 4), optional(0x00, 18), optional(0x34, 2), optional(0x46, 2)],
        points: [
            energy(0x48, "f32", 3, OBIS.import),
            energy(0x4a, "f32", 3, OBIS.export),
            power(0x34, "f32", 0),
            frequency(0x46, "f32", 0),
            ...voltages(0x00, "f32", 0),
            ...currents(0x06, "f32", 0),
        ],
    },
    "abb-b": {
        title: "ABB A41 to A44, B21 to B24",
        table: "holding",
        ranges: [needed(0x5000, 8), optional(0x5b00, 45)],
        points: [
            energy(0x5000, "u64", 1, OBIS.import),
            energy(0x5004, "u64", 1, OBIS.export),
            power(0x5b14, "s32", -2),
            frequency(0x5b2c, "u16", -2),
            ...voltages(0x5b00, "u32", -1),
            ...currents(0x5b0c, "u32", -2),
        ],
    },
    em300: {
        title: "Carlo Gavazzi EM330, EM340, ET330, ET340",
        table: "input",
        ranges: [needed(0x34, 2), optional(0x4e, 2), optional(0x00, 52)],
        points: [
            energy(0x34, "s32Swapped", 2, OBIS.import),
            energy(0x4e, "s32Swapped", 2, OBIS.export),
            power(0x28, "s32Swapped", -1),
            frequency(0x33, "s16", -1),
            ...voltages(0x00, "s32Swapped", -1),
            ...currents(0x0c, "s32Swapped", -3),
        ],
    },
    pro380: {
        title: "Inepro PRO1, PRO380",
        table: "holding",
        ranges: [needed(0x600c, 14), optional(0x5002, 18)],
        points: [
            energy(0x600c, "f32", 3, OBIS.import),
            energy(0x6018, "f32", 3, OBIS.export),
            power(0x5012, "f32", 3),
            frequency(0x5008, "f32", 0),
            ...voltages(0x5002, "f32", 0),
            ...currents(0x500c, "f32", 0),
        ],
    },
    "orno-3p": {
        title: "Orno WE-516, WE-517",
        table: "holding",
        ranges: [needed(0x108, 10), optional(0x0e, 16)],
        points: [
            energy(0x108, "f32", 3, OBIS.import),
            energy(0x110, "f32", 3, OBIS.export),
            power(0x1c, "f32", 3),
            frequency(0x14, "f32", 0),
            ...voltages(0x0e, "f32", 0),
            ...currents(0x16, "f32", 0),
        ],
    },
} as const satisfies Readonly<Record<string, RegisterMap>>;
