import { error } from "@meterseal/core";
import {
    type Decoded,
    decodeDeviceJson,
    decodeMbus,
    decodeMilesight,
    decodeP1,
    decodeReadout,
    decodeSensorLine,
    decodeSml,
    decodeWmbus,
    decodeZigbeeMetering,
    type Fault,
    formatValue,
    isEncryptedP1,
    type MbusRecord,
    type MbusTelegram,
    openP1,
    P1Splitter,
    SensorLineSplitter,
    SmlSplitter,
    type Telegram,
    type WirelessTelegram,
    type ZigbeeAttribute,
    type ZigbeeTelegram,
} from "@meterseal/telegram";
import { jsonValue, out, say } from "../console.ts";
import { openGcm, readTelegramKeys, wirelessCrypto } from "./telegram-keys.ts";

/** A single frame can be no replay of another. */
const NO_FRAME_BEFORE = -1;
/** Lines of the key file of an encrypted P1 port. */
const P1_KEYS = ["encryption key", "authentication key"];
/** Control field of a wireless meter's own messages (EN 13757-4). */
const SEND_NO_REPLY = 0x44;

/** Beginning of an SML file: escape sequence and version. */
const SML_BEGIN = Uint8Array.of(0x1b, 0x1b, 0x1b, 0x1b, 1, 1, 1, 1);
/** First and fourth byte of a long M-Bus frame. */
const MBUS_START = 0x68;
/** A line that begins with a slash, or a data set of a readout. */
const TEXT_TELEGRAM =
    /(?:^|\n)\/[\x20-\x7e]{4,63}\r?\n|^.?[0-9A-Z][0-9A-Z\-:.*&]{1,31}\([^()]{0,64}\)/s;
/** Full OBIS codes and an end of line behind the mark: P1, or mode D, which has the same form. */
const P1 = /(?:^|\n)\/[\x20-\x7e]{4,63}\r?\n[\s\S]*?^\d{1,3}-\d{1,3}:/m;

/** A line of the current sensor that can be built. */
const SENSOR_LINE = /(?:^|\n)MSC\d,/;

/** Kinds whose bytes do not say what they are. */
const NAMED: Readonly<Record<string, (bytes: Uint8Array) => Decoded<Telegram>>> = {
    milesight: decodeMilesight,
    zigbee: (bytes) => decodeZigbeeMetering(bytes),
};
/** What `--as` takes. */
export const NAMED_KINDS = Object.keys(NAMED).join("|");

/**
 * Prints the telegrams of a capture: one, or a stream that may begin within one.
 * @returns false where the bytes are no telegrams.
 * @throws MetersealError MS_MALFORMED where none of them can be read.
 */
export function decodeTelegrams(
    bytes: Uint8Array,
    options: {
        readonly asJson: boolean;
        readonly keysPath: string | undefined;
        readonly kind: string | undefined;
    },
): boolean {
    const results = resultsOf(bytes, options.keysPath, options.kind);
    if (results === null) return false;
    const faults: Fault[] = [];
    for (const result of results) {
        if (result.ok) print(result.value, options.asJson);
        else faults.push(result.fault);
    }
    const [fault] = faults;
    if (fault === undefined) return true;
    const { code, expected, where } = fault;
    if (faults.length === results.length)
        throw error("MS_MALFORMED", { where, expected, got: code });
    say(
        `${faults.length} of ${results.length} telegrams could not be read; first: ${code} at ${where}`,
    );
    return true;
}

function resultsOf(
    bytes: Uint8Array,
    keysPath: string | undefined,
    kind: string | undefined,
): Decoded<Telegram>[] | null {
    if (kind !== undefined) {
        const decode = Object.hasOwn(NAMED, kind) ? NAMED[kind] : undefined;
        if (decode === undefined)
            throw error("MS_USAGE", { where: "--as", expected: NAMED_KINDS, got: kind });
        return [decode(bytes)];
    }
    if (isEncryptedP1(bytes)) return [openedTelegram(bytes, keysPath)];
    if (isWireless(bytes)) return [wirelessTelegram(bytes, keysPath)];
    return readTelegrams(bytes);
}

/** The telegram of an encrypted frame, whose tag is always checked. */
function openedTelegram(frame: Uint8Array, keysPath: string | undefined): Decoded<Telegram> {
    if (keysPath === undefined)
        throw error("MS_USAGE", { expected: "--keys FILE", got: "an encrypted telegram" });
    const [encryptionKey, authenticationKey] = readTelegramKeys(keysPath, P1_KEYS);
    const keys = {
        encryptionKey: encryptionKey as Uint8Array,
        authenticationKey: authenticationKey as Uint8Array,
    };
    const opened = openP1(frame, keys, NO_FRAME_BEFORE, openGcm);
    return opened.ok ? decodeP1(opened.value.telegram) : opened;
}

/** True for a length that fits the bytes, and the control field of a meter that sends by itself. */
function isWireless(bytes: Uint8Array): boolean {
    const [length = 0, control] = bytes;
    const withCrcs = length + 1 + 2 * (1 + Math.ceil((length - 9) / 16));
    return control === SEND_NO_REPLY && [length + 1, withCrcs].includes(bytes.length);
}

function wirelessTelegram(frame: Uint8Array, keysPath: string | undefined): Decoded<Telegram> {
    const [key] = keysPath === undefined ? [] : readTelegramKeys(keysPath, ["the meter's key"]);
    const result = decodeWmbus(frame, key === undefined ? null : { key, crypto: wirelessCrypto });
    if (!result.ok && result.fault.code === "key-needed")
        throw error("MS_USAGE", { expected: "--keys FILE", got: "an encrypted telegram" });
    return result;
}

function readTelegrams(bytes: Uint8Array): Decoded<Telegram>[] | null {
    if (Buffer.from(bytes).includes(SML_BEGIN)) {
        const files = new SmlSplitter().push(bytes);
        return files.length > 0 ? files.map(decodeSml) : [decodeSml(bytes)];
    }
    if (bytes[0] === MBUS_START && bytes[3] === MBUS_START) return [decodeMbus(bytes)];
    const text = Buffer.from(bytes).toString("latin1");
    if (/^\s*\{/.test(text)) return [decodeDeviceJson(bytes)];
    if (SENSOR_LINE.test(text)) return sensorLines(bytes);
    if (!TEXT_TELEGRAM.test(text)) return null;
    if (!P1.test(text)) return [decodeReadout(bytes)];
    const telegrams = new P1Splitter().push(bytes);
    return telegrams.length > 0 ? telegrams.map(decodeP1) : [decodeP1(bytes)];
}

/** Lines of the sensor; the last one may lack its end. */
function sensorLines(bytes: Uint8Array): Decoded<Telegram>[] {
    const splitter = new SensorLineSplitter();
    return [...splitter.push(bytes), ...splitter.push(Buffer.from("\n"))].map(decodeSensorLine);
}

function print(telegram: Telegram, asJson: boolean): void {
    if (asJson) {
        out(JSON.stringify(telegram, jsonValue));
        return;
    }
    const { atUnix, check, identification, kind, texts, values } = telegram;
    const records = "records" in telegram ? (telegram as MbusTelegram).records : [];
    const attributes = "attributes" in telegram ? (telegram as ZigbeeTelegram).attributes : [];
    const rows = [
        ...values.map((value) => [value.obis, formatValue(value), instant(value.atUnix)]),
        ...records.map((record) => [nameOf(record), contentOf(record), ""]),
        ...attributes.map((attribute) => [idOf(attribute), rawOf(attribute), ""]),
        ...texts.map(({ obis, text }) => [obis, JSON.stringify(text), ""]),
    ];
    const width = Math.max(0, ...rows.map(([obis = ""]) => obis.length));
    const mark = isUnauthenticated(telegram) ? "UNAUTHENTICATED" : "";
    const heads = [kind, identification, instant(atUnix), `check: ${check}`, mark];
    out(heads.filter((head) => head !== "").join("  "));
    for (const [obis = "", value = "", time = ""] of rows)
        out(`  ${obis.padEnd(width)}  ${value}${time === "" ? "" : `  ${time}`}`);
}

/** True for a radio telegram that no tag covers: anybody near may have sent or altered it. */
function isUnauthenticated(telegram: Telegram | WirelessTelegram): boolean {
    return "isAuthenticated" in telegram && !telegram.isAuthenticated;
}

/** Which of a meter's values a record is, in words. */
function nameOf({ device, quantity, storage, tariff, ...record }: MbusRecord): string {
    const parts = [
        record.plainText?.trim() ?? quantity,
        record.function === "instantaneous" ? "" : record.function,
        storage === 0 ? "" : `storage ${storage}`,
        tariff === 0 ? "" : `tariff ${tariff}`,
        device === 0 ? "" : `unit ${device}`,
        ...record.qualifiers.map((qualifier) => `VIFE ${qualifier.toString(16)}`),
    ];
    return parts.filter((part) => part !== "").join(", ");
}

/** Attribute of a Zigbee cluster by its number. */
function idOf({ id }: ZigbeeAttribute): string {
    return `attribute ${id.toString(16).padStart(4, "0")}`;
}

/** Value of an attribute before its factors. */
function rawOf({ raw }: ZigbeeAttribute): string {
    if (raw instanceof Uint8Array) return Buffer.from(raw).toString("hex");
    return raw === null ? "none" : typeof raw === "string" ? JSON.stringify(raw) : `${raw}`;
}

function contentOf({ number, text, unit }: MbusRecord): string {
    return number === null ? (text ?? "") : formatValue({ ...number, unit });
}

function instant(unix: number | null): string {
    return unix === null ? "" : new Date(unix * 1000).toISOString().replace(".000Z", "Z");
}
