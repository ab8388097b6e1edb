import type { CoapMessage, CoapOption } from "./codec.ts";

/** Options by the names that the codec has for them; those of RFC 9175 it knows by number. */
export const OPTION = {
    observe: "Observe",
    eTag: "ETag",
    path: "Uri-Path",
    format: "Content-Format",
    maxAge: "Max-Age",
    query: "Uri-Query",
    block2: "Block2",
    block1: "Block1",
    size1: "Size1",
    echo: "252",
    requestTag: "292",
} as const;

/** Content formats of the registry. */
export const FORMAT = {
    text: 0,
    linkFormat: 40,
    cbor: 60,
    /** A CBOR sequence of signed messages (RFC 8742): what all links carry. */
    messages: 63,
    /** One signed message, COSE_Sign1. */
    signed: 18,
} as const;

/** Critical options that a request may have; another one is refused (RFC 7252 section 5.4.1). */
const UNDERSTOOD = new Set([
    ...["Uri-Host", "Uri-Port", "Accept"],
    ...[OPTION.path, OPTION.query, OPTION.block1, OPTION.block2],
]);
/** Critical options that the codec knows by name: the odd numbers of its table. */
const NAMED_CRITICAL = new Set([
    ...["If-Match", "If-None-Match", "OSCORE", "Q-Block1", "Q-Block2", "Proxy-Uri"],
    ...["Proxy-Scheme", "OCF-Accept-Content-Format-Version", "OCF-Content-Format-Version"],
]);

/** Whether a message has an option that must be understood and is not. */
export function hasUnknownCritical({ options }: CoapMessage): boolean {
    return options.some(({ name }) => {
        if (UNDERSTOOD.has(name)) return false;
        return NAMED_CRITICAL.has(name) || Number(name) % 2 === 1;
    });
}

/** Value of the first option of a name; null without one. */
export function optionOf({ options }: CoapMessage, name: string): Buffer | null {
    return options.find((option) => option.name === name)?.value ?? null;
}

/** Texts of all options of a name, such as the segments of a path. */
export function textsOf({ options }: CoapMessage, name: string): string[] {
    return options
        .filter((option) => option.name === name)
        .map(({ value }) => value.toString("utf8"));
}

/** Value of a query `name=value`; null without one. */
export function queryOf(message: CoapMessage, name: string): string | null {
    const found = textsOf(message, OPTION.query).find((text) => text.startsWith(`${name}=`));
    return found?.slice(name.length + 1) ?? null;
}

/** Value of an option that is a number; null without one, or beyond four bytes. */
export function uintOf(message: CoapMessage, name: string): number | null {
    const value = optionOf(message, name);
    if (value === null || value.length > 4) return null;
    return value.length === 0 ? 0 : value.readUIntBE(0, value.length);
}

/** Option with a number, in as few bytes as it needs (RFC 7252 section 3.2). */
export function uintOption(name: string, number: number): CoapOption {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(number);
    const first = bytes.findIndex((byte) => byte !== 0);
    return { name, value: first === -1 ? Buffer.alloc(0) : bytes.subarray(first) };
}

/** Options with the texts of a path or of queries. */
export function textOptions(name: string, texts: readonly string[]): CoapOption[] {
    return texts.map((text) => ({ name, value: Buffer.from(text, "utf8") }));
}

/** A part of a body (RFC 7959 section 2.2). */
export type Block = {
    readonly number: number;
    readonly more: boolean;
    /** 16, 32 … 1024 bytes. */
    readonly size: number;
};

/** Largest block in bytes. */
export const BLOCK_BYTES = 1_024;
const SMALLEST_BLOCK_BITS = 4;
const LARGEST_EXPONENT = 6;
const MORE_BIT = 8;

/** Block option of a name; null without one, "malformed" where it is none. */
export function blockOf(message: CoapMessage, name: string): Block | null | "malformed" {
    const raw = optionOf(message, name);
    if (raw === null) return null;
    const value = uintOf(message, name);
    if (value === null || raw.length > 3) return "malformed";
    const exponent = value & 7;
    if (exponent > LARGEST_EXPONENT) return "malformed";
    const size = 2 ** (exponent + SMALLEST_BLOCK_BITS);
    return { number: value >>> 4, more: (value & MORE_BIT) !== 0, size };
}

/** Option that says which part of a body a message carries. */
export function blockOption(name: string, { more, number, size }: Block): CoapOption {
    const exponent = Math.log2(size) - SMALLEST_BLOCK_BITS;
    return uintOption(name, number * 16 + (more ? MORE_BIT : 0) + exponent);
}
