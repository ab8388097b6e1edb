import { createDecipheriv } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
    decodeP1,
    formatValue,
    isEncryptedP1,
    type OpenGcm,
    openP1,
    P1_TELEGRAM_BYTES,
    P1Splitter,
} from "../src/index.ts";
import { capture, captureNames, expectDecoded, hexCapture } from "./captures.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

type Reading = Record<string, unknown>;

/** What another project read from a telegram, by groups C.D.E of the OBIS code. */
function expectedOf(reading: Reading): [obis: RegExp, number: number][] {
    const at = (path: string): unknown =>
        path
            .split(".")
            .reduce<unknown>((each, key) => (each as Reading | undefined)?.[key], reading);
    const rows: [path: string, codes: string][] = [
        ["electricity.tariffs.1.received", "1.8.1"],
        ["electricity.tariffs.2.received", "1.8.2"],
        ["electricity.tariffs.1.returned", "2.8.1"],
        ["electricity.tariffs.2.returned", "2.8.2"],
        ["electricity.total.received", "1.8.0"],
        ["electricity.total.returned", "2.8.0"],
        ["electricity.currentTariff", "96.14.0"],
        ["electricity.powerReceivedTotal", "1.7.0"],
        ["electricity.powerReturnedTotal", "2.7.0"],
        ["metadata.events.powerFailures", "96.7.21"],
        ["metadata.events.longPowerFailures", "96.7.9"],
        ...[1, 2, 3].flatMap((phase): [string, string][] => [
            [`electricity.voltage.l${phase}`, `${12 + 20 * phase}.7.0`],
            [`electricity.current.l${phase}`, `${11 + 20 * phase}.7.0`],
            [`electricity.powerReceived.l${phase}`, `${1 + 20 * phase}.7.0`],
            [`electricity.powerReturned.l${phase}`, `${2 + 20 * phase}.7.0`],
            [`metadata.events.voltageSags.l${phase}`, `${12 + 20 * phase}.32.0`],
            [`metadata.events.voltageSwells.l${phase}`, `${12 + 20 * phase}.36.0`],
        ]),
    ];
    const groups = rows.map(([path, code]): [RegExp, unknown] => [
        new RegExp(`:${code.replaceAll(".", "\\.")}$`),
        at(path),
    ]);
    for (const channel of [1, 2, 3, 4])
        groups.push([new RegExp(`^0-${channel}:24\\.2\\.\\d$`), at(`mBus.${channel}.value`)]);
    return groups.filter((row): row is [RegExp, number] => typeof row[1] === "number");
}

describe("decodeP1", () => {
    it.each(captureNames("p1", ".txt"))("reads %s as others do", (name) => {
        const telegram = expectDecoded(decodeP1(capture(`p1/${name}.txt`)));
        const reading = JSON.parse(new TextDecoder().decode(capture(`p1/${name}.json`)));
        const expected = expectedOf(reading);
        expect(expected.length).toBeGreaterThan(2);
        for (const [obis, number] of expected) {
            const value = telegram.values.find((each) => obis.test(each.obis));
            expect(value, String(obis)).toBeDefined();
            if (value !== undefined)
                expect(Number(formatValue(value).split(" ")[0])).toBeCloseTo(number, 9);
        }
        const valid = reading.dsmr.crc?.valid;
        const without = name.includes("no-crc") ? "truncated" : "absent";
        expect(telegram.check).toBe(valid === undefined ? without : valid ? "ok" : "mismatch");
        const clock = reading.metadata.timestamp;
        // The other project leaves the offset out: it gives the wall clock as if it were UTC.
        if (clock !== undefined && telegram.atUnix !== null)
            expect([3600, 7200]).toContain(Date.parse(clock) / 1000 - telegram.atUnix);
    });

    const LINES = [
        "/ISK5\\2M550T-1012",
        "",
        "0-0:1.0.0(190324150519W)",
        "1-0:1.8.1(003432.827*kWh)",
    ];
    const telegram = (...more: string[]): Uint8Array => ascii([...LINES, ...more, ""].join("\r\n"));

    it("gives exact integers with scaler, unit and time", () => {
        const gas = "0-1:24.2.1(101209112500W)(12785.123*m3)";
        const { values, check, atUnix } = expectDecoded(decodeP1(telegram(gas, "!")));
        expect(values).toEqual([
            { obis: "1-0:1.8.1", digits: 3_432_827n, scaler: 0, unit: "Wh", atUnix: null },
            {
                obis: "0-1:24.2.1",
                digits: 12_785_123n,
                scaler: -3,
                unit: "m3",
                atUnix: Date.parse("2010-12-09T11:25:00+01:00") / 1000,
            },
        ]);
        expect(check).toBe("absent");
        expect(atUnix).toBe(Date.parse("2019-03-24T15:05:19+01:00") / 1000);
    });

    it("takes S for summer time, and no time from a filler", () => {
        const at = (clock: string) =>
            expectDecoded(decodeP1(ascii(`/ISK5\\2M550T\r\n\r\n0-0:1.0.0(${clock})\r\n!\r\n`)))
                .atUnix;
        expect(at("190724150519S")).toBe(Date.parse("2019-07-24T15:05:19+02:00") / 1000);
        // The hour that comes twice in October: the letter tells which.
        expect(at("191027023000W")).toBe((at("191027023000S") ?? 0) + 3600);
        expect(at("632525252525S")).toBeNull();
        expect(at("190724150519")).toBeNull();
    });

    it("keeps every demand of a history with its time", () => {
        const history =
            "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(200501000000S)(200423192538S)(03.695*kW)(200401000000S)(200305122139S)(05.980*kW)";
        const { values } = expectDecoded(decodeP1(telegram(history, "!")));
        expect(values.slice(1).map((each) => [each.obis, formatValue(each), each.atUnix])).toEqual([
            ["1-0:1.6.0", "3695 W", Date.parse("2020-04-23T19:25:38+02:00") / 1000],
            ["1-0:1.6.0", "5980 W", Date.parse("2020-03-05T12:21:39+02:00") / 1000],
        ]);
    });

    it("finds each flipped bit that the check covers", () => {
        const intact = capture("p1/dsmr-5.0-isk-1.txt");
        expect(expectDecoded(decodeP1(intact)).check).toBe("ok");
        for (let at = 30; at < intact.length - 10; at += 7) {
            const changed = intact.slice();
            changed[at] = (changed[at] as number) ^ 1;
            const result = decodeP1(changed);
            if (result.ok) expect(result.value.check, `byte ${at}`).not.toBe("ok");
        }
    });

    it.each([
        ["nothing", "", "malformed"],
        ["no name", "1-0:1.8.1(1*kWh)\r\n!\r\n", "malformed"],
        ["an open bracket", "/ISK5\\2M550T\r\n\r\n1-0:1.8.1(1*kWh\r\n!\r\n", "malformed"],
        ["a code out of range", "/ISK5\\2M550T\r\n\r\n1-0:1.8.256(1*kWh)\r\n!\r\n", "malformed"],
        ["a check that is none", "/ISK5\\2M550T\r\n\r\n!12345\r\n", "malformed"],
        [
            "too many objects",
            `/ISK5\\2M550T\r\n${"1-0:1.7.0(1)\r\n".repeat(257)}!\r\n`,
            "too-large",
        ],
        ["too many bytes", `/ISK5\\2M550T\r\n${"x".repeat(P1_TELEGRAM_BYTES)}`, "too-large"],
    ])("refuses %s", (_, text, code) => {
        expect(decodeP1(ascii(text))).toMatchObject({ ok: false, fault: { code } });
    });

    it("answers arbitrary and altered bytes, and never throws", () => {
        const samples = captureNames("p1", ".txt").map((name) => capture(`p1/${name}.txt`));
        const altered = fc
            .tuple(
                fc.constantFrom(...samples),
                fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
            )
            .map(([sample, changes]) => {
                const bytes = sample.slice();
                for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
                return bytes;
            });
        fc.assert(
            fc.property(fc.oneof(altered, fc.uint8Array({ maxLength: 300 })), (bytes) => {
                expect(typeof decodeP1(bytes).ok).toBe("boolean");
            }),
            { numRuns: 2000 },
        );
    });
});

describe("P1Splitter", () => {
    it("cuts a stream that starts in mid-telegram, in pieces of any size", () => {
        const stream = capture("p1-stream.txt.gz");
        fc.assert(
            fc.property(fc.integer({ min: 1, max: 5000 }), (size) => {
                const splitter = new P1Splitter();
                let [telegrams, intact] = [0, 0];
                for (let at = 0; at < stream.length; at += size) {
                    for (const each of splitter.push(stream.subarray(at, at + size))) {
                        telegrams++;
                        if (expectDecoded(decodeP1(each)).check === "ok") intact++;
                    }
                }
                expect([telegrams, intact, splitter.dropped]).toEqual([300, 300, 304]);
            }),
            { numRuns: 3 },
        );
    });

    it("goes on with the telegram that interrupts another, and bounds what it keeps", () => {
        const splitter = new P1Splitter();
        const whole = "/ISK5\\2M550T\r\n\r\n1-0:1.7.0(1*W)\r\n!\r\n";
        expect(splitter.push(ascii(`/ISK5\\2M550T\r\n1-0:1.\r\n${whole}`))).toEqual([ascii(whole)]);
        expect(splitter.dropped).toBe(22);
        expect(splitter.push(new Uint8Array(P1_TELEGRAM_BYTES * 3).fill(0x2f))).toEqual([]);
        expect(splitter.push(ascii(`\r\n${whole}`))).toEqual([ascii(whole)]);
    });
});

describe("openP1", () => {
    const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
    const keys = {
        encryptionKey: bytes("0123456789abcdef0123456789abcdef"),
        authenticationKey: bytes("ffeeddccbbaa99887766554433221100"),
    };
    const frame = hexCapture("p1-encrypted/dsmr-luxembourgh-spec-example-with-aad.txt");
    const gcm: OpenGcm = ({ additionalData, ciphertext, key, nonce, tag }) => {
        const decipher = createDecipheriv("aes-128-gcm", key, nonce, { authTagLength: 12 });
        decipher.setAAD(additionalData);
        decipher.setAuthTag(tag);
        try {
            return new Uint8Array(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
        } catch {
            return null;
        }
    };

    it("opens a frame whose tag fits", () => {
        const opened = openP1(frame, keys, -1, gcm);
        if (!opened.ok) throw new Error(opened.fault.code);
        expect(opened.value.frameCounter).toBe(0x11_22_33_44);
        expect(new TextDecoder().decode(opened.value.systemTitle)).toBe("systitle");
        const telegram = expectDecoded(decodeP1(opened.value.telegram));
        expect(telegram.values.length).toBeGreaterThan(40);
        expect(isEncryptedP1(frame)).toBe(true);
        expect(isEncryptedP1(opened.value.telegram)).toBe(false);
    });

    it("C10 refuses another key, a changed bit, a counter used before, and a frame that was cut", () => {
        const other = { ...keys, authenticationKey: keys.encryptionKey };
        expect(openP1(frame, other, -1, gcm)).toMatchObject({ fault: { code: "tag" } });
        for (const at of [3, 16, 20, 700, frame.length - 1]) {
            const changed = frame.slice();
            changed[at] = (changed[at] as number) ^ 1;
            expect(openP1(changed, keys, -1, gcm)).toMatchObject({ fault: { code: "tag" } });
        }
        const counter = 0x11_22_33_44;
        expect(openP1(frame, keys, counter, gcm)).toMatchObject({ fault: { code: "replay" } });
        expect(openP1(frame, keys, counter - 1, gcm).ok).toBe(true);
        const cut = openP1(frame.subarray(0, 500), keys, -1, gcm);
        expect(cut).toMatchObject({ fault: { code: "truncated" } });
        expect(openP1(frame.subarray(0, 3), keys, -1, gcm).ok).toBe(false);
    });

    it("refuses a frame that was made without authentication", () => {
        const bare = hexCapture("p1-encrypted/dsmr-luxembourgh-spec-example-without-aad.txt");
        expect(openP1(bare, keys, -1, gcm)).toMatchObject({ fault: { code: "tag" } });
    });
});
