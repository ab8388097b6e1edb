import { createECDH, createPublicKey, verify } from "node:crypto";
import { ALGORITHM, type PublicKey, plainBytes, type Random, x25519 } from "@meterseal/core";

/** Key exchange and signatures of a cipher suite; AES-CCM-16-64-128 and SHA-256 are those of both. */
export type Suite = {
    /** Its number (RFC 9528 section 10.2). */
    readonly id: number;
    /** Algorithm of signatures. */
    readonly algorithm: PublicKey["algorithm"];
    /** Fresh private key of a key exchange, 32 bytes. */
    readonly privateKey: (random: Random) => Uint8Array;
    /** Public half as it travels, 32 bytes. */
    readonly publicKey: (privateKey: Uint8Array) => Uint8Array;
    /** Shared secret, 32 bytes; null for what is no public key of the curve. */
    readonly agree: (privateKey: Uint8Array, publicKey: Uint8Array) => Uint8Array | null;
};

const KEY_BYTES = 32;
const P256 = "prime256v1";
/** Compressed point with an even y: which of the two it is does not change the secret. */
const EVEN = 0x02;

/** Suite 2. */
export const p256: Suite = {
    id: 2,
    algorithm: ALGORITHM.es256,
    privateKey(random) {
        for (;;) {
            const key = random.bytes(KEY_BYTES);
            try {
                createECDH(P256).setPrivateKey(key);
                return key;
            } catch {
                // zero, or not below the order: once in 2^32
            }
        }
    },
    publicKey(privateKey) {
        const ecdh = createECDH(P256);
        ecdh.setPrivateKey(privateKey);
        return plainBytes(ecdh.getPublicKey().subarray(1, 1 + KEY_BYTES));
    },
    agree(privateKey, publicKey) {
        if (publicKey.length !== KEY_BYTES) return null;
        const ecdh = createECDH(P256);
        ecdh.setPrivateKey(privateKey);
        try {
            return plainBytes(ecdh.computeSecret(Uint8Array.of(EVEN, ...publicKey)));
        } catch {
            return null; // no such point
        }
    },
};

const BASE_POINT = Uint8Array.from({ length: KEY_BYTES }, (_, i) => (i === 0 ? 9 : 0));

const curve25519: Suite = {
    id: 0,
    algorithm: ALGORITHM.edDsa,
    privateKey: (random) => random.bytes(KEY_BYTES),
    publicKey: (privateKey) => x25519(privateKey, BASE_POINT) ?? BASE_POINT,
    agree: (privateKey, publicKey) =>
        publicKey.length === KEY_BYTES ? x25519(privateKey, publicKey) : null,
};

const SUITES: ReadonlyMap<number, Suite> = new Map(
    [curve25519, p256].map((suite) => [suite.id, suite]),
);

/** Numbers of the suites that are here: 0 and 2. */
export const SUPPORTED_SUITES: readonly number[] = [...SUITES.keys()];

/** A suite by its number. */
export function suiteOf(id: number): Suite | undefined {
    return SUITES.get(id);
}

/** Whether a signature of a suite fits; either form of an ECDSA signature does (RFC 9053). */
export function verifyAuthentication(
    key: PublicKey,
    message: Uint8Array,
    signature: Uint8Array,
): boolean {
    const url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
    if (key.algorithm === ALGORITHM.es256) {
        const jwk = { kty: "EC", crv: "P-256", x: url(key.x), y: url(key.y) };
        const publicKey = createPublicKey({ key: jwk, format: "jwk" });
        return verify("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
    }
    if (key.algorithm !== ALGORITHM.edDsa) return false;
    const jwk = { kty: "OKP", crv: "Ed25519", x: url(key.x) };
    return verify(null, message, createPublicKey({ key: jwk, format: "jwk" }), signature);
}
