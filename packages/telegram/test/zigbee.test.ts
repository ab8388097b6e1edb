import { createCipheriv, createDecipheriv } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
    decodeZigbeeMetering,
    formatValue,
    type OpenCcm,
    openZigbee,
    UNKNOWN_FACTORS,
    type ZigbeeTelegram,
} from "../src/index.ts";
import { expectDecoded } from "./captures.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(" ", ""));

const openCcm: OpenCcm = ({ additionalData, ciphertext, key, nonce, tag }) => {
    const authTagLength = tag.length;
    const decipher = createDecipheriv("aes-128-ccm", key, nonce, { authTagLength });
    decipher.setAAD(additionalData, { plaintextLength: ciphertext.length });
    decipher.setAuthTag(tag);
    const opened = decipher.update(ciphertext);
    try {
        decipher.final();
        return new Uint8Array(opened);
    } catch {
        return null; // the tag does not fit
    }
};

const shown = (telegram: ZigbeeTelegram): string[] =>
    telegram.values.map((value) => `${value.obis} ${formatValue(value)}`);

/** Factors of a plug that counts in kWh with a divisor of 1,000. */
const PLUG = { ...UNKNOWN_FACTORS, multiplier: 1n, divisor: 1000n, unitOfMeasure: 0 };

describe("decodeZigbeeMetering", () => {
    it("reads a report with the factors that an earlier answer gave", () => {
        // Read response: unit kWh, multiplier 1, divisor 1,000, electricity, serial number "A1".
        const answer = bytes(
            "18 05 01 0003 00 30 00 0103 00 22 010000 0203 00 22 e80300 0603 00 18 00 0803 00 41 02 4131",
        );
        const known = expectDecoded(decodeZigbeeMetering(answer));
        expect(known.factors).toEqual({
            multiplier: 1n,
            divisor: 1000n,
            unitOfMeasure: 0,
            deviceType: 0,
        });
        expect(known.identification).toBe("A1");
        // Report: summation 26,121, demand −45 by int24.
        const report = bytes("18 0a 0a 0000 25 096600000000 0004 2a d3ffff");
        const telegram = expectDecoded(decodeZigbeeMetering(report, known.factors));
        expect(shown(telegram)).toEqual(["1-0:1.8.0 26121 Wh", "1-0:16.7.0 -45 W"]);
        expect(telegram.attributes).toEqual([
            { id: 0, type: 0x25, raw: 26_121n },
            { id: 0x400, type: 0x2a, raw: -45n },
        ]);
    });

    it("makes no value where a factor is unknown, zero, or leaves a remainder", () => {
        const report = bytes("18 0a 0a 0000 25 090000000000");
        for (const factors of [
            UNKNOWN_FACTORS,
            { ...PLUG, divisor: null },
            { ...PLUG, multiplier: null },
            { ...PLUG, unitOfMeasure: null },
            { ...PLUG, unitOfMeasure: 0x55 },
            { ...PLUG, divisor: 0n },
            { ...PLUG, divisor: 7n },
        ]) {
            const telegram = expectDecoded(decodeZigbeeMetering(report, factors));
            expect(telegram.values).toEqual([]);
            expect(telegram.attributes).toEqual([{ id: 0, type: 0x25, raw: 9n }]);
        }
    });

    it("names gas, water and heat by their own codes", () => {
        const report = bytes("18 0a 0a 0000 25 d20400000000");
        const of = (deviceType: number, unitOfMeasure: number): string[] =>
            shown(
                expectDecoded(decodeZigbeeMetering(report, { ...PLUG, deviceType, unitOfMeasure })),
            );
        expect(of(1, 1)).toEqual(["7-0:3.0.0 1.234 m3"]);
        expect(of(2, 7)).toEqual(["8-0:1.0.0 0.001234 m3"]);
        expect(of(5, 0x0d)).toEqual(["6-0:1.0.0 1234000 J"]);
        // Bit 7 of the unit asks for BCD on a display and changes no value.
        expect(of(0, 0x80)).toEqual(["1-0:1.8.0 1234 Wh"]);
    });

    it("takes all ones for no value, and passes over attributes that the device has not", () => {
        const invalid = expectDecoded(
            decodeZigbeeMetering(bytes("18 0a 0a 0000 25 ffffffffffff"), PLUG),
        );
        expect(invalid.attributes).toEqual([{ id: 0, type: 0x25, raw: null }]);
        expect(invalid.values).toEqual([]);
        const absent = expectDecoded(
            decodeZigbeeMetering(bytes("18 05 01 0100 86 0000 00 25 010000000000"), PLUG),
        );
        expect(shown(absent)).toEqual(["1-0:1.8.0 1 Wh"]);
    });

    it("reads the frame of a maker's own cluster and its tiers", () => {
        const frame = bytes("1c 5f11 07 0a 0001 25 e80300000000 0201 25 d00700000000");
        expect(shown(expectDecoded(decodeZigbeeMetering(frame, PLUG)))).toEqual([
            "1-0:1.8.1 1000 Wh",
            "1-0:1.8.2 2000 Wh",
        ]);
    });

    it.each([
        ["a command of the cluster", "19 05 01", "unsupported"],
        ["another command", "18 05 0b 00 00", "unsupported"],
        ["half a header", "18 05", "truncated"],
        ["half an attribute", "18 05 0a 0000", "truncated"],
        ["half a number", "18 05 0a 0000 25 0966", "truncated"],
        ["half a text", "18 05 0a 0803 41 09 41", "truncated"],
        ["an array", "18 05 0a 0000 48 20 0100 01", "unsupported"],
    ])("refuses %s", (_, hex, code) => {
        expect(decodeZigbeeMetering(bytes(hex))).toMatchObject({ ok: false, fault: { code } });
    });

    it("refuses more bytes than a message has", () => {
        const decoded = decodeZigbeeMetering(new Uint8Array(1_025));
        expect(decoded).toMatchObject({ ok: false, fault: { code: "too-large" } });
    });

    it("never throws", () => {
        const noise = fc.uint8Array({ maxLength: 64 });
        fc.assert(
            fc.property(noise, (rest) => {
                decodeZigbeeMetering(rest);
                decodeZigbeeMetering(Uint8Array.of(0x18, 1, 0x0a, ...rest), PLUG);
            }),
        );
    });
});

/** A frame of a real network with its key, published by lucidar.me as an example of AES-CCM*. */
const FRAME = bytes(
    "4802d36300001e77 28ede625002377c6feff6f0d0000 99fa551ad18f6d7e3e4a56 db62a8c5",
);
const KEY = bytes("fb39caadd50fef910949baa89504f5d9");
const OPENED = "400b060004010146011801";
const HEADER_BYTES = 8;
const receiver = { key: KEY, lastCounter: -1, open: openCcm };

/** A frame of another level, secured as the specification says. */
function secured(level: number, tagBytes: number, payload: Uint8Array): Uint8Array {
    const auxiliary = bytes("28 ede62500 2377c6feff6f0d00 00");
    auxiliary[0] = 0x28 | level;
    const header = Uint8Array.of(...FRAME.subarray(0, HEADER_BYTES), ...auxiliary);
    const nonce = Uint8Array.of(
        ...auxiliary.subarray(5, 13),
        ...auxiliary.subarray(1, 5),
        0x28 | level,
    );
    const cipher = createCipheriv("aes-128-ccm", KEY, nonce, { authTagLength: tagBytes });
    cipher.setAAD(header, { plaintextLength: payload.length });
    const ciphertext = cipher.update(payload);
    cipher.final();
    return Uint8Array.of(...header, ...ciphertext, ...cipher.getAuthTag());
}

describe("openZigbee", () => {
    it("opens a published frame of a real network", () => {
        const opened = openZigbee(FRAME, HEADER_BYTES, receiver);
        expect(opened).toMatchObject({ ok: true, value: { frameCounter: 2_483_949 } });
        if (!opened.ok) return;
        expect(opened.value.payload.toHex()).toBe(OPENED);
        expect(opened.value.source.toHex()).toBe("2377c6feff6f0d00");
    });

    it.each([
        [6, 8],
        [7, 16],
    ])("opens level %i with its longer code", (level, tagBytes) => {
        const opened = openZigbee(secured(level, tagBytes, bytes(OPENED)), HEADER_BYTES, receiver);
        expect(opened.ok && opened.value.payload.toHex()).toBe(OPENED);
    });

    it("refuses a frame with any one bit changed", () => {
        for (let bit = 0; bit < 8 * FRAME.length; bit++) {
            const changed = FRAME.slice();
            (changed[bit >> 3] as number) ^= 1 << (bit & 7);
            const opened = openZigbee(changed, HEADER_BYTES, receiver);
            expect(opened.ok, `bit ${bit}`).toBe(false);
        }
    });

    it("refuses another key, a counter that was there, and levels without encryption", () => {
        const other = { ...receiver, key: KEY.map((byte) => byte ^ 1) };
        expect(openZigbee(FRAME, HEADER_BYTES, other)).toMatchObject({ fault: { code: "tag" } });
        const again = { ...receiver, lastCounter: 2_483_949 };
        expect(openZigbee(FRAME, HEADER_BYTES, again)).toMatchObject({ fault: { code: "replay" } });
        const signed = FRAME.slice();
        signed[HEADER_BYTES] = 0x29;
        expect(openZigbee(signed, HEADER_BYTES, receiver)).toMatchObject({
            fault: { code: "unsupported" },
        });
    });

    it("needs the sender's address where the frame does not say it", () => {
        const header = Uint8Array.of(...FRAME.subarray(0, HEADER_BYTES), ...bytes("00 01000000"));
        const nonce = bytes("2377c6feff6f0d00 01000000 05");
        const associated = header.slice();
        associated[HEADER_BYTES] = 0x05;
        const cipher = createCipheriv("aes-128-ccm", KEY, nonce, { authTagLength: 4 });
        cipher.setAAD(associated, { plaintextLength: 2 });
        const frame = Uint8Array.of(...header, ...cipher.update(bytes("4142")));
        cipher.final();
        const whole = Uint8Array.of(...frame, ...cipher.getAuthTag());
        expect(openZigbee(whole, HEADER_BYTES, receiver)).toMatchObject({
            fault: { code: "key-needed" },
        });
        const source = bytes("2377c6feff6f0d00");
        const opened = openZigbee(whole, HEADER_BYTES, { ...receiver, source });
        expect(opened.ok && opened.value.payload.toHex()).toBe("4142");
    });

    it("refuses what is too short or too long, and never throws", () => {
        expect(openZigbee(FRAME.slice(0, 8), 8, receiver)).toMatchObject({
            fault: { code: "truncated" },
        });
        expect(openZigbee(FRAME.slice(0, 24), 8, receiver)).toMatchObject({
            fault: { code: "truncated" },
        });
        expect(openZigbee(new Uint8Array(1_281), 8, receiver)).toMatchObject({
            fault: { code: "too-large" },
        });
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 40 }), (frame, header) => {
                expect(openZigbee(frame, header, receiver).ok).toBe(false);
            }),
        );
    });
});
