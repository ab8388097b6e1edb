import { refuse } from "../result.ts";
import { hex } from "../text.ts";
import {
    ByteReader,
    type DataInformation,
    readDataInformation,
    readValueInformation,
    reversedText,
    type ValueInformation,
} from "./blocks.ts";
import { bcdOf, dateText, dateTimeText, type FieldNumber, integerOf, realOf } from "./numbers.ts";
import { MBUS_RECORDS } from "./tables.ts";

/** A data record of a meter's answer. */
export type MbusRecord = Omit<DataInformation, "coding"> &
    Pick<ValueInformation, "direction" | "quantity" | "qualifiers" | "unit"> & {
        /** digits × 10^scaler in the unit; null where the record holds a text, or no valid number. */
        readonly number: FieldNumber;
        /** Text, date or bytes in hexadecimal; null where the record holds a number. */
        readonly text: string | null;
        /** Unit or name that the meter gives in plain text; null where it gives none. */
        readonly plainText: string | null;
    };

const FILLER = 0x2f;
const MANUFACTURER_DATA = 0x0f;
const MORE_FOLLOWS = 0x1f;
/** Bytes of each coding of a data field; 0 none, -1 as the first byte says, -2 not allowed here. */
const LENGTHS = [0, 1, 2, 3, 4, 4, 6, 8, -2, 1, 2, 3, 4, -1, 6, -2];
const CODING = { real: 5, firstBcd: 9, variable: 0x0d, lastBcd: 0x0e };

/** Records of a variable data structure, and what the manufacturer put behind them. */
export type MbusRecords = {
    readonly records: readonly MbusRecord[];
    /** Bytes of the manufacturer's own form; null without them. */
    readonly manufacturerData: Uint8Array | null;
    /** True where the meter has more records than fit one answer. */
    readonly moreFollows: boolean;
};

/** Reads data records to the end (EN 13757-3 section 6.2). For use inside `attempt`. */
export function readRecords(data: Uint8Array): MbusRecords {
    const reader = new ByteReader(data);
    const records: MbusRecord[] = [];
    while (!reader.isAtEnd) {
        const first = reader.byte("a DIF");
        if (first === FILLER) continue;
        if (first === MANUFACTURER_DATA || first === MORE_FOLLOWS) {
            const manufacturerData = data.slice(reader.at);
            return { records, manufacturerData, moreFollows: first === MORE_FOLLOWS };
        }
        if (records.length === MBUS_RECORDS)
            refuse("too-large", `byte ${reader.at}`, `at most ${MBUS_RECORDS} records`);
        records.push(readRecord(first, reader));
    }
    return { records, manufacturerData: null, moreFollows: false };
}

function readRecord(first: number, reader: ByteReader): MbusRecord {
    const { coding, ...which } = readDataInformation(first, reader);
    const value = readValueInformation(reader);
    const { direction, plainText, qualifiers, quantity, unit } = value;
    const content = readContent(coding, value, reader);
    return { ...which, direction, plainText, qualifiers, quantity, unit, ...content };
}

function readContent(
    coding: number,
    value: ValueInformation,
    reader: ByteReader,
): Pick<MbusRecord, "number" | "text"> {
    const length = LENGTHS[coding] ?? -2;
    if (length === -2) refuse("malformed", `byte ${reader.at}`, "a coding of a data record");
    if (coding === CODING.variable) return readVariable(value, reader);
    const bytes = reader.bytes(length, `${length} bytes of a value`);
    if (length === 0) return { number: null, text: null };
    if (value.quantity === "date" || value.quantity === "date and time") {
        const read = length === 2 ? dateText(bytes) : length === 4 ? dateTimeText(bytes) : null;
        return { number: null, text: read ?? hex(bytes) };
    }
    const number =
        coding === CODING.real
            ? realOf(bytes)
            : withoutScaler(coding >= CODING.firstBcd ? bcdOf(bytes) : integerOf(bytes));
    // A number that is none, such as digits above 9 during an error, is kept as it came.
    return number === null
        ? { number, text: hex(bytes) }
        : { number: scaled(number, value), text: null };
}

/** Length and form of a variable field stand in its first byte (EN 13757-3 table 5). */
function readVariable(
    value: ValueInformation,
    reader: ByteReader,
): Pick<MbusRecord, "number" | "text"> {
    const form = reader.byte("the length of a variable field");
    if (form < 0xc0)
        return { number: null, text: reversedText(reader.bytes(form, `${form} characters`)) };
    const length = form & 0x0f;
    const bytes = reader.bytes(length, `${length} bytes of a value`);
    const number = form < 0xe0 ? bcdOf(bytes) : form < 0xf0 ? integerOf(bytes) : null;
    if (number === null) return { number, text: hex(bytes) };
    const signed = form >= 0xd0 && form < 0xe0 ? -number : number;
    return { number: scaled({ digits: signed, scaler: 0 }, value), text: null };
}

function withoutScaler(digits: bigint | null): FieldNumber {
    return digits === null ? null : { digits, scaler: 0 };
}

function scaled(number: NonNullable<FieldNumber>, value: ValueInformation): FieldNumber {
    return { digits: number.digits * value.factor, scaler: number.scaler + value.scaler };
}
