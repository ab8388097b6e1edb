import { OBIS, phasePoints, type RegisterMap, type RegisterPoint } from "./register-map.ts";
import type { RegisterType } from "./registers.ts";

/** Where a SunSpec device may begin, in the order in which they are tried (SunSpec Device Information Model). */
export const SUNSPEC_BEGINS = [40_000, 50_000, 0] as const;
/** "SunS", in two registers. */
export const SUNSPEC_MARKER = [0x5375, 0x6e53] as const;
/** Number of the model that ends a device. */
export const SUNSPEC_END = 0xffff;
/** Number of the model that names the device, which is the first. */
export const SUNSPEC_COMMON = 1;
/** Places and lengths of texts in the common model, in registers from its number on. */
export const SUNSPEC_NAMES = [
    { obis: "0-0:96.1.4", offset: 2, count: 16 }, // manufacturer
    { obis: "0-0:96.1.5", offset: 18, count: 16 }, // type
    { obis: "0-0:96.1.0", offset: 50, count: 16 }, // serial number
] as const;

/** Number and length, which stand before the values of a model. */
const HEAD = 2;

type Place = Pick<RegisterPoint, "address" | "scalerAt">;

/** Points of a model: places are registers from its number on. */
type Layout = {
    readonly title: string;
    readonly type: {
        readonly energy: RegisterType;
        readonly signed: RegisterType;
        readonly phase: RegisterType;
    };
    readonly energies: Readonly<Record<string, Place>>;
    readonly power: Place;
    readonly frequency: Place;
    readonly voltages: Place;
    readonly currents: Place;
    /** Registers that are read, from the model's number on. */
    readonly count: number;
};

const METER_INTEGER: Layout = {
    title: "SunSpec meter",
    type: { energy: "acc32", signed: "s16", phase: "s16" },
    energies: {
        [OBIS.export]: { address: 38, scalerAt: 54 },
        [OBIS.import]: { address: 46, scalerAt: 54 },
    },
    power: { address: 18, scalerAt: 22 },
    frequency: { address: 16, scalerAt: 17 },
    voltages: { address: 8, scalerAt: 15 },
    currents: { address: 3, scalerAt: 6 },
    count: 55,
};

const METER_FLOAT: Layout = {
    title: "SunSpec meter, floating point",
    type: { energy: "f32", signed: "f32", phase: "f32" },
    energies: { [OBIS.export]: { address: 60 }, [OBIS.import]: { address: 68 } },
    power: { address: 28 },
    frequency: { address: 26 },
    voltages: { address: 12 },
    currents: { address: 4 },
    count: 76,
};

/** An inverter's energy is what it fed in. */
const INVERTER: Layout = {
    title: "SunSpec inverter",
    type: { energy: "acc32", signed: "s16", phase: "u16" },
    energies: { [OBIS.export]: { address: 24, scalerAt: 26 } },
    power: { address: 14, scalerAt: 15 },
    frequency: { address: 16, scalerAt: 17 },
    voltages: { address: 10, scalerAt: 13 },
    currents: { address: 3, scalerAt: 6 },
    count: 27,
};

/** Models of alternating current that hold a register of energy, by their number. */
const LAYOUTS: ReadonlyMap<number, Layout> = new Map([
    ...[201, 202, 203, 204].map((model) => [model, METER_INTEGER] as const),
    ...[211, 212, 213, 214].map((model) => [model, METER_FLOAT] as const),
    ...[101, 102, 103].map((model) => [model, INVERTER] as const),
]);

/**
 * Map of a SunSpec model.
 * @param model - its number: 101 to 103, 201 to 204, 211 to 214.
 * @param address - where its number stands.
 * @param length - registers behind number and length, as the device says.
 * @returns null for a model that is not read, or one too short for it.
 */
export function sunspecMap(model: number, address: number, length: number): RegisterMap | null {
    const layout = LAYOUTS.get(model);
    if (layout === undefined || length + HEAD < layout.count) return null;
    const { count, currents, energies, frequency, power, title, type, voltages } = layout;
    const at = ({ address: offset, scalerAt }: Place) => ({
        address: address + offset,
        ...(scalerAt === undefined ? {} : { scalerAt: address + scalerAt }),
        scaler: 0,
    });
    const step = type.phase === "f32" ? 2 : 1;
    const phases = (codes: readonly string[], place: Place, unit: "V" | "A"): RegisterPoint[] => {
        const { address: first, ...form } = at(place);
        return phasePoints(codes, first, step, { ...form, type: type.phase, unit });
    };
    return {
        title: `${title} ${model}`,
        table: "holding",
        ranges: [{ address, count, isOptional: false }],
        points: [
            ...Object.entries(energies).map(
                ([obis, place]): RegisterPoint => ({
                    ...{ ...at(place), obis, type: type.energy, unit: "Wh" },
                }),
            ),
            { ...at(power), obis: OBIS.power, type: type.signed, unit: "W" },
            { ...at(frequency), obis: OBIS.frequency, type: type.phase, unit: "Hz" },
            ...phases(OBIS.voltages, voltages, "V"),
            ...phases(OBIS.currents, currents, "A"),
        ],
    };
}
