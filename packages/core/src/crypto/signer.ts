import {
    constants,
    createPrivateKey,
    createPublicKey,
    generateKeyPairSync,
    type KeyObject,
    sign,
} from "node:crypto";
import { bytesEqual, plainBytes } from "../bytes.ts";
import { ALGORITHM, type Algorithm, type PublicKey, type Signer } from "../ports.ts";
import { toLowS } from "./ecdsa-form.ts";
import { isRsa2048Modulus, RSA_BYTES, RSA_EXPONENT } from "./rsa-form.ts";

/** Kinds of file key that Meterseal makes: ES256 or PS256 for records, EdDSA and ML-DSA-44 for checkpoints. */
export type FileKeyKind = "es256" | "ps256" | "edDsa" | "mlDsa44";

/** Makes a new private key as PKCS #8 PEM text; the caller keeps it in a file of mode 600. */
export function generatePrivateKeyPem(kind: FileKeyKind): string {
    return generateKeyPair(kind).export({ type: "pkcs8", format: "pem" }).toString();
}

function generateKeyPair(kind: FileKeyKind): KeyObject {
    switch (kind) {
        case "es256":
            return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
        case "ps256":
            return generateKeyPairSync("rsa", { modulusLength: 8 * RSA_BYTES }).privateKey;
        case "edDsa":
            return generateKeyPairSync("ed25519").privateKey;
        case "mlDsa44":
            return generateKeyPairSync("ml-dsa-44").privateKey;
    }
}

/** A key that signs notes: its public half as bytes, and signatures without a context. */
export type RawSigner = {
    readonly kind: "edDsa" | "mlDsa44";
    /** Ed25519: 32 bytes; ML-DSA-44: 1,312 bytes. */
    readonly publicKey: Uint8Array;
    sign(message: Uint8Array): Promise<Uint8Array>;
};

/**
 * Signer of notes over a PKCS #8 PEM key held in memory.
 * @throws Error for a key that is neither Ed25519 nor ML-DSA-44.
 */
export function rawSignerFromPem(pem: string): RawSigner {
    const key = createPrivateKey(pem);
    const type = key.asymmetricKeyType;
    if (type !== "ed25519" && type !== "ml-dsa-44") throw new Error(`no key for notes: ${type}`);
    return {
        kind: type === "ed25519" ? "edDsa" : "mlDsa44",
        publicKey: plainBytes(createPublicKey(key).export({ format: "raw-public" })),
        sign: async (message) => plainBytes(sign(null, message, key)),
    };
}

/**
 * Signer over a PKCS #8 PEM key held in memory: P-256, Ed25519, or RSA-2048 with the exponent 65537.
 * @throws Error for a key of another kind.
 */
export function signerFromPem(pem: string): Signer {
    const key = createPrivateKey(pem);
    const publicKey = publicKeyOf(key);
    const { algorithm } = publicKey;
    return { publicKey, sign: async (message) => signWith(key, algorithm, message) };
}

/** Salt of a PSS signature, in bytes: as long as the digest (RFC 8230 section 2). */
const SALT_BYTES = 32;

function signWith(key: KeyObject, algorithm: Algorithm, message: Uint8Array): Uint8Array {
    switch (algorithm) {
        case ALGORITHM.es256:
            return toLowS(plainBytes(sign("sha256", message, { key, dsaEncoding: "ieee-p1363" })));
        case ALGORITHM.edDsa:
            return plainBytes(sign(null, message, key));
        case ALGORITHM.ps256: {
            const padding = constants.RSA_PKCS1_PSS_PADDING;
            return plainBytes(sign("sha256", message, { key, padding, saltLength: SALT_BYTES }));
        }
    }
}

function publicKeyOf(key: KeyObject): PublicKey {
    const jwk = createPublicKey(key).export({ format: "jwk" });
    const bytes = (text: string | undefined): Uint8Array =>
        Uint8Array.fromBase64(text ?? "", { alphabet: "base64url" });
    if (jwk.crv === "P-256") return { algorithm: -7, x: bytes(jwk.x), y: bytes(jwk.y) };
    if (jwk.crv === "Ed25519") return { algorithm: -8, x: bytes(jwk.x) };
    const isRsa = jwk.kty === "RSA" && bytesEqual(bytes(jwk.e), RSA_EXPONENT);
    if (isRsa && isRsa2048Modulus(bytes(jwk.n))) return { algorithm: -37, n: bytes(jwk.n) };
    throw new Error(`no signing key of a known kind: ${jwk.crv ?? jwk.kty}`);
}
