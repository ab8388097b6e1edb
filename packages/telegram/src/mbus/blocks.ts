import { refuse } from "../result.ts";
import { findVif, MBUS_EXTENSIONS, VIF_FB, VIF_FD, VIF_PRIMARY, type VifEntry } from "./tables.ts";

/** Reads bytes one after the other; what is missing is a fault. */
export class ByteReader {
    readonly #bytes: Uint8Array;
    at = 0;

    constructor(bytes: Uint8Array) {
        this.#bytes = bytes;
    }

    get isAtEnd(): boolean {
        return this.at >= this.#bytes.length;
    }

    /** The next byte, of what the sentence names. */
    byte(what: string): number {
        return this.#bytes[this.at++] ?? refuse("truncated", `byte ${this.at - 1}`, what);
    }

    /** The next bytes, a view. */
    bytes(count: number, what: string): Uint8Array {
        const end = this.at + count;
        if (end > this.#bytes.length) refuse("truncated", `byte ${this.at}`, what);
        const view = this.#bytes.subarray(this.at, end);
        this.at = end;
        return view;
    }
}

/** Data information block: coding of a value and which of the meter's values it is. */
export type DataInformation = {
    /** Coding, the low four bits of the first byte. */
    readonly coding: number;
    /** Which value: instantaneous, maximum, minimum, or during an error. */
    readonly function: "instantaneous" | "maximum" | "minimum" | "error";
    /** 0 current, above it stored ones. */
    readonly storage: number;
    readonly tariff: number;
    /** Sub-unit of the meter. */
    readonly device: number;
};

const FUNCTIONS = ["instantaneous", "maximum", "minimum", "error"] as const;

/** Reads a data information block whose first byte was read (EN 13757-3 section 6.3). */
export function readDataInformation(first: number, reader: ByteReader): DataInformation {
    let storage = (first >> 6) & 1;
    let [tariff, device] = [0, 0];
    let byte = first;
    for (let i = 0; (byte & 0x80) !== 0; i++) {
        if (i === MBUS_EXTENSIONS)
            refuse("malformed", `byte ${reader.at}`, `at most ${MBUS_EXTENSIONS} DIFEs`);
        byte = reader.byte("a DIFE");
        storage += (byte & 0x0f) * 2 ** (1 + 4 * i);
        tariff += ((byte >> 4) & 3) * 4 ** i;
        device += ((byte >> 6) & 1) * 2 ** i;
    }
    const kind = FUNCTIONS[(first >> 4) & 3] ?? "instantaneous";
    return { coding: first & 0x0f, function: kind, storage, tariff, device };
}

/** Value information block: quantity, unit and power of ten of a value. */
export type ValueInformation = {
    readonly quantity: VifEntry["quantity"];
    readonly unit: VifEntry["unit"];
    readonly scaler: number;
    readonly factor: bigint;
    /** Unit in plain text, or null. */
    readonly plainText: string | null;
    /** Extensions that change the meaning in a way that is not read; empty where there are none. */
    readonly qualifiers: readonly number[];
    /** `+` only positive contributions (import), `-` only negative ones (export), null both. */
    readonly direction: "+" | "-" | null;
};

const PLAIN_TEXT = 0x7c;
/** Reads a value information block (EN 13757-3 section 6.4). */
export function readValueInformation(reader: ByteReader): ValueInformation {
    let byte = reader.byte("a VIF");
    let table = VIF_PRIMARY;
    if (byte === 0xfd || byte === 0xfb) {
        table = byte === 0xfd ? VIF_FD : VIF_FB;
        byte = reader.byte("a VIFE");
    }
    const code = byte & 0x7f;
    const isPlain = table === VIF_PRIMARY && code === PLAIN_TEXT;
    const plainText = isPlain ? readPlainText(reader) : null;
    const entry = findVif(table, code);
    const { direction, exponent, qualifiers } = readExtensions((byte & 0x80) !== 0, reader);
    return {
        quantity: entry?.quantity ?? "other",
        unit: entry?.unit ?? "",
        scaler: exponent + (entry === undefined ? 0 : entry.exponent + code - entry.code),
        factor: entry?.factor ?? 1n,
        plainText,
        qualifiers: entry === undefined && !isPlain ? [code, ...qualifiers] : qualifiers,
        direction,
    };
}

/** What the extensions add: a power of ten, a direction, or something that is not read. */
function readExtensions(
    isExtended: boolean,
    reader: ByteReader,
): { exponent: number; direction: ValueInformation["direction"]; qualifiers: number[] } {
    const qualifiers: number[] = [];
    let direction: ValueInformation["direction"] = null;
    let exponent = 0;
    for (let i = 0, goesOn = isExtended; goesOn; i++) {
        if (i === MBUS_EXTENSIONS)
            refuse("malformed", `byte ${reader.at}`, `at most ${MBUS_EXTENSIONS} VIFEs`);
        const byte = reader.byte("a VIFE");
        const extension = byte & 0x7f;
        goesOn = byte !== extension;
        if (extension >= 0x70 && extension <= 0x77) exponent += extension - 0x76;
        else if (extension === 0x7d) exponent += 3;
        else if (extension === 0x3b) direction = "+";
        else if (extension === 0x3c) direction = "-";
        else qualifiers.push(extension);
    }
    return { exponent, direction, qualifiers };
}

/** Characters come last first, behind their number. */
function readPlainText(reader: ByteReader): string {
    const count = reader.byte("the length of a unit's name");
    return reversedText(reader.bytes(count, "a unit's name"));
}

/** Text whose characters come last first. */
export function reversedText(bytes: Uint8Array): string {
    return String.fromCharCode(...Array.from(bytes).reverse());
}
