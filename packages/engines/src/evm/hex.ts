import { fromHex, toHex } from "@meterseal/core";

/** `0x` and lower-case digits, as JSON-RPC writes bytes. */
export type Hex = `0x${string}`;

/** An account or contract: 20 bytes. */
export type Address = Hex;

/** The address that nobody holds. */
export const NO_ADDRESS: Address = `0x${"0".repeat(40)}`;

/** 32 zero bytes: the root before the first anchor. */
export const NO_HASH: Hex = `0x${"0".repeat(64)}`;

/** Bytes as JSON-RPC writes them. */
export function hexOf(bytes: Uint8Array): Hex {
    return `0x${toHex(bytes)}`;
}

/** Bytes of a text of {@link Hex}. */
export function bytesOf(hex: Hex): Uint8Array {
    return fromHex(hex.slice(2));
}

/** Whether a value is so many bytes in {@link Hex}, of any number without a length. */
export function isHex(value: unknown, lengthBytes?: number): value is Hex {
    if (typeof value !== "string" || !/^0x(?:[0-9a-f]{2})*$/.test(value)) return false;
    return lengthBytes === undefined || value.length === 2 + 2 * lengthBytes;
}
