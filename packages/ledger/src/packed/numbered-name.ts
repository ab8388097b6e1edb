import { toHex } from "@meterseal/core";

const ID_BYTES = 16;

/** Bytes of a key that {@link numberedKey} makes. */
export const NUMBERED_KEY_BYTES: number = ID_BYTES + 4;

/** Key of a name "hexadecimal id of 16 bytes / number of 32 bits", 20 bytes. */
export function numberedKey(name: string): Uint8Array {
    const key = new Uint8Array(NUMBERED_KEY_BYTES);
    key.setFromHex(name.slice(0, 2 * ID_BYTES));
    const number = Number(name.slice(2 * ID_BYTES + 1));
    // by hand: a view costs more than the rest
    for (let i = 0; i < 4; i++) key[ID_BYTES + i] = number >>> (24 - 8 * i);
    return key;
}

/** Id (a view) and number of a key. */
export function partsOfKey(key: Uint8Array): { readonly id: Uint8Array; readonly number: number } {
    const number = new DataView(key.buffer, key.byteOffset).getUint32(ID_BYTES);
    return { id: key.subarray(0, ID_BYTES), number };
}

/** Name of a key. */
export function nameOfKey(key: Uint8Array): string {
    const { id, number } = partsOfKey(key);
    return `${toHex(id)}/${number}`;
}
