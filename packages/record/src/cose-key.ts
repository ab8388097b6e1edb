import {
    ALGORITHM,
    bytesEqual,
    isRsa2048Modulus,
    type PublicKey,
    RSA_BYTES,
    RSA_EXPONENT,
    sha256,
} from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { malformed, toBytes } from "./parse.ts";

/** Length of a key id: the first bytes of the key's thumbprint. */
export const KID_BYTES = 8;

/** COSE_Key with the required members only, deterministic: the form whose hash is the thumbprint (RFC 9679 section 3). */
export function encodeCoseKey(key: PublicKey): Uint8Array {
    switch (key.algorithm) {
        case ALGORITHM.es256:
            return encodeCbor(
                new Map<number, unknown>([
                    [1, 2],
                    [-1, 1],
                    [-2, key.x],
                    [-3, key.y],
                ]),
            );
        case ALGORITHM.edDsa:
            return encodeCbor(
                new Map<number, unknown>([
                    [1, 1],
                    [-1, 6],
                    [-2, key.x],
                ]),
            );
        case ALGORITHM.ps256:
            return encodeCbor(
                new Map<number, unknown>([
                    [1, 3],
                    [-1, key.n],
                    [-2, RSA_EXPONENT],
                ]),
            );
    }
}

/** Inverse of {@link encodeCoseKey}; throws MS_MALFORMED on anything else. */
export function decodeCoseKey(bytes: Uint8Array): PublicKey {
    const map = decodeCbor(bytes);
    if (!(map instanceof Map)) return malformed("key", "a COSE_Key map");
    const part = (label: number, min: number, max = min): Uint8Array =>
        toBytes(map.get(label), `key[${label}]`, min, max);
    if (map.get(1) === 2 && map.get(-1) === 1 && map.size === 4) {
        return { algorithm: ALGORITHM.es256, x: part(-2, 32), y: part(-3, 32) };
    }
    if (map.get(1) === 1 && map.get(-1) === 6 && map.size === 3) {
        return { algorithm: ALGORITHM.edDsa, x: part(-2, 32) };
    }
    if (map.get(1) === 3 && map.size === 3) {
        const n = part(-1, RSA_BYTES);
        if (!isRsa2048Modulus(n)) malformed("key[-1]", "an odd modulus of 2048 bits");
        if (!bytesEqual(part(-2, RSA_EXPONENT.length), RSA_EXPONENT)) malformed("key[-2]", "65537");
        return { algorithm: ALGORITHM.ps256, n };
    }
    return malformed("key", "P-256, Ed25519 or RSA-2048");
}

const kids = new WeakMap<PublicKey, Uint8Array>();

/** Key id of a public key: first 8 bytes of its SHA-256 COSE key thumbprint (formats 1). */
export function kidOf(key: PublicKey): Uint8Array {
    const known = kids.get(key);
    if (known !== undefined) return known;
    const kid = sha256(encodeCoseKey(key)).slice(0, KID_BYTES);
    kids.set(key, kid);
    return kid;
}
