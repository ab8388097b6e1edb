import { describe, expect, it } from "vitest";
import { crc16Arc, crc16X25 } from "../src/crc16.ts";
import { formatObis, normalizeObis } from "../src/obis.ts";
import { parseQuantity } from "../src/value.ts";

describe("normalizeObis", () => {
    it.each([
        ["1-0:1.8.0", "1-0:1.8.0"],
        ["1-0:1.8.0*255", "1-0:1.8.0"],
        ["1-0:1.8.0*01", "1-0:1.8.0*1"],
        ["1-0:1.8.0&12", "1-0:1.8.0*12"],
        ["1.8.0", "1-0:1.8.0"],
        ["1.8", "1-0:1.8.0"],
        ["C.1.0", "0-0:96.1.0"],
        ["F.F", "0-0:97.97.0"],
        ["0-0:F.F.0", null],
        ["1-0:99:97.0", "1-0:99.97.0"],
        ["1-0:31.7.0.255", "1-0:31.7.0"],
        ["1-0:256.7.0", null],
        ["1-0:1.8", null],
        ["", null],
    ])("%s becomes %s", (text, code) => {
        expect(normalizeObis(text)).toBe(code);
    });

    it("agrees with the six bytes of a code", () => {
        expect(formatObis(Uint8Array.of(1, 0, 1, 8, 0, 255))).toBe("1-0:1.8.0");
        expect(formatObis(Uint8Array.of(129, 129, 199, 130, 3, 1))).toBe("129-129:199.130.3*1");
    });
});

describe("parseQuantity", () => {
    it.each([
        ["001.193", "kW", 1193n, 0, "W"],
        ["-0,5", "kWh", -5n, 2, "Wh"],
        ["12785.123", "m3", 12_785_123n, -3, "m3"],
        ["7", "l", 7n, -3, "m3"],
        ["42", "", 42n, 0, ""],
    ])("%s %s", (text, name, digits, scaler, unit) => {
        expect(parseQuantity(text, name)).toEqual({ digits, scaler, unit });
    });

    it.each([
        ["1.", "W"],
        [".5", "W"],
        ["1e3", "W"],
        ["0x10", "W"],
        ["1", "furlong"],
        ["9".repeat(21), "W"],
        ["", "W"],
        ["1", "constructor"],
    ])("refuses %s %s", (text, name) => {
        expect(parseQuantity(text, name)).toBeNull();
    });
});

describe("check sums", () => {
    it("have the values of the catalogue for 123456789", () => {
        const digits = new TextEncoder().encode("123456789");
        expect(crc16Arc(digits)).toBe(0xbb3d);
        expect(crc16X25(digits)).toBe(0x906e);
    });
});
