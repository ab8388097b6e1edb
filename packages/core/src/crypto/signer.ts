import {
    createPrivateKey,
    createPublicKey,
    generateKeyPairSync,
    type KeyObject,
    sign,
} from "node:crypto";
import { plainBytes } from "../bytes.ts";
import type { PublicKey, Signer } from "../ports.ts";
import { toLowS } from "./ecdsa-form.ts";

/** Kinds of file key that Meterseal makes: ES256 for records, EdDSA for checkpoints. */
export type FileKeyKind = "es256" | "edDsa";

/** Makes a new private key as PKCS #8 PEM text; the caller keeps it in a file of mode 600. */
export function generatePrivateKeyPem(kind: FileKeyKind): string {
    const pair =
        kind === "es256"
            ? generateKeyPairSync("ec", { namedCurve: "P-256" })
            : generateKeyPairSync("ed25519");
    return pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Signer over a PKCS #8 PEM key held in memory; P-256 and Ed25519. */
export function signerFromPem(pem: string): Signer {
    const key = createPrivateKey(pem);
    const publicKey = publicKeyOf(key);
    return {
        publicKey,
        sign: async (message) =>
            publicKey.algorithm === -7
                ? toLowS(plainBytes(sign("sha256", message, { key, dsaEncoding: "ieee-p1363" })))
                : plainBytes(sign(null, message, key)),
    };
}

function publicKeyOf(key: KeyObject): PublicKey {
    const jwk = createPublicKey(key).export({ format: "jwk" });
    const bytes = (text: string | undefined): Uint8Array =>
        Uint8Array.fromBase64(text ?? "", { alphabet: "base64url" });
    if (jwk.crv === "P-256") return { algorithm: -7, x: bytes(jwk.x), y: bytes(jwk.y) };
    if (jwk.crv === "Ed25519") return { algorithm: -8, x: bytes(jwk.x) };
    throw new Error(`no signing key of a known kind: ${jwk.crv ?? jwk.kty}`);
}
