import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeDeviceJson, formatValue, type Telegram } from "../src/index.ts";
import { expectDecoded } from "./captures.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function shown(telegram: Telegram): string[] {
    return telegram.values.map((value) => `${value.obis} ${formatValue(value)}`);
}

/** Messages in the form that the makers document; one of each kind, and of several channels. */
const ZIGBEE2MQTT = `{"ac_frequency":49.97,"current":0.23,"energy":1234.567,"last_seen":"2026-03-01T10:00:00.000Z",
  "linkquality":120,"power":-45,"power_factor":0.98,"produced_energy":0.01,"state":"ON","voltage":231,
  "device":{"friendlyName":"meter in the hall","ieeeAddr":"0x00158d0001020304"}}`;
const TASMOTA = `{"Time":"2022-03-28T19:15:01","ENERGY":{"TotalStartTime":"2021-01-01T00:00:00","Total":1234.567890123456789,
  "Yesterday":0.337,"Today":0.1,"Power":367,"ApparentPower":507,"ReactivePower":350,"Factor":0.72,"Voltage":235,"Current":2.156}}`;
const TASMOTA_PHASES = `{"Time":"2022-03-28T19:15:01Z","ENERGY":{"Total":10.5,"TotalTariff":[4.25,6.25],"ExportActive":0.000,
  "Power":[100,-20,3],"Voltage":[230,231,232]}}`;
const SHELLY_SWITCH = `{"id":0,"source":"init","output":true,"apower":8.9,"voltage":237.5,"current":0.055,
  "aenergy":{"total":6.532,"by_minute":[45.199,47.141,88.397],"minute_ts":1626935779},"temperature":{"tC":23.5,"tF":74.4}}`;
const SHELLY_3EM = `{"src":"shellypro3em-f008d1d8b8b8","params":{"em:0":{"id":0,"a_current":4.029,"a_voltage":236.1,
  "a_act_power":951.2,"c_act_power":-12,"total_act_power":2484.782},"emdata:0":{"id":0,"a_total_act_energy":1.5,
  "total_act":28013.65,"total_act_ret":21.2},"sys":{"unixtime":1626935779}}}`;
const SHELLY_GEN1 = `{"mac":"E8DB84D4FDA8","emeters":[{"power":12.5,"reactive":-3.1,"voltage":229.9,"is_valid":true,"total":5301.2,
  "total_returned":7},{"power":9,"is_valid":false,"total":1}],"meters":[{"power":4.25,"is_valid":true,"total":12345}]}`;

describe("decodeDeviceJson", () => {
    it("reads what Zigbee2MQTT publishes", () => {
        const telegram = expectDecoded(decodeDeviceJson(bytes(ZIGBEE2MQTT)));
        expect(telegram).toMatchObject({
            kind: "zigbee2mqtt",
            identification: "meter in the hall",
            atUnix: 1_772_359_200,
            check: "absent",
        });
        expect(shown(telegram)).toEqual([
            "1-0:1.8.0 1234567 Wh",
            "1-0:2.8.0 10 Wh",
            "1-0:16.7.0 -45 W",
            "1-0:12.7.0 231 V",
            "1-0:11.7.0 0.23 A",
            "1-0:13.7.0 0.98",
            "1-0:14.7.0 49.97 Hz",
        ]);
    });

    it("keeps digits that a float would lose, and takes no wall clock without an offset", () => {
        const telegram = expectDecoded(decodeDeviceJson(bytes(TASMOTA)));
        expect(telegram).toMatchObject({ kind: "tasmota", atUnix: null });
        expect(shown(telegram)[0]).toBe("1-0:1.8.0 1234567.890123456789 Wh");
    });

    it("reads the phases and tariffs of Tasmota", () => {
        const telegram = expectDecoded(decodeDeviceJson(bytes(TASMOTA_PHASES)));
        expect(telegram.atUnix).toBe(1_648_494_901);
        expect(shown(telegram)).toEqual([
            "1-0:1.8.0 10500 Wh",
            "1-0:2.8.0 0 Wh",
            "1-0:36.7.0 100 W",
            "1-0:56.7.0 -20 W",
            "1-0:76.7.0 3 W",
            "1-0:32.7.0 230 V",
            "1-0:52.7.0 231 V",
            "1-0:72.7.0 232 V",
            "1-0:1.8.1 4250 Wh",
            "1-0:1.8.2 6250 Wh",
        ]);
    });

    it("reads a plug, a three-phase meter and the older lists of Shelly", () => {
        expect(shown(expectDecoded(decodeDeviceJson(bytes(SHELLY_SWITCH))))).toEqual([
            "1-0:1.8.0 6.532 Wh",
            "1-0:16.7.0 8.9 W",
            "1-0:12.7.0 237.5 V",
            "1-0:11.7.0 0.055 A",
        ]);
        const meter = expectDecoded(decodeDeviceJson(bytes(SHELLY_3EM)));
        expect(meter.identification).toBe("shellypro3em-f008d1d8b8b8");
        expect(shown(meter)).toEqual([
            "1-0:16.7.0 2484.782 W",
            "1-0:36.7.0 951.2 W",
            "1-0:32.7.0 236.1 V",
            "1-0:31.7.0 4.029 A",
            "1-0:76.7.0 -12 W",
            "1-0:1.8.0 28013.65 Wh",
            "1-0:2.8.0 21.2 Wh",
            "1-0:21.8.0 1.5 Wh",
        ]);
        const old = expectDecoded(decodeDeviceJson(bytes(SHELLY_GEN1)));
        expect(old.identification).toBe("E8DB84D4FDA8");
        // 12,345 watt minutes, of 60 J each; what is not valid is left out.
        expect(shown(old)).toContain("1-0:1.8.0 740700 J");
        expect(shown(old)).toContain("1-0:2.8.0 7 Wh");
        expect(shown(old).some((line) => line.startsWith("1-1:"))).toBe(false);
    });

    it.each([
        ["no JSON", "{", "malformed"],
        ["a list", "[1]", "malformed"],
        ["a number that is none", '{"energy":0x10}', "malformed"],
        ["nesting without end", `{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, "too-large"],
        ["deep nesting", `{"a":${"[".repeat(100)}${"]".repeat(100)}}`, "malformed"],
        ["nothing of a meter", '{"state":"ON","linkquality":1}', "unsupported"],
        ["a register of an endless number", `{"energy":${"9".repeat(60)}}`, "unsupported"],
        ["a register of a huge power", '{"energy":1e400}', "unsupported"],
        ["a channel beyond the last", '{"id":64,"apower":1}', "malformed"],
    ])("refuses %s", (_, text, code) => {
        expect(decodeDeviceJson(bytes(text))).toMatchObject({ ok: false, fault: { code } });
    });

    it("refuses bytes that are no UTF-8", () => {
        const broken = Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d);
        expect(decodeDeviceJson(broken)).toMatchObject({ ok: false, fault: { code: "malformed" } });
    });

    it("takes no property of an object's prototype for a reading", () => {
        const decoded = decodeDeviceJson(bytes('{"__proto__":{"energy":1},"constructor":2}'));
        expect(decoded).toMatchObject({ ok: false, fault: { code: "unsupported" } });
    });

    it("never throws, and gives back each number of a register exactly", () => {
        fc.assert(
            fc.property(fc.bigInt(0n, 10n ** 15n), fc.nat({ max: 9 }), (digits, places) => {
                const padded = digits.toString().padStart(places + 1, "0");
                const split = padded.length - places;
                const text =
                    places === 0 ? padded : `${padded.slice(0, split)}.${padded.slice(split)}`;
                const [value] = expectDecoded(decodeDeviceJson(bytes(`{"energy":${text}}`))).values;
                expect(value).toMatchObject({ digits, scaler: 3 - places, unit: "Wh" });
            }),
        );
        fc.assert(
            fc.property(fc.json(), fc.uint8Array(), (json, noise) => {
                decodeDeviceJson(bytes(json));
                decodeDeviceJson(noise);
            }),
        );
    });
});
