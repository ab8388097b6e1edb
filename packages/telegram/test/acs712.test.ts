import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSensorLine, SensorLineSplitter } from "../src/index.ts";
import { expectDecoded } from "./captures.ts";

/** Lines as the firmware wrote them in simavr, at 20 A, 5 A and 40 A. */
const RIGHT = "MSC1,59,00,19979,76586,230,511*85BB";
const LINES = ["MSC1,4,00,4995,0,230,511*4DF8", "MSC1,8,01,31681,0,230,511*A473"];
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** CRC-16/X-25 bit by bit, as the README of the firmware describes it. */
function crcOf(text: string): string {
    let crc = 0xffff;
    for (const byte of bytesOf(text)) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x8408 : crc >> 1;
    }
    return (crc ^ 0xffff).toString(16).toUpperCase().padStart(4, "0");
}
const checked = (text: string): Uint8Array => bytesOf(`${text}*${crcOf(text)}\r\n`);

describe("decodeSensorLine", () => {
    it("reads register, current, nominal voltage and zero point as exact numbers", () => {
        const line = bytesOf(RIGHT);
        const { values, ...rest } = expectDecoded(decodeSensorLine(line));
        expect(rest).toEqual({
            ...{ kind: "acs712", identification: "", atUnix: null, texts: [], check: "ok" },
            ...{ sequence: 59, flags: [], offsetSteps: 511 },
        });
        expect(values).toEqual([
            { obis: "1-0:1.8.0", digits: 76_586n, scaler: -3, unit: "Wh", atUnix: null },
            { obis: "1-0:11.7.0", digits: 19_979n, scaler: -3, unit: "A", atUnix: null },
            { obis: "1-0:0.6.0", digits: 230n, scaler: 0, unit: "V", atUnix: null },
        ]);
    });

    it("reads the line that the firmware's README shows", () => {
        const readme = new URL("../../../firmware/acs712/README.md", import.meta.url);
        expect(readFileSync(readme, "utf8")).toContain(`\n${RIGHT}\n`);
    });

    it.each(LINES)("finds the check of %s right, with and without the line's end", (text) => {
        for (const end of ["", "\n", "\r\n"])
            expect(expectDecoded(decodeSensorLine(bytesOf(text + end))).check).toBe("ok");
    });

    it("says of which lines to beware", () => {
        const { flags, texts } = expectDecoded(decodeSensorLine(bytesOf(LINES[1] ?? "")));
        expect(flags).toEqual(["clipped"]);
        expect(texts).toEqual([{ obis: "0-0:97.97.0", text: "clipped" }]);
        const both = expectDecoded(decodeSensorLine(checked("MSC1,8,09,0,0,230,511")));
        expect(both.flags).toEqual(["clipped", "late samples"]);
    });

    it("finds any digit wrong that another took the place of", () => {
        const line = checked("MSC1,59,00,19979,76586,230,511");
        const digits = [...line.keys()].filter((at) => at > 4 && /\d/.test(charAt(line, at)));
        fc.assert(
            fc.property(fc.constantFrom(...digits), fc.integer({ min: 1, max: 9 }), (at, by) => {
                const changed = line.slice();
                changed[at] = 0x30 + (((line[at] ?? 0) - 0x30 + by) % 10);
                expect(expectDecoded(decodeSensorLine(changed)).check).toBe("mismatch");
            }),
        );
    });

    it.each([
        ["zero point", "02"],
        ["self-test", "04"],
        ["memory", "10"],
        ["zero point", "0B"],
    ])("refuses what the sensor itself calls a fault: %s", (name, flags) => {
        const decoded = decodeSensorLine(checked(`MSC1,1,${flags},0,0,230,511`));
        expect(decoded).toMatchObject({
            fault: { code: "meter-error", expected: `no fault: ${name}` },
        });
    });

    it.each([
        ["unsupported", "another version", checked("MSC2,1,00,0,0,230,511")],
        ["unsupported", "an unknown flag", checked("MSC1,1,20,0,0,230,511")],
        ["malformed", "a field too few", checked("MSC1,1,00,0,0,230")],
        ["malformed", "a negative current", checked("MSC1,1,00,-1,0,230,511")],
        ["malformed", "a sequence of 33 bits", checked("MSC1,4294967296,00,0,0,230,511")],
        ["malformed", "a register of 65 bits", checked("MSC1,1,00,0,18446744073709551616,230,511")],
        ["malformed", "no check", bytesOf("MSC1,1,00,0,0,230,511\r\n")],
        ["malformed", "two lines", bytesOf(`${LINES[0]}\r\n${LINES[1]}\r\n`)],
        ["malformed", "nothing", new Uint8Array()],
        ["malformed", "96 bytes of noise", new Uint8Array(96)],
        ["too-large", "97 bytes", new Uint8Array(97)],
    ])("answers %s for %s", (code, _, bytes) => {
        expect(decodeSensorLine(bytes)).toMatchObject({ ok: false, fault: { code } });
    });

    it("reads the largest numbers that the sensor can say", () => {
        const line = checked("MSC1,4294967295,00,999999,18446744073709551615,999,1023");
        expect(line.length).toBeLessThanOrEqual(96);
        expect(expectDecoded(decodeSensorLine(line)).values[0]?.digits).toBe(2n ** 64n - 1n);
    });
});

describe("SensorLineSplitter", () => {
    const lines = LINES.map((text) => bytesOf(`${text}\r\n`));
    const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
        new Uint8Array(Buffer.concat(parts));

    it("finds lines behind noise, and in whatever pieces they come", () => {
        const noise = fc.uint8Array({ maxLength: 40 }).filter((bytes) => !bytes.includes(0x4d));
        fc.assert(
            fc.property(noise, fc.integer({ min: 1, max: 50 }), (before, size) => {
                const splitter = new SensorLineSplitter();
                const bytes = joined(before, ...lines);
                const found: Uint8Array[] = [];
                for (let at = 0; at < bytes.length; at += size)
                    found.push(...splitter.push(bytes.subarray(at, at + size)));
                expect(found).toEqual(lines);
                expect(splitter.dropped).toBe(before.length);
            }),
        );
    });

    it("begins again at the mark of a line that interrupts another", () => {
        const cut = bytesOf("MSC1,3,00,49");
        expect(new SensorLineSplitter().push(joined(cut, ...lines))).toEqual(lines);
    });

    it("keeps no more than a line's length of what does not end", () => {
        const splitter = new SensorLineSplitter();
        const endless = new Uint8Array(100_000).fill(0x31);
        expect(splitter.push(joined(endless, bytesOf("\n"), ...lines))).toEqual(lines);
        expect(splitter.dropped).toBe(endless.length + 1);
    });
});

const charAt = (bytes: Uint8Array, at: number): string => String.fromCharCode(bytes[at] ?? 0);
