/** Compares two byte strings for equality; not constant-time, so never for secrets. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
    return true;
}

/** Lexicographic order of byte strings: negative, zero or positive like a sort callback. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
    const length = Math.min(a.length, b.length);
    for (let i = 0; i < length; i++) {
        const difference = (a[i] as number) - (b[i] as number);
        if (difference !== 0) return difference;
    }
    return a.length - b.length;
}

/** Joins byte strings into a new one. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
    let length = 0;
    for (const part of parts) length += part.length;
    const out = new Uint8Array(length);
    let offset = 0;
    for (const part of parts) {
        out.set(part, offset);
        offset += part.length;
    }
    return out;
}

/** Lower-case hexadecimal text of a byte string. */
export function toHex(bytes: Uint8Array): string {
    return bytes.toHex();
}

/**
 * Byte string of an even-length hexadecimal text.
 * @throws SyntaxError when the text is not hexadecimal.
 */
export function fromHex(hex: string): Uint8Array {
    // Four times as fast as Uint8Array.fromHex, whose bytes lie outside of the heap.
    const bytes = new Uint8Array(Math.floor(hex.length / 2));
    bytes.setFromHex(hex);
    return bytes;
}

/** Standard base64 text with padding, as C2SP notes use it. */
export function toBase64(bytes: Uint8Array): string {
    return bytes.toBase64();
}

/**
 * Byte string of a padded standard base64 text.
 * @throws SyntaxError when the text is not canonical base64.
 */
export function fromBase64(text: string): Uint8Array {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
}

const utf8Encoder = new TextEncoder();

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
    return utf8Encoder.encode(text);
}

/** Big-endian 4-byte form of an unsigned integer below 2^32. */
export function u32be(value: number): Uint8Array {
    const out = new Uint8Array(4);
    new DataView(out.buffer).setUint32(0, value);
    return out;
}

/** Big-endian 8-byte form of an unsigned integer below 2^64. */
export function u64be(value: bigint): Uint8Array {
    const out = new Uint8Array(8);
    new DataView(out.buffer).setBigUint64(0, value);
    return out;
}

/**
 * The same bytes as a plain Uint8Array, without a copy. Node's Buffer is a Uint8Array whose `slice`
 * does not copy: bytes that come from Node pass through here once.
 */
export function plainBytes(bytes: Uint8Array): Uint8Array {
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
