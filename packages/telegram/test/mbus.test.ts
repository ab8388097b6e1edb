import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMbus, formatValue, type MbusTelegram } from "../src/index.ts";
import { bcdOf, dateText, dateTimeText, integerOf, realOf } from "../src/mbus/numbers.ts";
import { capture, captureNames, expectDecoded, hexCapture } from "./captures.ts";

const bytes = (hex: string): Uint8Array =>
    new Uint8Array(Buffer.from(hex.replace(/\s/g, ""), "hex"));

/** A long frame around some data, with its check sum. */
function framed(information: number, data: string): Uint8Array {
    const body = Uint8Array.of(8, 1, information, ...bytes(data));
    const sum = body.reduce((total, byte) => (total + byte) & 0xff, 0);
    return Uint8Array.of(0x68, body.length, body.length, 0x68, ...body, sum, 0x16);
}

const HEADER = "78563412 2440 01 07 55 00 0000";

/** What another project read from a frame. */
type Reading = { readonly field: (name: string) => string | undefined };

function readingsOf(name: string): { head: Reading; records: Reading[] } {
    const xml = new TextDecoder("latin1").decode(capture(`mbus/${name}.norm.xml`));
    const reading = (text: string): Reading => ({
        field: (tag) => new RegExp(`<${tag}>([^<]*)<`).exec(text)?.[1],
    });
    const records = [...xml.matchAll(/<DataRecord id="\d+"[\s\S]*?<\/DataRecord>/g)].map(([text]) =>
        reading(text),
    );
    const ours = ["Manufacturer specific", "More records follow"];
    return {
        head: reading(xml),
        records: records.filter(({ field }) => !ours.includes(field("Function") ?? "")),
    };
}

/** Times that the meter itself calls invalid, which the other project turns into some time or other. */
const INVALID_TIMES = new Set(["REL-Relay-Padpuls2 1", "landis+gyr_ultraheat_t230 32"]);
/** Prefixes that the other project left in the units of the fixed structure. */
const KILO: Readonly<Record<string, number>> = { kWh: 1000, l: 0.001 };

function compare(name: string, telegram: MbusTelegram): void {
    const { records } = readingsOf(name);
    expect(telegram.records.length).toBe(records.length);
    for (const [i, { field }] of records.entries()) {
        const where = `record ${i}`;
        const { device, number, storage, tariff, text } = telegram.records[i] ?? {};
        expect([storage, tariff, device], where).toEqual(
            ["StorageNumber", "Tariff", "Device"].map((tag) => Number(field(tag) ?? 0)),
        );
        const expected = field("Value") ?? "";
        if (INVALID_TIMES.has(`${name} ${i}`)) expect(text, where).toMatch(/^[0-9a-f]{8}$/);
        else if (number === null || number === undefined)
            expect([text, `${text}:00Z`, `${text?.trim()}`, ""], where).toContain(expected.trim());
        else {
            const ours = Number(number.digits) * 10 ** number.scaler;
            const theirs = Number(expected) * (KILO[field("Unit") ?? ""] ?? 1);
            expect(Math.abs(ours - theirs) / Math.max(1, Math.abs(theirs)), where).toBeLessThan(
                1e-6,
            );
        }
    }
}

describe("decodeMbus", () => {
    it.each(captureNames("mbus", ".hex"))("reads %s as others do", (name) => {
        const telegram = expectDecoded(decodeMbus(hexCapture(`mbus/${name}.hex`)));
        expect(telegram.check).toBe("ok");
        compare(name, telegram as MbusTelegram);
    });

    it("gives energy, volume and temperatures their OBIS codes", () => {
        const values = (name: string): string[] =>
            expectDecoded(decodeMbus(hexCapture(`mbus/${name}.hex`))).values.map(
                (each) => `${each.obis} ${formatValue(each)}`,
            );
        expect(values("electricity-meter-1").slice(0, 2)).toEqual([
            "1-0:1.8.1 12520 Wh",
            "1-0:1.8.1*2 12520 Wh",
        ]);
        expect(values("manual_frame3")).toEqual(["8-0:1.0.0 12.565 m3"]);
        expect(values("els_falcon")).toContain("8-0:1.0.0 1234.567 m3");
        expect(values("els_falcon")).toContain("8-0:1.0.0*1 456.951 m3");
        const heat = values("landis+gyr_ultraheat_t230");
        for (const code of ["6-0:1.0.0 ", "6-0:2.0.0 ", "6-0:10.0.0 ", "6-0:11.0.0 "])
            expect(
                heat.some((each) => each.startsWith(code)),
                code,
            ).toBe(true);
    });

    it("tells import from export, and gives neither a code where a qualifier is not read", () => {
        const electricity = HEADER.replace(" 07 ", " 02 ");
        const frame = framed(
            0x72,
            `${electricity} 04 83 3B 88130000 04 83 3C 01000000 04 83 7F 05000000`,
        );
        const telegram = expectDecoded(decodeMbus(frame)) as MbusTelegram;
        expect(telegram.values.map((each) => `${each.obis} ${formatValue(each)}`)).toEqual([
            "1-0:1.8.0 5000 Wh",
            "1-0:2.8.0 1 Wh",
        ]);
        expect(telegram.records[2]?.qualifiers).toEqual([0x7f]);
    });

    it.each(captureNames("mbus/error-frames", ".hex"))("names what is wrong with %s", (name) => {
        const result = decodeMbus(hexCapture(`mbus/error-frames/${name}.hex`));
        const meterErrors =
            /^(?:application_busy|buffer_too_long|error|premature_end_of_record|too_many_difes|too_many_readouts|too_many_records|too_many_vifes|unimplemented_ci|unspecified_error)$/;
        const code = meterErrors.test(name)
            ? "meter-error"
            : /^too_many/.test(name)
              ? "malformed"
              : "truncated";
        expect(result).toMatchObject({ ok: false, fault: { code } });
    });

    it.each([
        ["nothing", new Uint8Array(), "malformed"],
        ["a short frame", bytes("10 40 01 41 16"), "malformed"],
        ["two lengths", bytes("68 04 05 68 08 01 72 00 7b 16"), "malformed"],
        ["no stop byte", bytes("68 03 03 68 08 01 72 7b 17"), "malformed"],
        ["another kind of answer", framed(0x7a, "00"), "unsupported"],
        ["encrypted data", framed(0x72, "78563412 2440 01 07 55 00 0005 2F2F"), "unsupported"],
        ["a reserved coding", framed(0x72, `${HEADER} 08 13`), "malformed"],
        ["more records than fit a frame", framed(0x72, `${HEADER} ${"00 13".repeat(120)}`), "ok"],
    ])("answers %s", (_, frame, code) => {
        const result = decodeMbus(frame);
        expect(result.ok ? "ok" : result.fault.code).toBe(code);
    });

    it("says where a check sum does not fit", () => {
        const frame = framed(0x72, `${HEADER} 03 13 153100`);
        frame[20] = (frame[20] as number) ^ 1;
        expect(expectDecoded(decodeMbus(frame)).check).toBe("mismatch");
    });

    it("answers arbitrary and altered bytes, and never throws", () => {
        const samples = captureNames("mbus", ".hex").map((name) => hexCapture(`mbus/${name}.hex`));
        const altered = fc
            .tuple(
                fc.constantFrom(...samples),
                fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
            )
            .map(([sample, changes]) => {
                const changed = sample.slice();
                for (const [at, byte] of changes) changed[at % changed.length] = byte;
                return changed;
            });
        fc.assert(
            fc.property(fc.oneof(altered, fc.uint8Array({ maxLength: 260 })), (input) => {
                expect(typeof decodeMbus(input).ok).toBe("boolean");
            }),
            { numRuns: 3000 },
        );
    });
});

describe("numbers of data fields", () => {
    it("are exact", () => {
        expect(integerOf(bytes("ff ff"))).toBe(-1n);
        expect(integerOf(bytes("00 00 00 00 00 00 00 80"))).toBe(-(2n ** 63n));
        expect(bcdOf(bytes("56 34 12"))).toBe(123_456n);
        expect(bcdOf(bytes("56 34 f2"))).toBe(-23_456n);
        expect(bcdOf(bytes("5a 34 12"))).toBeNull();
        expect(bcdOf(bytes("ff"))).toBeNull();
    });

    it("name a float by its shortest decimal", () => {
        const float = fc.float({ noNaN: true, noDefaultInfinity: true });
        fc.assert(
            fc.property(float, (real) => {
                const field = new Uint8Array(4);
                new DataView(field.buffer).setFloat32(0, real, true);
                const read = realOf(field);
                expect(Math.fround(Number(`${read?.digits}e${read?.scaler}`))).toBe(
                    real === 0 ? 0 : real,
                );
            }),
        );
        expect(realOf(bytes("22 f3 26 42"))).toEqual({ digits: 41_737_434n, scaler: -6 });
        expect(realOf(bytes("00 00 80 7f"))).toBeNull();
    });

    it("have dates only where the meter has one", () => {
        expect(dateText(bytes("e1 01"))).toBe("2007-01-01");
        expect(dateText(bytes("e1 f1"))).toBeNull();
        expect(dateTimeText(bytes("24 0a 61 1c"))).toBe("2011-12-01T10:36");
        expect(dateTimeText(bytes("a1 15 e9 17"))).toBeNull();
    });
});
