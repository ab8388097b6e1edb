import {
    ALGORITHM,
    error,
    type PublicKey,
    type Random,
    type Signer,
    sha256,
} from "@meterseal/core";
import { attempt, decodeCbor, encodeCbor, encodeCoseKey, kidOf } from "@meterseal/record";
import { p256 } from "./suites.ts";

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

/** A credential of a static Diffie-Hellman key. */
type ExchangeCredential = Credential & { readonly exchangeKey: Uint8Array };

/** Finds who has a credential id; null for nobody that is known. */
export type FindCredential = (id: Uint8Array) => Credential | null;

/** Name of the collector in its credential: a meter knows its key and no other name. */
export const COLLECTOR_NAME = "collector";

const HEADER_KID = 4;
const KID_BYTES = 8;
const CLAIM = { subject: 2, confirmation: 8 };
const CONFIRMATION_KEY = 1;
/** Labels and values of a COSE_Key (RFC 9053 section 7.1.1). */
const COSE_KEY = { type: 1, ec2: 2, curve: -1, p256: 1, x: -2, y: -3 } as const;

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

/**
 * Credential of a static Diffie-Hellman key of P-256: named by its key id, with a claims set as
 * {@link enrolledCredential} has it, around the compact form of the key (RFC 9528 section 3.7).
 * @param exchangeKey - 32 bytes: the x coordinate.
 */
export function exchangeCredential(name: string, exchangeKey: Uint8Array): ExchangeCredential {
    const key = new Map<number, unknown>([
        [COSE_KEY.type, COSE_KEY.ec2],
        [COSE_KEY.curve, COSE_KEY.p256],
        [COSE_KEY.x, exchangeKey],
        [COSE_KEY.y, false],
    ]);
    const claims = new Map<number, unknown>([
        [CLAIM.subject, name],
        [CLAIM.confirmation, new Map([[CONFIRMATION_KEY, key]])],
    ]);
    const kid = sha256(encodeCbor(key)).slice(0, KID_BYTES);
    return {
        id: encodeCbor(new Map([[HEADER_KID, kid]])),
        content: encodeCbor(claims),
        exchangeKey,
    };
}

/** Draws a static Diffie-Hellman key of P-256, the curve of cipher suite 2. */
export function drawExchangeCredential(
    name: string,
    random: Random,
): OwnCredential & ExchangeCredential {
    const exchangePrivateKey = p256.privateKey(random);
    const credential = exchangeCredential(name, p256.publicKey(exchangePrivateKey));
    return { ...credential, exchangePrivateKey };
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
