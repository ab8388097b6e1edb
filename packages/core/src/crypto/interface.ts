import type { Algorithm, PublicKey } from "../ports.ts";

/**
 * The primitives that pure packages need, synchronous on every platform. Node uses OpenSSL
 * (`node.ts`); a browser uses the noble libraries (`browser.ts`), chosen by the `browser`
 * condition of the package's `imports`.
 */
export type Crypto = {
    /** SHA-256 (FIPS 180-4): 32 bytes. */
    sha256(data: Uint8Array): Uint8Array;
    /** HKDF-SHA256 (RFC 5869), extract and expand. */
    hkdfSha256(
        ikm: Uint8Array,
        salt: Uint8Array,
        info: Uint8Array,
        lengthBytes: number,
    ): Uint8Array;
    /** AES-128 (FIPS 197) of each 16-byte block under one key, no chaining and no padding. */
    aes128Blocks(key: Uint8Array, blocks: Uint8Array): Uint8Array;
    /**
     * AES-128-GCM (NIST SP 800-38D) with a nonce of 12 bytes: the text encrypted, and a tag of 16 bytes
     * behind it. Two texts under one key and nonce give each other away.
     */
    sealAes128Gcm(
        key: Uint8Array,
        nonce: Uint8Array,
        aad: Uint8Array,
        text: Uint8Array,
    ): Uint8Array;
    /** The text of {@link Crypto.sealAes128Gcm}; null where key, nonce, aad or a byte is another. */
    openAes128Gcm(
        key: Uint8Array,
        nonce: Uint8Array,
        aad: Uint8Array,
        sealed: Uint8Array,
    ): Uint8Array | null;
    /**
     * X25519 (RFC 7748): the secret that two keys share, 32 bytes; null where the other key is of
     * small order, so that the secret would be nobody's.
     */
    x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null;
    /**
     * Checks a signature: ES256 as 64-byte r ‖ s with low s only, EdDSA (canonical, no
     * small-order key), PS256 (RSA-2048, salt of 32 bytes). Never throws on bad input.
     */
    verifySignature(
        key: PublicKey,
        algorithm: Algorithm,
        message: Uint8Array,
        signature: Uint8Array,
    ): boolean;
    /**
     * Checks an ML-DSA-44 signature without context (FIPS 204): key of 1,312 bytes, signature of
     * 2,420. Never throws on bad input. A browser has none and answers false.
     */
    verifyMlDsa44(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
};
