import { concatBytes } from "@meterseal/core";
import { decodeCbor, encodeCbor, malformed } from "@meterseal/record";

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const;
/** Deepest nesting in a message. */
const DEPTH = 6;
/** Most items in the sequence of one message. */
const ITEMS = 32;

/**
 * Items of a CBOR sequence (RFC 8742), each as its own bytes and in its deterministic form. For use
 * inside `attempt`.
 */
export function splitItems(bytes: Uint8Array): Uint8Array[] {
    const items: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
        if (items.length === ITEMS) malformed("sequence", `at most ${ITEMS} items`);
        const end = endOf(bytes, at, 0);
        const item = bytes.slice(at, end);
        decodeCbor(item); // deterministic or not at all
        items.push(item);
        at = end;
    }
    return items;
}

function endOf(bytes: Uint8Array, start: number, depth: number): number {
    const first = bytes[start];
    if (first === undefined || depth > DEPTH) return malformed("sequence", "whole items");
    const major = first >> 5;
    const { argument, end } = argumentOf(bytes, start, first & 31);
    if (major === MAJOR.unsigned || major === MAJOR.negative) return end;
    if (major === MAJOR.bytes || major === MAJOR.text) {
        if (end + argument > bytes.length) malformed("sequence", "whole items");
        return end + argument;
    }
    if (major !== MAJOR.array && major !== MAJOR.map)
        return malformed("sequence", "no tags, floats or simple values");
    const count = major === MAJOR.map ? 2 * argument : argument;
    if (count > bytes.length) malformed("sequence", "whole items");
    let at = end;
    for (let i = 0; i < count; i++) at = endOf(bytes, at, depth + 1);
    return at;
}

function argumentOf(
    bytes: Uint8Array,
    start: number,
    info: number,
): { readonly argument: number; readonly end: number } {
    if (info < 24) return { argument: info, end: start + 1 };
    const length = { 24: 1, 25: 2, 26: 4 }[info];
    if (length === undefined) return malformed("sequence", "definite lengths below 2^32");
    const end = start + 1 + length;
    if (end > bytes.length) malformed("sequence", "whole items");
    let argument = 0;
    for (const byte of bytes.subarray(start + 1, end)) argument = argument * 256 + byte;
    return { argument, end };
}

/** Bytes of an item that is a byte string; for use inside `attempt`. */
export function bytesOf(item: Uint8Array | undefined, what: string): Uint8Array {
    const value = item === undefined ? undefined : decodeCbor(item);
    return value instanceof Uint8Array ? value : malformed(what, "a byte string");
}

/** A byte string as an item. */
export function bytesItem(bytes: Uint8Array): Uint8Array {
    return encodeCbor(bytes);
}

/** Items that mean themselves as integers of one byte (RFC 9528 section 3.3.2). */
function isShort(byte: number | undefined): boolean {
    return byte !== undefined && (byte <= 0x17 || (byte >= 0x20 && byte <= 0x37));
}

/** An identifier as an item: an integer of one byte where its byte is one, or else a byte string. */
export function identifierItem(identifier: Uint8Array): Uint8Array {
    return identifier.length === 1 && isShort(identifier[0]) ? identifier : bytesItem(identifier);
}

/** The identifier of an item that can be one, or null; for use inside `attempt`. */
export function identifierOf(item: Uint8Array | undefined): Uint8Array | null {
    if (item?.length === 1 && isShort(item[0])) return item;
    const value = item === undefined ? undefined : decodeCbor(item);
    if (!(value instanceof Uint8Array)) return null;
    // What can be an integer of one byte has no second form.
    return value.length === 1 && isShort(value[0])
        ? malformed("identifier", "its short form")
        : value;
}

const KID = 4;

/** ID_CRED as it travels: a key id alone without its map (RFC 9528 section 3.5.3.2). */
export function compactCredentialId(idCred: Uint8Array): Uint8Array {
    const map = decodeCbor(idCred);
    const kid = map instanceof Map && map.size === 1 ? map.get(KID) : undefined;
    return kid instanceof Uint8Array ? identifierItem(kid) : idCred;
}

/** ID_CRED of an item that came; for use inside `attempt`. */
export function fullCredentialId(item: Uint8Array | undefined): Uint8Array {
    const kid = identifierOf(item);
    if (kid !== null) return encodeCbor(new Map([[KID, kid]]));
    if (item === undefined || !(decodeCbor(item) instanceof Map))
        return malformed("ID_CRED", "a key id or a map");
    // A map of a key id alone has no second form.
    const isPlain = concatBytes(compactCredentialId(item)).length === item.length;
    return isPlain ? item : malformed("ID_CRED", "a key id without its map");
}
