import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeReadout, formatValue } from "../src/index.ts";
import { capture, captureNames, expectDecoded } from "./captures.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A data block with its frame and block check character. */
function framed(block: string): Uint8Array {
    const bytes = ascii(`\u0002${block}!\r\n\u0003?`);
    let check = 0;
    for (const byte of bytes.subarray(1, -1)) check ^= byte;
    bytes[bytes.length - 1] = check;
    return bytes;
}

describe("decodeReadout", () => {
    it("reads an electricity meter's block and its check", () => {
        const telegram = expectDecoded(
            decodeReadout(
                framed(
                    "F.F(00000000)\r\n1.8.1(022108.7*kWh)\r\n1.7.0(00.49*kW)\r\n31.7.0(-000.8*A)\r\n",
                ),
            ),
        );
        expect(telegram.check).toBe("ok");
        expect(telegram.values.map((each) => `${each.obis} ${formatValue(each)}`)).toEqual([
            "1-0:1.8.1 22108700 Wh",
            "1-0:1.7.0 490 W",
            "1-0:31.7.0 -0.8 A",
        ]);
        expect(telegram.texts).toEqual([{ obis: "0-0:97.97.0", text: "00000000" }]);
    });

    it("finds each changed byte of a block with a check", () => {
        const block = framed("1.8.1(022108.7*kWh)\r\n");
        for (let at = 1; at < block.length; at++) {
            const changed = block.slice();
            changed[at] = (changed[at] as number) ^ 1;
            const result = decodeReadout(changed);
            if (result.ok) expect(result.value.check, `byte ${at}`).not.toBe("ok");
        }
    });

    it("keeps the codes of a heat meter, whose medium they do not tell", () => {
        const name = "iec62056-21/testSerialRequestResponseD0WithAck-e89fd77a.txt";
        const { values } = expectDecoded(decodeReadout(capture(name)));
        const read = values.map((each) => `${each.obis} ${formatValue(each)}`);
        expect(read).toContain("6.8 29055000 Wh");
        expect(read).toContain("6.26*01 1563.92 m3");
        expect(read.filter((each) => each.startsWith("9.4 "))).toEqual(["9.4 88 C", "9.4 82 C"]);
    });

    it("reads every capture, with the verdict that its frame allows", () => {
        const verdicts = captureNames("iec62056-21", ".txt").map((name) => {
            const telegram = expectDecoded(decodeReadout(capture(`iec62056-21/${name}.txt`)));
            return [name, telegram.values.length, telegram.check];
        });
        expect(verdicts).toEqual([
            ["example_data_a_landisgyr_360", 26, "absent"],
            ["example_data_b", 30, "absent"],
            ["example_data_c", 26, "absent"],
            ["example_data_kamstrup", 26, "absent"],
            ["testSerialRequestResponseD0-20-7ef04560", 27, "mismatch"],
            ["testSerialRequestResponseD0ModeOverwrite-c8dd3cf5", 14, "truncated"],
            ["testSerialRequestResponseD0WithAck-e89fd77a", 27, "absent"],
            ["testSerialResponseD0DSMR-eb99f318", 25, "absent"],
            ["testdatareadout.test_example_kamstrup.data", 26, "absent"],
            ["testparse.test_parse_multi_value_line.data_block", 3, "truncated"],
        ]);
    });

    it.each([
        ["nothing", "", "malformed"],
        ["a value without an address", "(1*kWh)", "malformed"],
        ["an open bracket", "1.8.0(1*kWh\r\n!", "malformed"],
        ["words between data sets", "1.8.0(1*kWh) and 2.8.0(1*kWh)!", "malformed"],
        ["too many data sets", "1.8.0(1)".repeat(2049), "too-large"],
        ["too many bytes", "1".repeat(32_769), "too-large"],
    ])("refuses %s", (_, text, code) => {
        expect(decodeReadout(ascii(text))).toMatchObject({ ok: false, fault: { code } });
    });

    it("answers arbitrary bytes, and never throws", () => {
        const pieces = fc.constantFrom(
            "1.8.0",
            "(",
            ")",
            "*kWh",
            "12.5",
            "!",
            "\r\n",
            "&",
            "\u0002",
            "\u0003",
            "/ABC5x\r\n",
        );
        const text = fc.array(pieces, { maxLength: 40 }).map((each) => ascii(each.join("")));
        fc.assert(
            fc.property(fc.oneof(text, fc.uint8Array({ maxLength: 200 })), (input) => {
                expect(typeof decodeReadout(input).ok).toBe("boolean");
            }),
            { numRuns: 3000 },
        );
    });
});
