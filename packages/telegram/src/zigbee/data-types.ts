import { refuse } from "../result.ts";

/** A value of an attribute: integers exact, texts as such, anything else as its bytes. */
export type AttributeValue = bigint | string | Uint8Array;

/** How a data type is laid out (ZCL section 2.6.2, table 2-10). */
type Layout =
    | { readonly kind: "unsigned" | "signed" | "bytes"; readonly length: number }
    | { readonly kind: "text" | "octets"; readonly lengthBytes: 1 | 2 };

/** Lengths of the fixed types, and the kinds of the others; what is not here is not read. */
const LAYOUTS: ReadonlyMap<number, Layout> = new Map<number, Layout>([
    [0x00, { kind: "bytes", length: 0 }], // no data
    ...range(0x08, 8, (i): Layout => ({ kind: "bytes", length: i + 1 })), // data8 … data64
    [0x10, { kind: "unsigned", length: 1 }], // boolean
    ...range(0x18, 8, (i): Layout => ({ kind: "unsigned", length: i + 1 })), // bitmap8 … 64
    ...range(0x20, 8, (i): Layout => ({ kind: "unsigned", length: i + 1 })), // uint8 … 64
    ...range(0x28, 8, (i): Layout => ({ kind: "signed", length: i + 1 })), // int8 … 64
    [0x30, { kind: "unsigned", length: 1 }], // enum8
    [0x31, { kind: "unsigned", length: 2 }], // enum16
    [0x38, { kind: "bytes", length: 2 }], // half precision
    [0x39, { kind: "bytes", length: 4 }], // single precision
    [0x3a, { kind: "bytes", length: 8 }], // double precision
    [0x41, { kind: "octets", lengthBytes: 1 }],
    [0x42, { kind: "text", lengthBytes: 1 }],
    [0x43, { kind: "octets", lengthBytes: 2 }],
    [0x44, { kind: "text", lengthBytes: 2 }],
    [0xe0, { kind: "bytes", length: 4 }], // time of day
    [0xe1, { kind: "bytes", length: 4 }], // date
    [0xe2, { kind: "unsigned", length: 4 }], // UTC time, seconds since 2000
    [0xe8, { kind: "unsigned", length: 2 }], // cluster id
    [0xe9, { kind: "unsigned", length: 2 }], // attribute id
    [0xf0, { kind: "bytes", length: 8 }], // IEEE address
    [0xf1, { kind: "bytes", length: 16 }], // 128-bit key
]);

function range<T>(first: number, count: number, layout: (i: number) => T): [number, T][] {
    return Array.from({ length: count }, (_, i) => [first + i, layout(i)]);
}

/** Type of a value that stands for "none": all ones, or the lowest of a signed type (ZCL 2.6.2). */
function isInvalid(value: bigint, kind: "unsigned" | "signed", length: number): boolean {
    const bits = BigInt(8 * length);
    return kind === "unsigned" ? value === (1n << bits) - 1n : value === -(1n << (bits - 1n));
}

/**
 * Reads the value of a data type, little-endian. For use inside `attempt`.
 * @param offset - of its first byte.
 * @returns the value, null for one that says that there is none, and the offset behind it.
 */
export function readAttributeValue(
    bytes: Uint8Array,
    offset: number,
    type: number,
): { readonly value: AttributeValue | null; readonly end: number } {
    const layout = LAYOUTS.get(type);
    if (layout === undefined)
        return refuse("unsupported", `byte ${offset}`, "a data type of one value");
    if ("lengthBytes" in layout) return readString(bytes, offset, layout);
    const part = take(bytes, offset, layout.length);
    const end = offset + layout.length;
    if (layout.kind === "bytes") return { value: part, end };
    const value = integerOf(part, layout.kind);
    const isNumber = type >= 0x20 && type < 0x30;
    return { value: isNumber && isInvalid(value, layout.kind, layout.length) ? null : value, end };
}

function readString(
    bytes: Uint8Array,
    offset: number,
    { kind, lengthBytes }: { readonly kind: "text" | "octets"; readonly lengthBytes: 1 | 2 },
): { readonly value: AttributeValue | null; readonly end: number } {
    const length = Number(integerOf(take(bytes, offset, lengthBytes), "unsigned"));
    const start = offset + lengthBytes;
    if (length === 256 ** lengthBytes - 1) return { value: null, end: start };
    const part = take(bytes, start, length);
    return {
        value: kind === "text" ? new TextDecoder().decode(part) : part,
        end: start + length,
    };
}

function integerOf(bytes: Uint8Array, kind: "unsigned" | "signed"): bigint {
    let value = 0n;
    for (const byte of [...bytes].reverse()) value = value * 256n + BigInt(byte);
    return kind === "signed" ? BigInt.asIntN(8 * bytes.length, value) : value;
}

function take(bytes: Uint8Array, offset: number, length: number): Uint8Array {
    if (offset + length > bytes.length)
        refuse("truncated", `byte ${bytes.length}`, `${length} bytes from byte ${offset} on`);
    return bytes.subarray(offset, offset + length);
}
