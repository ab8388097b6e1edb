import { attempt, type Decoded, refuse } from "../result.ts";
import { hex } from "../text.ts";
import type { CheckVerdict, Telegram, Unit } from "../value.ts";
import { type MbusFrame, openLongFrame } from "./frame.ts";
import { bcdOf, integerOf } from "./numbers.ts";
import { obisValueOf } from "./obis-codes.ts";
import { type MbusRecord, type MbusRecords, readRecords } from "./records.ts";
import { APPLICATION_ERRORS, type MbusQuantity } from "./tables.ts";

/** What an M-Bus meter says, by wire or radio: values with OBIS codes, and every record as it came. */
export type MbusTelegram = Telegram & {
    /** Three letters of the manufacturer (FLAG id); empty in the fixed structure. */
    readonly manufacturer: string;
    readonly version: number;
    /** Medium by its number (EN 13757-3 table 3). */
    readonly medium: number;
    readonly accessNumber: number;
    /** Status bits of the meter. */
    readonly status: number;
    readonly records: readonly MbusRecord[];
    /** Bytes of the manufacturer's own form; null without them. */
    readonly manufacturerData: Uint8Array | null;
    readonly moreFollows: boolean;
};

const INFORMATION = { error: 0x70, variable: 0x72, fixed: 0x73 };
const HEADER_BYTES = 12;
/** Encryption modes of the configuration word (EN 13757-7 table 19). */
const ENCRYPTION_MODES = [2, 3, 4, 5, 6, 7, 8, 10, 13];
const FIXED_BYTES = 16;

/**
 * Decodes a long frame of the wired M-Bus: variable and fixed data structures, least significant
 * byte first (EN 13757-3). A check sum that does not match is a verdict and not a fault.
 * @returns faults `malformed`, `truncated`, `too-large`, `unsupported` (encrypted or another kind of
 * answer), `meter-error` where the meter answers with an application error.
 */
export function decodeMbus(bytes: Uint8Array): Decoded<MbusTelegram> {
    return attempt(() => {
        const frame = openLongFrame(bytes);
        switch (frame.information) {
            case INFORMATION.variable:
                return readVariable(frame);
            case INFORMATION.fixed:
                return readFixed(frame);
            case INFORMATION.error: {
                const said = APPLICATION_ERRORS[frame.data[0] ?? 0] ?? "unknown error";
                return refuse("meter-error", "the meter's answer", `values, not: ${said}`);
            }
            default:
                return refuse("unsupported", "CI field", "72 or 73: a meter's data");
        }
    });
}

function readVariable(frame: MbusFrame): MbusTelegram {
    const { data } = frame;
    if (data.length < HEADER_BYTES)
        refuse("truncated", "data header", `${HEADER_BYTES} bytes of data header`);
    const [, , , , low = 0, high = 0, version = 0, medium = 0, accessNumber = 0, status = 0] = data;
    // Older meters put a signature of their own there: other numbers are no mode.
    if (ENCRYPTION_MODES.includes((data[11] as number) & 0x1f))
        refuse("unsupported", "data header", "data that are not encrypted");
    const read = readRecords(data.subarray(HEADER_BYTES));
    const manufacturer = manufacturerOf(low + 256 * high);
    const header = { manufacturer, version, medium, accessNumber, status };
    return telegramOf("mbus", data.subarray(0, 4), checkOf(frame), header, read);
}

function checkOf({ isIntact }: MbusFrame): CheckVerdict {
    return isIntact ? "ok" : "mismatch";
}

type Header = Pick<MbusTelegram, "accessNumber" | "manufacturer" | "medium" | "status" | "version">;

/** The telegram of a meter: its records, and those with an OBIS code as values. */
export function telegramOf(
    kind: "mbus" | "wmbus",
    identification: Uint8Array,
    check: CheckVerdict,
    header: Header,
    read: MbusRecords,
): MbusTelegram {
    const values = read.records.map((record) => obisValueOf(header.medium, record));
    return {
        kind,
        identification: `${header.manufacturer} ${hex(identification.slice().reverse())}`.trim(),
        atUnix: null,
        values: values.filter((value) => value !== null),
        texts: [],
        check,
        ...header,
        ...read,
    };
}

/** Three letters in five bits each (FLAG id, EN 62056-21). */
export function manufacturerOf(code: number): string {
    const letters = [code >> 10, code >> 5, code].map((bits) => (bits & 0x1f) + 64);
    return String.fromCharCode(...letters);
}

/** Units of the fixed structure: rows of nine powers of ten each (EN 13757-3 annex, withdrawn). */
const FIXED_ROWS: readonly (readonly [MbusQuantity, Unit, number])[] = [
    ["energy", "Wh", 0],
    ["energy", "J", 3],
    ["power", "W", 0],
    ["power", "J/h", 3],
    ["volume", "m3", -6],
    ["volume flow", "m3/h", -6],
];
const FIXED_FIRST_UNIT = 2;
const FIXED_SAME_UNIT = 0x3e;

/** Two counters with a unit each; the medium stands in the two top bits of both units. */
function readFixed(frame: MbusFrame): MbusTelegram {
    const { data } = frame;
    if (data.length < FIXED_BYTES) refuse("truncated", "data", `${FIXED_BYTES} bytes`);
    const [, , , , accessNumber = 0, status = 0, first = 0, second = 0] = data;
    const isBinary = (status & 0x80) !== 0;
    const isStored = (status & 0x40) !== 0;
    const counter = (at: number, code: number): MbusRecord => {
        const bytes = data.subarray(at, at + 4);
        const digits = isBinary ? integerOf(bytes) : bcdOf(bytes);
        const row = FIXED_ROWS[Math.floor((code - FIXED_FIRST_UNIT) / 9)];
        const [quantity, unit, exponent] = row ?? (["other", "", 0] as const);
        const scaler = exponent + (row === undefined ? 0 : (code - FIXED_FIRST_UNIT) % 9);
        return {
            function: "instantaneous",
            storage: isStored ? 1 : 0,
            tariff: 0,
            device: 0,
            direction: null,
            plainText: null,
            qualifiers: [],
            quantity,
            unit,
            number: digits === null ? null : { digits, scaler },
            text: digits === null ? hex(bytes) : null,
        };
    };
    const unit = (byte: number): number => byte & 0x3f;
    const secondUnit = unit(second) === FIXED_SAME_UNIT ? unit(first) : unit(second);
    const medium = ((first >> 6) & 3) | ((second >> 4) & 0x0c);
    const header = { manufacturer: "", version: 0, medium, accessNumber, status };
    const records = [counter(8, unit(first)), counter(12, secondUnit)];
    const read = { records, manufacturerData: null, moreFollows: false };
    return telegramOf("mbus", data.subarray(0, 4), checkOf(frame), header, read);
}
