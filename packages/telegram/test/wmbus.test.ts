import { createDecipheriv } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cmac } from "@noble/ciphers/aes.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeWmbus, formatValue, type WirelessKey } from "../src/index.ts";
import { crcOf } from "../src/wmbus/link.ts";
import { expectDecoded } from "./captures.ts";

const bytes = (hex: string): Uint8Array =>
    new Uint8Array(Buffer.from(hex.replace(/[^0-9a-fA-F]/g, ""), "hex"));

function keyOf(hex: string): WirelessKey {
    return {
        key: bytes(hex),
        crypto: {
            cmac: (key, message) => cmac(message, key),
            decryptCbc({ ciphertext, iv, key }) {
                const decipher = createDecipheriv("aes-128-cbc", key, iv).setAutoPadding(false);
                return new Uint8Array(
                    Buffer.concat([decipher.update(ciphertext), decipher.final()]),
                );
            },
        },
    };
}

/** Examples of the OMS specification, volume 2 annex N: a gas meter in modes 5 and 7. */
const MODE_5 = bytes(
    "2E449315785634123303 7A2A002025 5923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3",
);
const KEY_5 = keyOf("0102030405060708090A0B0C0D0E0F11");
const MODE_7 = bytes(
    "434493157856341233038C2075900F002C25B30A000021924D4F2FB66E017A75002007109058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93",
);
const KEY_7 = keyOf("000102030405060708090A0B0C0D0E0F");

/** A frame of format A with the CRC of each block. */
function withCrcs(frame: Uint8Array): Uint8Array {
    const out: number[] = [];
    for (let at = 0, size = 10; at < frame.length; at += size, size = at === 10 ? 16 : size) {
        const block = frame.subarray(at, at + size);
        const crc = crcOf(block);
        out.push(...block, crc >> 8, crc & 255);
    }
    return Uint8Array.from(out);
}

describe("decodeWmbus", () => {
    it.each([
        ["mode 5", MODE_5, KEY_5],
        ["mode 7", MODE_7, KEY_7],
    ])("opens the published example of %s", (_, frame, key) => {
        const telegram = expectDecoded(decodeWmbus(frame, key));
        expect(telegram).toMatchObject({
            kind: "wmbus",
            manufacturer: "ELS",
            identification: "ELS 12345678",
            medium: 3,
        });
        expect(telegram.values.map((each) => `${each.obis} ${formatValue(each)}`)).toEqual([
            "7-0:3.0.0 28504.27 m3",
        ]);
        expect(telegram.records.map(({ quantity, text }) => [quantity, text])).toContainEqual([
            "date and time",
            "2008-05-31T23:50",
        ]);
    });

    it("says that only mode 7 is authenticated, and that only under its MAC", () => {
        const read = (frame: Uint8Array, key: WirelessKey | null) => {
            const result = decodeWmbus(frame, key);
            if (!result.ok) throw new Error(result.fault.code);
            return result.value.isAuthenticated;
        };
        expect(read(MODE_5, KEY_5)).toBe(false);
        expect(read(MODE_7, KEY_7)).toBe(true);
        const opened = MODE_7.slice();
        opened.fill(0x2f, 36); // as a receiver that decrypts hands it on, or a forger sends it
        expect(read(opened, null)).toBe(false);
    });

    /** Volume of 99,999.999 m³ in the open, under the number of the examples: CI 7A, mode 0. */
    const OPEN = bytes("14449315785634123303 7A01000000 0C1399999999");

    it("takes nothing in the open where there is a key", () => {
        const opened = MODE_7.slice();
        opened.fill(0x2f, 36);
        const bare = bytes("10449315785634123303 78 0C1399999999");
        bare[0] = bare.length - 1;
        for (const frame of [OPEN, opened, bare]) {
            expect(decodeWmbus(frame)).toMatchObject({ ok: true });
            const fault = { code: "unprotected" };
            expect(decodeWmbus(frame, KEY_7)).toMatchObject({ ok: false, fault });
        }
    });

    it("leaves out what stands in the open behind the encrypted blocks of mode 5", () => {
        const longer = Uint8Array.of(...MODE_5, ...OPEN.subarray(-6));
        longer[0] = longer.length - 1;
        const { values } = expectDecoded(decodeWmbus(longer, KEY_5));
        expect(values).toEqual(expectDecoded(decodeWmbus(MODE_5, KEY_5)).values);
    });

    it("takes a message counter once, and mode 7 alone after it", () => {
        const counter = 0x0ab3;
        const { messageCounter } = expectDecoded(decodeWmbus(MODE_7, KEY_7, counter - 1));
        expect(messageCounter).toBe(counter);
        expect(decodeWmbus(MODE_7, KEY_7, counter)).toMatchObject({ fault: { code: "replay" } });
        expect(decodeWmbus(MODE_5, KEY_5, 0)).toMatchObject({ fault: { code: "unprotected" } });
    });

    it("says that a key is needed, and that it is the wrong one", () => {
        for (const [frame, other] of [
            [MODE_5, KEY_7],
            [MODE_7, KEY_5],
        ] as const) {
            expect(decodeWmbus(frame)).toMatchObject({ fault: { code: "key-needed" } });
            expect(decodeWmbus(frame, other)).toMatchObject({ fault: { code: "tag" } });
        }
    });

    it("finds each flipped bit of a mode 7 message from its authentication layer on", () => {
        for (let at = 13; at < MODE_7.length; at++) {
            const changed = MODE_7.slice();
            changed[at] = (changed[at] as number) ^ 1;
            expect(decodeWmbus(changed, KEY_7).ok, `byte ${at}`).toBe(false);
        }
    });

    it("checks and removes the CRCs of frame format A", () => {
        const frame = withCrcs(MODE_5);
        expect(expectDecoded(decodeWmbus(frame, KEY_5)).check).toBe("ok");
        const changed = frame.slice();
        changed[5] = (changed[5] as number) ^ 1;
        const result = decodeWmbus(changed, KEY_5);
        expect(result.ok ? result.value.check : result.fault.code).toMatch(/mismatch|tag/);
        expect(crcOf(new TextEncoder().encode("123456789"))).toBe(0xc2b7);
    });

    it.each([
        ["nothing", "", "malformed"],
        ["a frame that was cut", "2E4493157856341233037A2A002025", "truncated"],
        [
            "an encrypted link layer",
            "1444931578563412330 38D20750000000000000000".replace(" ", ""),
            "unsupported",
        ],
        ["another kind of data", "0C449315785634123303A00000", "unsupported"],
        [
            "an unknown mode",
            "10449315785634123303 7A2A002004 00 00".replaceAll(" ", ""),
            "unsupported",
        ],
    ])("refuses %s", (_, hex, code) => {
        expect(decodeWmbus(bytes(hex), KEY_5)).toMatchObject({ ok: false, fault: { code } });
    });

    it("answers arbitrary and altered bytes, and never throws", () => {
        const altered = fc
            .tuple(
                fc.constantFrom(MODE_5, MODE_7),
                fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
            )
            .map(([sample, changes]) => {
                const changed = sample.slice();
                for (const [at, byte] of changes) changed[at % changed.length] = byte;
                return changed;
            });
        fc.assert(
            fc.property(fc.oneof(altered, fc.uint8Array({ maxLength: 260 })), (input) => {
                expect(typeof decodeWmbus(input, KEY_5).ok).toBe("boolean");
            }),
            { numRuns: 2000 },
        );
    });

    const simulations = fileURLToPath(
        new URL(
            "../../../../shared/data/captures/wmbus/wmbusmeters/simulation_t1.txt",
            import.meta.url,
        ),
    );
    // Copyleft captures stand beside the checkout, not in it: this test runs where they are.
    it.runIf(existsSync(simulations))(
        "reads volumes and energies of foreign captures as others do",
        () => {
            const text = readFileSync(simulations, "utf8");
            const cases = [...text.matchAll(/^telegram=\|+([^\n]+)\n(\{[^\n]*\})/gm)];
            let compared = 0;
            for (const [, hex = "", json = ""] of cases) {
                const expected = JSON.parse(json);
                const result = decodeWmbus(bytes(hex));
                // Manufacturers' own formats have no records to compare.
                if (!result.ok || result.value.manufacturerData !== null) continue;
                const rows = [
                    ["total_m3", /^[6789]-0:[123]\.0\.0$/, 1],
                    ["total_energy_consumption_kwh", /^1-0:1\.8\.0$/, 1000],
                ] as const;
                for (const [field, obis, factor] of rows) {
                    const value = result.value.values.find((each) => obis.test(each.obis));
                    if (typeof expected[field] !== "number" || value === undefined) continue;
                    expect(Number(value.digits) * 10 ** value.scaler, expected.id).toBeCloseTo(
                        expected[field] * factor,
                        6,
                    );
                    compared++;
                }
            }
            expect(compared).toBeGreaterThan(8);
        },
    );
});
