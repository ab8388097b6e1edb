import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { concatBytes, plainBytes, sha256, utf8 } from "@meterseal/core";
import { encodeCbor } from "@meterseal/record";
import { bytesItem } from "./sequence.ts";

/** Labels of the key schedule (RFC 9528 section 4.1.2, table 6). */
export const LABEL = {
    keystream2: 0,
    salt3e2m: 1,
    mac2: 2,
    key3: 3,
    iv3: 4,
    salt4e3m: 5,
    mac3: 6,
    prkOut: 7,
    key4: 8,
    iv4: 9,
    prkExporter: 10,
    keyUpdate: 11,
} as const;

export const HASH_BYTES = 32;
/** MAC that stands in the place of a signature with static Diffie-Hellman keys. */
export const MAC_BYTES = 8;
const KEY_BYTES = 16;
const IV_BYTES = 13;
const TAG_BYTES = 8;

/** EDHOC_Extract: HMAC-SHA-256 (RFC 9528 section 4.1.1). */
export function extract(salt: Uint8Array, secret: Uint8Array): Uint8Array {
    return plainBytes(createHmac("sha256", salt).update(secret).digest());
}

/**
 * EDHOC_KDF: HKDF-Expand under the CBOR sequence of label, context and length (RFC 9528 section
 * 4.1.2).
 * @param lengthBytes - at most 8,160.
 */
export function expand(
    prk: Uint8Array,
    label: number,
    context: Uint8Array,
    lengthBytes: number,
): Uint8Array {
    const info = concatBytes(encodeCbor(label), bytesItem(context), encodeCbor(lengthBytes));
    const out = new Uint8Array(lengthBytes);
    let block: Uint8Array = new Uint8Array();
    for (let at = 0, counter = 1; at < lengthBytes; at += HASH_BYTES, counter++) {
        block = extract(prk, concatBytes(block, info, Uint8Array.of(counter)));
        out.set(block.subarray(0, Math.min(HASH_BYTES, lengthBytes - at)), at);
    }
    return out;
}

/** Transcript hash over a CBOR sequence. */
export function transcript(...items: readonly Uint8Array[]): Uint8Array {
    return sha256(concatBytes(...items));
}

/** Bytes of one length, each combined with the other's. */
export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
    return a.map((byte, i) => byte ^ (b[i] ?? 0));
}

/** Key and nonce of one message. */
export type MessageKey = { readonly key: Uint8Array; readonly iv: Uint8Array };

/** Key and nonce that a transcript hash gives under two labels. */
export function messageKey(
    prk: Uint8Array,
    labels: { readonly key: number; readonly iv: number },
    hash: Uint8Array,
): MessageKey {
    return {
        key: expand(prk, labels.key, hash, KEY_BYTES),
        iv: expand(prk, labels.iv, hash, IV_BYTES),
    };
}

/** Enc_structure of a COSE_Encrypt0 (RFC 9052 section 5.3). */
function encStructure(protectedHeader: Uint8Array, externalAad: Uint8Array): Uint8Array {
    return encodeCbor(["Encrypt0", protectedHeader, externalAad]);
}

/** AES-CCM-16-64-128 as COSE_Encrypt0 has it: ciphertext and tag of 8 bytes. */
export function seal(
    { iv, key }: MessageKey,
    plaintext: Uint8Array,
    aad: { readonly protectedHeader?: Uint8Array; readonly external: Uint8Array },
): Uint8Array {
    const cipher = createCipheriv("aes-128-ccm", key, iv, { authTagLength: TAG_BYTES });
    const { external, protectedHeader = new Uint8Array() } = aad;
    cipher.setAAD(encStructure(protectedHeader, external), { plaintextLength: plaintext.length });
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    return concatBytes(plainBytes(ciphertext), plainBytes(cipher.getAuthTag()));
}

/** Opens what {@link seal} made; null where the tag does not fit. */
export function open(
    { iv, key }: MessageKey,
    sealed: Uint8Array,
    aad: { readonly protectedHeader?: Uint8Array; readonly external: Uint8Array },
): Uint8Array | null {
    if (sealed.length < TAG_BYTES) return null;
    const end = sealed.length - TAG_BYTES;
    const decipher = createDecipheriv("aes-128-ccm", key, iv, { authTagLength: TAG_BYTES });
    const { external, protectedHeader = new Uint8Array() } = aad;
    decipher.setAAD(encStructure(protectedHeader, external), { plaintextLength: end });
    decipher.setAuthTag(sealed.subarray(end));
    const opened = decipher.update(sealed.subarray(0, end));
    try {
        decipher.final();
        return plainBytes(opened);
    } catch {
        return null; // the tag does not fit
    }
}

/** What a signature is over (RFC 9528 section 5.3.2, COSE_Sign1 without a protected algorithm). */
export function signatureInput(
    idCred: Uint8Array,
    external: Uint8Array,
    mac: Uint8Array,
): Uint8Array {
    return encodeCbor(["Signature1", idCred, external, mac]);
}

export const EMPTY: Uint8Array = utf8("");
