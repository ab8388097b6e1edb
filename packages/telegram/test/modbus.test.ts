import { sunspecMeterValues } from "@meterseal/testkit/modbus-device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
    DIN_RAIL_MAPS,
    decodeModbus,
    formatValue,
    type ModbusBlock,
    type RegisterMap,
    sunspecMap,
    type TelegramValue,
    textOfRegisters,
} from "../src/index.ts";
import { expectDecoded } from "./captures.ts";

/** Registers of a float of single precision. */
function float(value: number): number[] {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    return [view.getUint16(0), view.getUint16(2)];
}

/** A block of zeros with some registers set. */
function block(
    map: RegisterMap,
    at: number,
    count: number,
    sets: [number, number[]][],
): ModbusBlock {
    const words = new Uint16Array(count);
    for (const [address, values] of sets) words.set(values, address - at);
    return { table: map.table, address: at, words };
}

function values(map: RegisterMap, ...blocks: ModbusBlock[]): Record<string, string> {
    const telegram = expectDecoded(decodeModbus(map, blocks));
    return Object.fromEntries(telegram.values.map((value) => [value.obis, formatValue(value)]));
}

const METER = 40_070;

function sunspecMeter(energyScaler: number, importUnits: number): readonly TelegramValue[] {
    const map = sunspecMap(203, METER, 105) as RegisterMap;
    const words = [203, 105, ...sunspecMeterValues({ importUnits, exportUnits: 0, energyScaler })];
    const read = { table: map.table, address: METER, words: Uint16Array.from(words) };
    return expectDecoded(decodeModbus(map, [read])).values;
}

describe("a SunSpec meter", () => {
    it("is read with its scale factors; what it does not accumulate or have is left out", () => {
        const read = sunspecMeter(-1, 123_456_789).map((value) => [value.obis, formatValue(value)]);
        expect(Object.fromEntries(read)).toEqual({
            "1-0:1.8.0": "12345678.9 Wh", // and no 2.8.0: an accumulator at 0 does not count
            "1-0:16.7.0": "-1234 W",
            "1-0:14.7.0": "50.00 Hz",
            ...{ "1-0:32.7.0": "230.1 V", "1-0:52.7.0": "229.8 V", "1-0:72.7.0": "231.0 V" },
            ...{ "1-0:31.7.0": "5.12 A", "1-0:51.7.0": "4.98 A", "1-0:71.7.0": "5.05 A" },
        });
    });

    it("says where its register begins at 0 again", () => {
        expect(sunspecMeter(0, 7)[0]).toEqual({
            ...{ obis: "1-0:1.8.0", digits: 7n, scaler: 0, unit: "Wh", atUnix: null },
            wrapsAt: 2n ** 32n,
        });
    });

    it("is not read with a scale factor that is none, and not where it lacks one", () => {
        const map = sunspecMap(203, METER, 105) as RegisterMap;
        const words = (scaler: number): ModbusBlock => ({
            ...{ table: "holding", address: METER },
            words: Uint16Array.from([
                ...[203, 105],
                ...sunspecMeterValues({ importUnits: 9, exportUnits: 9, energyScaler: scaler }),
            ]),
        });
        expect(decodeModbus(map, [words(11)])).toMatchObject({ fault: { code: "malformed" } });
        expect(decodeModbus(map, [words(10)]).ok).toBe(true);
        const none = expectDecoded(decodeModbus(map, [words(-0x8000)]));
        expect(none.values.map(({ obis }) => obis)).not.toContain("1-0:1.8.0");
    });

    it("with floats says what it would show", () => {
        const map = sunspecMap(213, METER, 124) as RegisterMap;
        const read = block(map, METER, 76, [
            [METER + 60, float(16_777.25)],
            [METER + 68, float(1_234_567.9)],
            [METER + 28, float(-0.1)],
            [METER + 26, [0x7fc0, 0]], // no number
        ]);
        expect(values(map, read)).toMatchObject({
            "1-0:1.8.0": "1234567.9 Wh",
            "1-0:2.8.0": "16777.25 Wh",
            "1-0:16.7.0": "-0.1 W",
        });
        expect(values(map, read)).not.toHaveProperty("1-0:14.7.0");
    });

    it("as an inverter says what it fed in", () => {
        const map = sunspecMap(103, METER, 50) as RegisterMap;
        const read = block(map, METER, 27, [
            [METER + 24, [1, 0]],
            [METER + 26, [3]],
            [METER + 14, [500]],
            [METER + 15, [1]],
        ]);
        expect(values(map, read)).toMatchObject({
            "1-0:2.8.0": "65536000 Wh",
            "1-0:16.7.0": "5000 W",
        });
    });

    it.each([
        ["another model", 120, 26],
        ["one that is too short for its values", 203, 52],
    ])("has no map for %s", (_, model, length) => {
        expect(sunspecMap(model, METER, length)).toBeNull();
        expect(sunspecMap(203, METER, 53)).not.toBeNull();
    });
});

describe("meters for the DIN rail", () => {
    it("of Eastron: floats in kWh", () => {
        const map = DIN_RAIL_MAPS.sdm;
        const energies = block(map, 0x48, 4, [
            [0x48, float(1234.567)],
            [0x4a, float(0.001)],
        ]);
        expect(values(map, energies)).toEqual({ "1-0:1.8.0": "1234567 Wh", "1-0:2.8.0": "1 Wh" });
    });

    it("of ABB: 64 bits in 0.01 kWh, and all ones where there is none", () => {
        const map = DIN_RAIL_MAPS["abb-b"];
        const read = block(map, 0x5000, 8, [
            [0x5000, [0, 1, 0, 5]],
            [0x5004, [0xffff, 0xffff, 0xffff, 0xffff]],
        ]);
        expect(values(map, read)).toEqual({ "1-0:1.8.0": "42949673010 Wh" });
    });

    it("of Carlo Gavazzi: the low register first", () => {
        const map = DIN_RAIL_MAPS.em300;
        const read = block(map, 0, 0x50, [
            [0x34, [0x0001, 0x0002]],
            [0x28, [0xff9c, 0xffff]],
        ]);
        expect(values(map, read)).toMatchObject({
            "1-0:1.8.0": "13107300 Wh",
            "1-0:16.7.0": "-10.0 W",
        });
    });

    it.each(Object.entries(DIN_RAIL_MAPS))(
        "%s: each value stands in a range that is read",
        (_, map) => {
            const blocks = map.ranges.map(({ address, count }) => block(map, address, count, []));
            const read = expectDecoded(decodeModbus(map, blocks)).values;
            expect(read.map(({ obis }) => obis)).toEqual(map.points.map(({ obis }) => obis));
            const required = map.ranges.filter(({ isOptional }) => !isOptional);
            const needed = required.map(({ address, count }) => block(map, address, count, []));
            expect(values(map, ...needed)).toHaveProperty(["1-0:1.8.0"]);
        },
    );
});

describe("numbers in registers", () => {
    it("floats stay in order, and are told apart", () => {
        const map = DIN_RAIL_MAPS.sdm;
        const read = (value: number): bigint => {
            const blocks = [block(map, 0x48, 4, [[0x48, float(value)]])];
            const { digits, scaler } = expectDecoded(decodeModbus(map, blocks))
                .values[0] as TelegramValue;
            return digits * 10n ** BigInt(scaler + 60);
        };
        const some = fc.float({ min: 0, max: Math.fround(1e9), noNaN: true });
        fc.assert(
            fc.property(some, some, (a, b) => {
                expect(read(a) < read(b)).toBe(a < b);
            }),
        );
    });

    it("texts end at their zeros, and hold nothing that a terminal would obey", () => {
        expect(textOfRegisters(Uint16Array.of(0x4142, 0x1b20, 0x4300))).toBe("AB? C");
        expect(textOfRegisters(Uint16Array.of(0x4100, 0x4200))).toBe("A");
        expect(textOfRegisters(new Uint16Array(4))).toBe("");
    });
});
