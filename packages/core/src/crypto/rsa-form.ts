/** Bytes of the modulus and of a signature: RSA-2048 exactly (docs/adr). */
export const RSA_BYTES = 256;
/** Public exponent of every key, big-endian: 65537. */
export const RSA_EXPONENT: Uint8Array = Uint8Array.of(1, 0, 1);

/** Whether this is a modulus of 2048 bits: its first bit is set, and it is odd. */
export function isRsa2048Modulus(n: Uint8Array): boolean {
    return n.length === RSA_BYTES && (n[0] ?? 0) >= 0x80 && (n.at(-1) ?? 0) % 2 === 1;
}
