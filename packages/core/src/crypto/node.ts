import {
    type Cipheriv,
    constants,
    createCipheriv,
    createDecipheriv,
    createPrivateKey,
    createPublicKey,
    diffieHellman,
    hash,
    hkdfSync,
    type KeyObject,
    verify,
} from "node:crypto";
import { plainBytes } from "../bytes.ts";
import { assert } from "../errors.ts";
import { ALGORITHM, type Algorithm, type PublicKey } from "../ports.ts";
import { isLowS, toDerSignature } from "./ecdsa-form.ts";
import { isCanonicalEd25519 } from "./ed25519-form.ts";
import { isRsa2048Modulus, RSA_EXPONENT } from "./rsa-form.ts";

/**
 * SHA-256 (FIPS 180-4): 32 bytes. Through a string of one character a byte: a Buffer for the digest
 * costs twice the digest itself, and memory outside of the heap besides.
 */
export function sha256(data: Uint8Array): Uint8Array {
    const digest = hash("sha256", data, "latin1");
    const out = new Uint8Array(32);
    for (let i = 0; i < 32; i++) out[i] = digest.charCodeAt(i);
    return out;
}

/** HKDF-SHA256 (RFC 5869), extract and expand. */
export function hkdfSha256(
    ikm: Uint8Array,
    salt: Uint8Array,
    info: Uint8Array,
    lengthBytes: number,
): Uint8Array {
    return new Uint8Array(hkdfSync("sha256", ikm, salt, info, lengthBytes));
}

const blockCiphers = new WeakMap<Uint8Array, Cipheriv>();

/**
 * AES-128 (FIPS 197) of each 16-byte block under one key, no chaining and no padding. The expanded
 * key is kept with the key array, which must not be changed afterwards: making it costs more than
 * encrypting a hundred blocks.
 */
export function aes128Blocks(key: Uint8Array, blocks: Uint8Array): Uint8Array {
    let cipher = blockCiphers.get(key);
    if (cipher === undefined) {
        cipher = createCipheriv("aes-128-ecb", key, null);
        cipher.setAutoPadding(false);
        blockCiphers.set(key, cipher);
    }
    return plainBytes(cipher.update(blocks));
}

const GCM_TAG_BYTES = 16;

/** AES-128-GCM; see {@link import("./interface.ts").Crypto.sealAes128Gcm}. */
export function sealAes128Gcm(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    text: Uint8Array,
): Uint8Array {
    const cipher = createCipheriv("aes-128-gcm", key, nonce).setAAD(aad);
    return plainBytes(Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]));
}

/** AES-128-GCM; see {@link import("./interface.ts").Crypto.openAes128Gcm}. */
export function openAes128Gcm(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    sealed: Uint8Array,
): Uint8Array | null {
    const end = sealed.length - GCM_TAG_BYTES;
    if (end < 0) return null;
    const decipher = createDecipheriv("aes-128-gcm", key, nonce).setAAD(aad);
    decipher.setAuthTag(sealed.subarray(end));
    const text = decipher.update(sealed.subarray(0, end));
    try {
        return plainBytes(Buffer.concat([text, decipher.final()]));
    } catch {
        return null; // the tag is another
    }
}

/** DER of an X25519 key up to its 32 bytes (RFC 8410): PKCS #8 and SubjectPublicKeyInfo. */
const X25519_PRIVATE = Buffer.from("302e020100300506032b656e04220420", "hex");
const X25519_PUBLIC = Buffer.from("302a300506032b656e032100", "hex");
const X25519_BYTES = 32;
const exchangeKeys = new WeakMap<Uint8Array, KeyObject>();

/**
 * X25519 (RFC 7748): the secret that two keys share, 32 bytes; null where the other key is of small
 * order. The parsed private key is kept with its array, which must not be changed afterwards.
 */
export function x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null {
    const fits = privateKey.length === X25519_BYTES && publicKey.length === X25519_BYTES;
    assert(fits, "X25519 keys of 32 bytes");
    let own = exchangeKeys.get(privateKey);
    if (own === undefined) {
        const key = Buffer.concat([X25519_PRIVATE, privateKey]);
        own = createPrivateKey({ key, format: "der", type: "pkcs8" });
        exchangeKeys.set(privateKey, own);
    }
    const key = Buffer.concat([X25519_PUBLIC, publicKey]);
    const other = createPublicKey({ key, format: "der", type: "spki" });
    try {
        return plainBytes(diffieHellman({ privateKey: own, publicKey: other }));
    } catch {
        return null; // OpenSSL refuses a secret of zeros
    }
}

const keyObjects = new WeakMap<PublicKey, KeyObject>();

/** OpenSSL key of a public key, made once: parsing costs more than half a verification. */
function keyObjectOf(key: PublicKey): KeyObject {
    const cached = keyObjects.get(key);
    if (cached !== undefined) return cached;
    const created = createPublicKey({ key: toJwk(key), format: "jwk" });
    keyObjects.set(key, created);
    return created;
}

function toJwk(key: PublicKey): Record<string, string> {
    const url = (bytes: Uint8Array): string =>
        bytes.toBase64({ alphabet: "base64url", omitPadding: true });
    switch (key.algorithm) {
        case ALGORITHM.es256:
            assert(key.x.length === 32 && key.y.length === 32, "coordinates of 32 bytes");
            return { kty: "EC", crv: "P-256", x: url(key.x), y: url(key.y) };
        case ALGORITHM.edDsa:
            return { kty: "OKP", crv: "Ed25519", x: url(key.x) };
        case ALGORITHM.ps256:
            assert(isRsa2048Modulus(key.n), "a modulus of 2048 bits");
            return { kty: "RSA", n: url(key.n), e: url(RSA_EXPONENT) };
    }
}

type Prepared = { digest: string | null; key: Parameters<typeof verify>[2]; signature: Uint8Array };

/** Checks the form of a signature and brings it to what OpenSSL takes; null = already bad. */
function prepare(key: PublicKey, algorithm: Algorithm, signature: Uint8Array): Prepared | null {
    if (key.algorithm !== algorithm) return null;
    try {
        const object = keyObjectOf(key);
        switch (key.algorithm) {
            case ALGORITHM.es256:
                if (!isLowS(signature)) return null;
                return { digest: "sha256", key: object, signature: toDerSignature(signature) };
            case ALGORITHM.edDsa:
                if (!isCanonicalEd25519(key.x, signature)) return null;
                return { digest: null, key: object, signature };
            case ALGORITHM.ps256: {
                const padding = constants.RSA_PKCS1_PSS_PADDING;
                return {
                    digest: "sha256",
                    key: { key: object, padding, saltLength: 32 },
                    signature,
                };
            }
        }
    } catch {
        return null; // not a point on the curve, or otherwise no key
    }
}

/** Checks a signature; see {@link import("./interface.ts").Crypto.verifySignature}. */
export function verifySignature(
    key: PublicKey,
    algorithm: Algorithm,
    message: Uint8Array,
    signature: Uint8Array,
): boolean {
    const input = prepare(key, algorithm, signature);
    return input !== null && verify(input.digest, message, input.key, input.signature);
}

/** {@link verifySignature} in the thread pool; the caller bounds how many are under way. */
export function verifySignatureInPool(
    key: PublicKey,
    algorithm: Algorithm,
    message: Uint8Array,
    signature: Uint8Array,
): Promise<boolean> {
    const input = prepare(key, algorithm, signature);
    if (input === null) return Promise.resolve(false);
    return new Promise((resolve) => {
        verify(input.digest, message, input.key, input.signature, (failure, valid) => {
            resolve(failure === null && valid);
        });
    });
}

/** Checks an ML-DSA-44 signature; see {@link import("./interface.ts").Crypto.verifyMlDsa44}. */
export function verifyMlDsa44(
    publicKey: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
): boolean {
    try {
        const key = createPublicKey({
            key: Buffer.from(publicKey),
            format: "raw-public",
            asymmetricKeyType: "ml-dsa-44",
        });
        return verify(null, message, key, signature);
    } catch {
        return false; // no key of this length
    }
}
