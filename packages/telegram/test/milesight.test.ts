import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMilesight, formatValue } from "../src/index.ts";
import { expectDecoded } from "./captures.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(" ", ""));
const shown = (hex: string): string[] =>
    expectDecoded(decodeMilesight(bytes(hex))).values.map(
        (value) => `${value.obis} ${formatValue(value)}`,
    );

describe("decodeMilesight", () => {
    it("reads a plug", () => {
        const plug = "0374 6009 0480 2c010000 0581 63 0683 a0860100 07c9 f401 0870 01";
        expect(shown(plug)).toEqual([
            "1-0:12.7.0 240.0 V",
            "1-0:1.7.0 300 W",
            "1-0:13.7.0 0.99",
            "1-0:1.8.0 100000 Wh",
            "1-0:11.7.0 0.500 A",
        ]);
    });

    it("reads current meters of one and three phases", () => {
        expect(shown("0397 10270000 0498 e803")).toEqual([
            "1-0:11.8.0 100.00 Ah",
            "1-0:11.7.0 10.00 A",
        ]);
        expect(shown("0499 e803 0699 e903 0899 ea03")).toEqual([
            "1-0:31.7.0 100.0 A",
            "1-0:51.7.0 100.1 A",
            "1-0:71.7.0 100.2 A",
        ]);
    });

    it("reads a pulse counter, frost and the serial number", () => {
        expect(shown("0175 5c 0367 ceff 0468 65 05c8 00010000")).toEqual([
            "0-0:96.6.1 92 %",
            "0-0:96.9.0 -5.0 C",
            "0-0:96.9.2 50.5 %",
            "1-0:82.8.0 256",
        ]);
        const hello = decodeMilesight(bytes("ff0bff ff0101 ff16 0102030405060708 ff090100 ff0f00"));
        expect(expectDecoded(hello).identification).toBe("0102030405060708");
    });

    it("has no value of a sensor that failed", () => {
        expect(shown("0498 ffff")).toEqual([]);
    });

    it.each([
        ["nothing", "", "truncated"],
        ["a channel without its data", "0683 0102", "truncated"],
        ["a channel that nobody knows", "0175 5c aabb 01", "unsupported"],
        ["too much", "00".repeat(243), "too-large"],
    ])("refuses %s", (_, hex, code) => {
        expect(decodeMilesight(bytes(hex))).toMatchObject({ ok: false, fault: { code } });
    });

    it("never throws", () => {
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => void decodeMilesight(noise)),
        );
    });
});

/** The maker's own examples (GPL-3.0): beside the repository, where somebody has laid them. */
const shared = fileURLToPath(
    new URL("../../../../shared/data/captures/lorawan/milesight/", import.meta.url),
);
type Example = { payload_hex: string; decoded: Record<string, unknown> };
/** Names of the maker for what we call by code, and what they are divided by here. */
const NAMES: Readonly<Record<string, readonly [obis: string, scaler: number]>> = {
    active_power: ["1-0:1.7.0", 0],
    current_chn1: ["1-0:31.7.0", 0],
    power_consumption: ["1-0:1.8.0", 0],
    total_current: ["1-0:11.8.0", 0],
    voltage: ["1-0:12.7.0", 0],
    temperature: ["0-0:96.9.0", 0],
    humidity: ["0-0:96.9.2", 0],
    battery: ["0-0:96.6.1", 0],
};

describe.skipIf(!existsSync(shared))("the maker's examples", () => {
    const files = existsSync(shared)
        ? readdirSync(shared).filter((name) => name.endsWith(".json"))
        : [];
    it.each(files)("%s decodes to what the maker says", (name) => {
        const { examples } = JSON.parse(readFileSync(shared + name, "utf8")) as {
            examples: Example[];
        };
        for (const { decoded, payload_hex: hex } of examples) {
            const { values } = expectDecoded(decodeMilesight(bytes(hex)));
            for (const [key, [obis]] of Object.entries(NAMES)) {
                if (typeof decoded[key] !== "number" || key in { current_max: 1 }) continue;
                const alarm = `${key}_alarm` in decoded; // numbers beside an alarm are passed over
                const value = values.find((each) => each.obis === obis);
                if (alarm) expect(value).toBeUndefined();
                else
                    expect(Number(value?.digits) * 10 ** (value?.scaler ?? 0)).toBeCloseTo(
                        decoded[key],
                        6,
                    );
            }
        }
    });
});
