import { ALGORITHM, error, type PublicKey, type Signer } from "@meterseal/core";
import { attempt, decodeCbor, encodeCbor, encodeCoseKey, kidOf } from "@meterseal/record";

/** What a peer is known by, and what it shows that it is that peer. */
export type Credential = {
    /** ID_CRED_x: a CBOR map, such as of a key id (RFC 9528 section 3.5.3). */
    readonly id: Uint8Array;
    /** CRED_x: a CBOR item, such as a CWT claims set with the key (RFC 9528 section 3.5.2). */
    readonly content: Uint8Array;
    /** Key of its signatures; absent with a static Diffie-Hellman key. */
    readonly signatureKey?: PublicKey;
    /** Static Diffie-Hellman key, 32 bytes as in messages; absent with a key of signatures. */
    readonly exchangeKey?: Uint8Array;
};

/** A credential with its private half: one that signs, or a static Diffie-Hellman key. */
export type OwnCredential = Credential & {
    readonly signer?: Signer;
    /** 32 bytes. */
    readonly exchangePrivateKey?: Uint8Array;
};

/** Finds who has a credential id; null for nobody that is known. */
export type FindCredential = (id: Uint8Array) => Credential | null;

/** Name of the collector in its credential: a meter knows its key and no other name. */
export const COLLECTOR_NAME = "collector";

const HEADER_KID = 4;
const KID_BYTES = 8;
const CLAIM = { subject: 2, confirmation: 8 };
const CONFIRMATION_KEY = 1;

/**
 * Credential of an enrolled key: named by its key id of 8 bytes, with a claims set of its subject and
 * the key (RFC 8747 section 3.2).
 * @param name - what it belongs to, such as the hexadecimal subject of a meter.
 */
export function enrolledCredential(name: string, key: PublicKey): Credential {
    const claims = new Map<number, unknown>([
        [CLAIM.subject, name],
        [CLAIM.confirmation, new Map([[CONFIRMATION_KEY, decodeCbor(encodeCoseKey(key))]])],
    ]);
    return {
        id: encodeCbor(new Map([[HEADER_KID, kidOf(key)]])),
        content: encodeCbor(claims),
        signatureKey: key,
    };
}

/**
 * Checks that the handshakes of thin links can show a credential: they run in suite 2, whose signatures
 * are ES256.
 * @throws MetersealError MS_USAGE for a key of another algorithm, such as RSA.
 */
export function requireHandshakeKey({ signatureKey }: Credential): void {
    if (signatureKey === undefined || signatureKey.algorithm === ALGORITHM.es256) return;
    throw error("MS_USAGE", {
        where: "EDHOC handshake",
        expected: "a signing key of P-256 (ES256)",
        got: signatureKey.algorithm === ALGORITHM.ps256 ? "one of RSA (PS256)" : "Ed25519 (EdDSA)",
        todo: "Send over another link, or give the meter a P-256 key: meterseal meter rotate-key --algorithm ES256.",
    });
}

/** Key id, 8 bytes, that a credential id of {@link enrolledCredential} names; null for any other. */
export function enrolledKidOf(id: Uint8Array): Uint8Array | null {
    const map = attempt(() => decodeCbor(id));
    const kid =
        map.ok && map.value instanceof Map && map.value.size === 1
            ? map.value.get(HEADER_KID)
            : null;
    return kid instanceof Uint8Array && kid.length === KID_BYTES ? kid : null;
}
