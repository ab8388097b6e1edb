import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSml, formatValue, SmlSplitter } from "../src/index.ts";
import { capture, captureNames, expectDecoded, hexCapture } from "./captures.ts";

/** Files of a capture, cut as a stream. */
function filesOf(bytes: Uint8Array): Uint8Array[] {
    return new SmlSplitter().push(bytes);
}

describe("decodeSml", () => {
    const [intact = new Uint8Array()] = filesOf(
        hexCapture("sml/testSerialResponseSmlCont2-549db488.hex"),
    );

    it("reads values, texts and the meter's signature", () => {
        const telegram = expectDecoded(decodeSml(intact));
        expect(telegram.check).toBe("ok");
        expect(telegram.identification).toBe("0901454d48000041f045");
        expect(telegram.values.map((each) => `${each.obis} ${formatValue(each)}`)).toEqual([
            "1-0:1.8.0 15338555.7 Wh",
            "1-0:1.8.1 15338555.7 Wh",
            "1-0:1.8.2 0.0 Wh",
            "1-0:16.7.0 563.5 W",
        ]);
        expect(telegram.texts).toContainEqual({ obis: "129-129:199.130.3", text: "454d48" });
        expect(telegram.listSignature).toBeNull();
        // Seconds since the meter started are no time of the day.
        expect(telegram.atUnix).toBeNull();
    });

    it("says what is wrong with each broken capture", () => {
        const verdicts = captureNames("sml", ".hex").map((name) => [
            name.split("-")[0],
            filesOf(hexCapture(`sml/${name}.hex`)).map((file) => {
                const result = decodeSml(file);
                return result.ok ? result.value.check : result.fault.code;
            }),
        ]);
        expect(Object.fromEntries(verdicts)).toEqual({
            testLocalFileSmlErrorProtocol: ["malformed"],
            testSerialResponseSmlCont: ["ok", "mismatch"],
            testSerialResponseSmlCont2: ["ok"],
            testSerialResponseSmlError: ["truncated"],
        });
    });

    it("finds each flipped bit", () => {
        for (let at = 8; at < intact.length - 8; at++) {
            const changed = intact.slice();
            changed[at] = (changed[at] as number) ^ 0x10;
            const result = decodeSml(changed);
            if (result.ok) expect(result.value.check, `byte ${at}`).toBe("mismatch");
        }
    });

    it("reads numbers with a sign, and escape sequences within a file", () => {
        // The export register of the capture: a byte of its value becomes an escape sequence's.
        const at = Buffer.from(intact).indexOf(Buffer.from("52ff560009247a55", "hex"));
        const signed = intact.slice();
        signed.set([0x52, 0xff, 0x56, 0xff, 0xff, 0xff, 0xff, 0xfe], at);
        const [first] = expectDecoded(decodeSml(signed)).values;
        expect(first).toMatchObject({ digits: -2n, scaler: -1 });
        const escaped = [0x52, 0xff, 0x56, 0x1b, 0x1b, 0x1b, 0x1b, 0x1b, 0x1b, 0x1b, 0x1b, 0x01];
        const longer = new Uint8Array(intact.length + 4);
        longer.set(intact.subarray(0, at));
        longer.set(escaped, at);
        longer.set(intact.subarray(at + 8), at + 12);
        expect(expectDecoded(decodeSml(longer)).values[0]?.digits).toBe(0x1b_1b_1b_1b_01n);
    });

    const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
    const framed = (hex: string): Uint8Array => bytes(`1b1b1b1b01010101${hex}1b1b1b1b1a000000`);
    it.each([
        ["nothing", new Uint8Array(), "malformed"],
        ["a frame without an end", intact.subarray(0, 100), "truncated"],
        ["an escape without a sense", bytes("1b1b1b1b010101011b1b1b1b05050505"), "malformed"],
        ["a file without values", framed(""), "unsupported"],
        ["lists without end", framed(`76020102010201${"71".repeat(40)}`), "too-large"],
        ["a length beyond the file", framed("76020102010201728f8f0f01"), "truncated"],
        ["a number of nine bytes", framed("760201020102016a010203040506070809"), "malformed"],
        ["more bytes than a file may have", new Uint8Array(8193), "too-large"],
    ])("refuses %s", (_, frame, code) => {
        expect(decodeSml(frame)).toMatchObject({ ok: false, fault: { code } });
    });

    it("answers arbitrary and altered bytes, and never throws", () => {
        const altered = fc
            .array(fc.tuple(fc.nat(intact.length - 1), fc.nat(255)), { maxLength: 8 })
            .map((changes) => {
                const changed = intact.slice();
                for (const [at, byte] of changes) changed[at] = byte;
                return changed;
            });
        fc.assert(
            fc.property(fc.oneof(altered, fc.uint8Array({ maxLength: 300 })), (input) => {
                expect(typeof decodeSml(input).ok).toBe("boolean");
            }),
            { numRuns: 3000 },
        );
    });
});

describe("SmlSplitter", () => {
    const stream = capture("sml-stream.bin.gz");

    it("cuts a stream in pieces of any size", () => {
        fc.assert(
            fc.property(fc.integer({ min: 1, max: 5000 }), (size) => {
                const splitter = new SmlSplitter();
                let [files, intact] = [0, 0];
                for (let at = 0; at < stream.length; at += size) {
                    for (const each of splitter.push(stream.subarray(at, at + size))) {
                        files++;
                        if (expectDecoded(decodeSml(each)).check === "ok") intact++;
                    }
                }
                expect([files, intact, splitter.dropped]).toEqual([500, 500, 0]);
            }),
            { numRuns: 3 },
        );
    });

    it("finds the next file behind noise, and behind a file that was cut", () => {
        const [file = new Uint8Array()] = filesOf(stream);
        const cut = file.subarray(0, 50);
        const splitter = new SmlSplitter();
        expect(splitter.push(Uint8Array.of(0x1b, 0x1b, 7, 0x1b, ...cut, ...file))).toEqual([file]);
        expect(splitter.dropped).toBe(54);
        expect(splitter.push(new Uint8Array(20_000).fill(0x1b))).toEqual([]);
        expect(splitter.push(Uint8Array.of(0, ...file))).toEqual([file]);
    });
});
