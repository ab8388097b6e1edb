import { sha256 } from "@noble/hashes/sha2.js";
import { bytesEqual, concatBytes, u32be } from "../bytes.ts";
import { isRsa2048Modulus, RSA_BYTES } from "./rsa-form.ts";

const HASH_BYTES = 32;
const SALT_BYTES = 32;
const MASKED_BYTES = RSA_BYTES - HASH_BYTES - 1;
const TRAILER = 0xbc;
/** Squarings in s^65537: 65537 = 2^16 + 1. */
const SQUARINGS = 16;

/**
 * Checks a PS256 signature: RSASSA-PSS with SHA-256, MGF1 of SHA-256 and a salt of 32 bytes (RFC 8017
 * section 8.1.2). Public values only, so that its time gives nothing away.
 * @param n modulus of 256 bytes; anything else verifies nothing.
 */
export function verifyRsaPss(n: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (!isRsa2048Modulus(n) || signature.length !== RSA_BYTES) return false;
    const modulus = toInteger(n);
    const s = toInteger(signature);
    if (s >= modulus) return false;
    let power = s;
    for (let i = 0; i < SQUARINGS; i++) power = (power * power) % modulus;
    const encoded = toBytes((power * s) % modulus);
    return isEncodingOf(sha256(message), encoded);
}

/** EMSA-PSS-VERIFY (RFC 8017 section 9.1.2) with 2047 bits: the first bit is always zero. */
function isEncodingOf(digest: Uint8Array, encoded: Uint8Array): boolean {
    const first = encoded[0] ?? 0;
    if (encoded.at(-1) !== TRAILER || first >= 0x80) return false;
    const hash = encoded.subarray(MASKED_BYTES, -1);
    const block = mask(hash).map((byte, i) => byte ^ (encoded[i] ?? 0));
    block[0] = (block[0] ?? 0) & 0x7f;
    const saltAt = MASKED_BYTES - SALT_BYTES;
    const isPadded = block.subarray(0, saltAt - 1).every((byte) => byte === 0);
    if (!isPadded || block[saltAt - 1] !== 1) return false;
    const salted = concatBytes(new Uint8Array(8), digest, block.subarray(saltAt));
    return bytesEqual(sha256(salted), hash);
}

/** MGF1 (RFC 8017 appendix B.2.1) as long as the masked block. */
function mask(seed: Uint8Array): Uint8Array {
    const blocks: Uint8Array[] = [];
    for (let i = 0; i * HASH_BYTES < MASKED_BYTES; i++) {
        blocks.push(sha256(concatBytes(seed, u32be(i))));
    }
    return concatBytes(...blocks).subarray(0, MASKED_BYTES);
}

function toInteger(bytes: Uint8Array): bigint {
    return BigInt(`0x${new Uint8Array(bytes).toHex()}`);
}

function toBytes(value: bigint): Uint8Array {
    return Uint8Array.fromHex(value.toString(16).padStart(2 * RSA_BYTES, "0"));
}
