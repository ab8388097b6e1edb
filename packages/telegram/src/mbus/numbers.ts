/** Number of a data field: digits × 10^scaler; null where the bytes are no number, such as BCD with letters. */
export type FieldNumber = { readonly digits: bigint; readonly scaler: number } | null;

/** Integer with sign, least significant byte first (EN 13757-3 annex A, type B). */
export function integerOf(bytes: Uint8Array): bigint {
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = value * 256n + BigInt(bytes[i] as number);
    return BigInt.asIntN(8 * bytes.length, value);
}

/** Decimal digits in half bytes, least significant first; F on top is a minus (annex A, type A). */
export function bcdOf(bytes: Uint8Array): bigint | null {
    let text = "";
    for (let i = bytes.length - 1; i >= 0; i--)
        text += (bytes[i] as number).toString(16).padStart(2, "0");
    const match = /^(f?)(\d*)$/.exec(text);
    if (match === null) return null;
    const digits = BigInt(match[2] === "" ? 0 : (match[2] as string));
    return match[1] === "f" ? -digits : digits;
}

/**
 * The shortest decimal that names a 32-bit float, exactly as digits and scaler (annex A, type H).
 * @returns null for infinities and values that are no number.
 */
export function realOf(bytes: Uint8Array): FieldNumber {
    const view = new DataView(bytes.buffer, bytes.byteOffset, 4);
    const real = view.getFloat32(0, true);
    if (!Number.isFinite(real)) return null;
    for (let precision = 1; precision <= 9; precision++) {
        const text = real.toExponential(precision - 1);
        if (Math.fround(Number(text)) !== real && precision < 9) continue;
        const [mantissa = "0", exponent = "0"] = text.split("e");
        const [whole = "0", fraction = ""] = mantissa.split(".");
        return { digits: BigInt(whole + fraction), scaler: Number(exponent) - fraction.length };
    }
    return null;
}

/** Years are counted from 2000; above this they stand for "each year" or nothing. */
const LAST_YEAR = 99;
/** Bit of the minutes: the meter itself calls the time invalid. */
const INVALID_TIME = 0x80;

/** Date of two bytes as text (annex A, type G), null for one that is none; a filler keeps its zeros. */
export function dateText(bytes: Uint8Array): string | null {
    const [low = 0, high = 0] = bytes;
    const year = (low >> 5) | ((high & 0xf0) >> 1);
    if (year > LAST_YEAR) return null;
    return `${2000 + year}-${two(high & 0x0f)}-${two(low & 0x1f)}`;
}

/** Date and time of four bytes as text of the meter's wall clock (annex A, type F); null as above. */
export function dateTimeText(bytes: Uint8Array): string | null {
    const [minute = 0, hour = 0] = bytes;
    const date = dateText(bytes.subarray(2));
    if (date === null || (minute & INVALID_TIME) !== 0) return null;
    return `${date}T${two(hour & 0x1f)}:${two(minute & 0x3f)}`;
}

function two(number: number): string {
    return String(number).padStart(2, "0");
}
