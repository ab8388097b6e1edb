import type { Unit } from "../value.ts";
import type { ModbusTable, RegisterType } from "./registers.ts";

/** A value of a meter: where it stands, and what it is. */
export type RegisterPoint = {
    readonly obis: string;
    readonly address: number;
    readonly type: RegisterType;
    /** Power of ten. */
    readonly scaler: number;
    readonly unit: Unit;
    /** Register that holds a further power of ten, where the meter has one (SunSpec). */
    readonly scalerAt?: number;
};

/** Registers that are read in one request. */
export type RegisterRange = {
    readonly address: number;
    readonly count: number;
    /** Whether smaller models of the series lack it: they refuse the request, and it is left out. */
    readonly isOptional: boolean;
};

/** What to read of a meter, and how: data, no code. */
export type RegisterMap = {
    /** Meters that have it, in words. */
    readonly title: string;
    readonly table: ModbusTable;
    readonly ranges: readonly RegisterRange[];
    readonly points: readonly RegisterPoint[];
};

/** The OBIS codes that maps use. */
export const OBIS = {
    import: "1-0:1.8.0",
    export: "1-0:2.8.0",
    power: "1-0:16.7.0",
    frequency: "1-0:14.7.0",
    voltages: ["1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0"],
    currents: ["1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0"],
} as const;

/** Points of three phases, one behind the other. */
export function phasePoints(
    codes: readonly string[],
    address: number,
    step: number,
    form: Omit<RegisterPoint, "obis" | "address">,
): RegisterPoint[] {
    return codes.map((obis, phase) => ({ obis, address: address + phase * step, ...form }));
}
