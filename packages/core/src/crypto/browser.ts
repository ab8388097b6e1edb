import { ecb, gcm } from "@noble/ciphers/aes.js";
import { ed25519, x25519 as nobleX25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { concatBytes } from "../bytes.ts";
import { assert } from "../errors.ts";
import { ALGORITHM, type Algorithm, type PublicKey } from "../ports.ts";
import { isCanonicalEd25519 } from "./ed25519-form.ts";
import { verifyRsaPss } from "./rsa-pss.ts";

/** SHA-256 (FIPS 180-4): 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array {
    return nobleSha256(data);
}

/** HKDF-SHA256 (RFC 5869), extract and expand. */
export function hkdfSha256(
    ikm: Uint8Array,
    salt: Uint8Array,
    info: Uint8Array,
    lengthBytes: number,
): Uint8Array {
    return hkdf(nobleSha256, ikm, salt, info, lengthBytes);
}

/**
 * AES-128 of each block, by tables: not constant-time. Acceptable for a household's own key on its
 * own device; meters and servers use OpenSSL (threat model).
 */
export function aes128Blocks(key: Uint8Array, blocks: Uint8Array): Uint8Array {
    return ecb(key, { disablePadding: true }).encrypt(blocks);
}

/** AES-128-GCM; see {@link import("./interface.ts").Crypto.sealAes128Gcm}. */
export function sealAes128Gcm(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    text: Uint8Array,
): Uint8Array {
    return gcm(key, nonce, aad).encrypt(text);
}

/** AES-128-GCM; see {@link import("./interface.ts").Crypto.openAes128Gcm}. */
export function openAes128Gcm(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    sealed: Uint8Array,
): Uint8Array | null {
    try {
        return gcm(key, nonce, aad).decrypt(sealed);
    } catch {
        return null;
    }
}

/** X25519 (RFC 7748); see {@link import("./interface.ts").Crypto.x25519}. */
export function x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null {
    assert(privateKey.length === 32 && publicKey.length === 32, "X25519 keys of 32 bytes");
    try {
        return nobleX25519.getSharedSecret(privateKey, publicKey);
    } catch {
        return null; // a key of small order
    }
}

/** Checks a signature; see {@link import("./interface.ts").Crypto.verifySignature}. */
export function verifySignature(
    key: PublicKey,
    algorithm: Algorithm,
    message: Uint8Array,
    signature: Uint8Array,
): boolean {
    if (key.algorithm !== algorithm) return false;
    try {
        switch (key.algorithm) {
            case ALGORITHM.es256: {
                const point = concatBytes(Uint8Array.of(4), key.x, key.y);
                return p256.verify(signature, message, point, { lowS: true });
            }
            case ALGORITHM.edDsa:
                return (
                    isCanonicalEd25519(key.x, signature) &&
                    ed25519.verify(signature, message, key.x, { zip215: false })
                );
            case ALGORITHM.ps256:
                return verifyRsaPss(key.n, message, signature);
        }
    } catch {
        return false; // wrong lengths or not a point
    }
}

/** No platform primitive and no library of ours has ML-DSA here: such cosignatures do not count. */
export function verifyMlDsa44(
    _publicKey: Uint8Array,
    _message: Uint8Array,
    _signature: Uint8Array,
): boolean {
    return false;
}
