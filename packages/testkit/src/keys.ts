import { fromBase64, fromHex, type Signer, sha256, toBase64, toHex, utf8 } from "@meterseal/core";
import { signerFromPem } from "@meterseal/core/node";
import { RSA_TEST_KEY } from "./rsa-test-key.ts";

/** Kind of a test key: ES256 and PS256 signatures are random, EdDSA signatures are a function of key and message. */
export type TestKeyKind = "es256" | "ps256" | "edDsa";

/** PKCS #8 around a bare private key of 32 bytes (RFC 5958, RFC 5915, RFC 8410); an RSA key has its own. */
const PKCS8_HEAD = {
    es256: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
    ps256: "",
    edDsa: "302e020100300506032b657004220420",
} as const;

/** Signer over a bare private key of 32 bytes (hex), or PKCS #8 of an RSA key, as test vectors give it. */
export function signerFromSecret(kind: TestKeyKind, secretHex: string): Signer {
    return signerFromPem(pemOf(kind, secretHex));
}

/** PS256 signer of tests: the same key in every run. */
export function rsaTestSigner(): Signer {
    return signerFromSecret("ps256", RSA_TEST_SECRET);
}

/** PKCS #8 (hex) of {@link rsaTestSigner}'s key. */
export const RSA_TEST_SECRET: string = toHex(fromBase64(RSA_TEST_KEY));

/** Private key of a name as a file holds it: that of {@link testSigner}. */
export function testKeyPem(name: string, kind: Exclude<TestKeyKind, "ps256"> = "es256"): string {
    return pemOf(kind, testSecret(name));
}

function pemOf(kind: TestKeyKind, secretHex: string): string {
    const body = toBase64(fromHex(PKCS8_HEAD[kind] + secretHex));
    return `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
}

/** Private key (hex) that belongs to a name; everybody knows it, so it protects nothing. */
export function testSecret(name: string): string {
    return toHex(sha256(utf8(`meterseal test key: ${name}`)));
}

const signers = new Map<string, Signer>();

/** Signer of a name: the same key in every run. */
export function testSigner(name: string, kind: Exclude<TestKeyKind, "ps256"> = "es256"): Signer {
    const cached = signers.get(`${kind} ${name}`);
    if (cached !== undefined) return cached;
    const made = signerFromSecret(kind, testSecret(name));
    signers.set(`${kind} ${name}`, made);
    return made;
}

/** Bytes that belong to a name, at most 32: ids, nonces, hashes. */
export function testBytes(name: string, length: number): Uint8Array {
    return sha256(utf8(`meterseal test bytes: ${name}`)).slice(0, length);
}
