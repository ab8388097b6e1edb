import { parseDecimal, type TelegramValue } from "../value.ts";

/** The two tables of a Modbus device that a meter's values stand in. */
export type ModbusTable = "holding" | "input";

/** How a number stands in registers of 16 bits; `Swapped` has the low register first. */
export type RegisterType = "u16" | "s16" | "u32" | "s32Swapped" | "s32" | "u64" | "f32" | "acc32";

/** Registers that were read in one request. */
export type ModbusBlock = {
    readonly table: ModbusTable;
    readonly address: number;
    readonly words: Uint16Array;
};

/** Registers that a number of each type takes. */
export const REGISTERS_OF: Readonly<Record<RegisterType, number>> = {
    ...{ u16: 1, s16: 1, u32: 2, s32: 2, s32Swapped: 2, f32: 2, acc32: 2, u64: 4 },
};

/** What a meter writes where it has no value of a type (SunSpec, table of data types). */
const ABSENT: Readonly<Record<RegisterType, bigint | null>> = {
    u16: 0xffffn,
    s16: -0x8000n,
    u32: 0xffff_ffffn,
    s32: -0x8000_0000n,
    s32Swapped: -0x8000_0000n,
    u64: 0xffff_ffff_ffff_ffffn,
    /** "Not accumulated". */
    acc32: 0n,
    f32: null,
};

/** Value at which an accumulator begins at 0 again. */
export const ACC32_WRAPS_AT = 2n ** 32n;

/**
 * Number in registers of a type, exact.
 * @returns null for what means "no value": the type's own mark, or a float that is no number.
 */
export function numberOf(
    words: Uint16Array,
    type: RegisterType,
): Pick<TelegramValue, "digits" | "scaler"> | null {
    if (words.length !== REGISTERS_OF[type]) return null;
    if (type === "f32") return floatOf(words);
    const ordered = type === "s32Swapped" ? Uint16Array.from(words).reverse() : words;
    let bits = 0n;
    for (const word of ordered) bits = (bits << 16n) | BigInt(word);
    const isSigned = type === "s16" || type === "s32" || type === "s32Swapped";
    const digits = isSigned ? BigInt.asIntN(16 * words.length, bits) : bits;
    return digits === ABSENT[type] ? null : { digits, scaler: 0 };
}

/** Decimal digits that tell any two numbers of single precision apart. */
const FLOAT_DIGITS_MAX = 9;

/**
 * Decimal number of the fewest digits that is this float of single precision and no other: what the
 * meter's own display shows. It grows as the float grows.
 */
function floatOf(words: Uint16Array): Pick<TelegramValue, "digits" | "scaler"> | null {
    const view = new DataView(new ArrayBuffer(4));
    for (const [i, word] of words.entries()) view.setUint16(2 * i, word);
    const float = view.getFloat32(0);
    if (!Number.isFinite(float)) return null;
    for (let digits = 1; digits <= FLOAT_DIGITS_MAX; digits++) {
        const text = float.toPrecision(digits);
        if (Math.fround(Number(text)) === float) return parseDecimal(text);
    }
    return null;
}

/** Registers of a range from the blocks that were read; null where none of them holds it all. */
export function wordsAt(
    blocks: readonly ModbusBlock[],
    table: ModbusTable,
    address: number,
    count: number,
): Uint16Array | null {
    const block = blocks.find(
        (each) =>
            each.table === table &&
            each.address <= address &&
            address + count <= each.address + each.words.length,
    );
    if (block === undefined) return null;
    const from = address - block.address;
    return block.words.subarray(from, from + count);
}
