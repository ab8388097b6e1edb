import {
    AEAD_AES_128_GCM,
    CipherSuite,
    DecapError,
    DeserializeError,
    EncapError,
    KDF_HKDF_SHA256,
    KEM_DHKEM_X25519_HKDF_SHA256,
    KEM_MLKEM768_X25519,
    NotSupportedError,
    OpenError,
    ValidationError,
} from "hpke";
import { sha256 } from "#crypto";
import { error, type MetersealError } from "../errors.ts";
import { fail, ok, type Result } from "../result.ts";

/**
 * Suites of public-key sealing by the number that messages carry, all HPKE in base mode with
 * HKDF-SHA256 and AES-128-GCM: 1 X25519 (RFC 9180), 2 the hybrid of ML-KEM-768 and X25519.
 */
export const HPKE_SUITE = { x25519: 1, hybrid: 2 } as const;

/** Length of private keys of every suite. */
export const HPKE_PRIVATE_KEY_BYTES = 32;
/** Length of the public keys of each suite; the place is the suite's number. */
export const HPKE_PUBLIC_KEY_BYTES = [0, 32, 1216] as const;
/** Length of the encapsulated key of each suite; the place is the suite's number. */
export const HPKE_ENC_BYTES = [0, 32, 1120] as const;
/** What sealing adds to a text. */
export const HPKE_TAG_BYTES = 16;

/** A recipient's keys of one suite. */
export type HpkeKeyPair = {
    /** One of {@link HPKE_SUITE}. */
    readonly suite: number;
    /** {@link HPKE_PUBLIC_KEY_BYTES} of the suite. */
    readonly publicKey: Uint8Array;
    /** 32 bytes: a scalar (suite 1) or a seed (suite 2). */
    readonly privateKey: Uint8Array;
};

/** What binds a sealed text to its use: both sides must name the same. */
export type HpkeContext = { readonly info: Uint8Array; readonly aad: Uint8Array };

/** A text sealed to one recipient. */
export type HpkeSealed = {
    /** Encapsulated key, {@link HPKE_ENC_BYTES} of the suite. */
    readonly enc: Uint8Array;
    /** The text and {@link HPKE_TAG_BYTES}. */
    readonly ciphertext: Uint8Array;
};

const suites = new Map<number, CipherSuite>();

/** The suite's implementation, made once; null for a number that names none. */
function suiteOf(suite: number): CipherSuite | null {
    const known = suites.get(suite);
    if (known !== undefined) return known;
    if (suite !== HPKE_SUITE.x25519 && suite !== HPKE_SUITE.hybrid) return null;
    const kem = suite === HPKE_SUITE.x25519 ? KEM_DHKEM_X25519_HKDF_SHA256 : KEM_MLKEM768_X25519;
    const made = new CipherSuite(kem, KDF_HKDF_SHA256, AEAD_AES_128_GCM);
    suites.set(suite, made);
    return made;
}

/**
 * Makes the keys of a recipient from the platform's randomness.
 * @returns MS_VERSION for an unknown suite, or one that this platform does not carry out.
 */
export function generateHpkeKeyPair(suite: number): Promise<Result<HpkeKeyPair>> {
    return attemptIn(suite, async (cipher) => {
        const pair = await cipher.GenerateKeyPair(true);
        return {
            suite,
            publicKey: await cipher.SerializePublicKey(pair.publicKey),
            privateKey: await cipher.SerializePrivateKey(pair.privateKey),
        };
    });
}

/**
 * Seals a text to a recipient's public key (RFC 9180 section 6.1, base mode).
 * @returns MS_UNSEAL for bytes that are no public key of the suite; MS_VERSION for an unknown suite,
 * or one that this platform does not carry out.
 */
export function sealHpke(
    suite: number,
    publicKey: Uint8Array,
    context: HpkeContext,
    plaintext: Uint8Array,
): Promise<Result<HpkeSealed>> {
    return attemptIn(suite, async (cipher) => {
        const key = await cipher.DeserializePublicKey(publicKey);
        const sealed = await cipher.Seal(key, plaintext, context);
        return { enc: sealed.encapsulatedSecret, ciphertext: sealed.ciphertext };
    });
}

/**
 * Opens what {@link sealHpke} made. Takes both halves of the key: WebCrypto has no settled way from a
 * private key to its public one.
 * @returns MS_UNSEAL where the key, the info, the associated data or a sealed byte is another;
 * MS_VERSION for an unknown suite, or one that this platform does not carry out.
 */
export function openHpke(
    { privateKey, publicKey, suite }: HpkeKeyPair,
    context: HpkeContext,
    { ciphertext, enc }: HpkeSealed,
): Promise<Result<Uint8Array>> {
    return attemptIn(suite, async (cipher) => {
        const pair = {
            privateKey: await cipher.DeserializePrivateKey(privateKey, false),
            publicKey: await cipher.DeserializePublicKey(publicKey),
        };
        return cipher.Open(pair, enc, ciphertext, context);
    });
}

/** Name of a recipient's public key in messages: the first 8 bytes of its SHA-256. */
export function recipientKeyId(publicKey: Uint8Array): Uint8Array {
    return sha256(publicKey).slice(0, 8);
}

async function attemptIn<T>(
    suite: number,
    task: (cipher: CipherSuite) => Promise<T>,
): Promise<Result<T>> {
    try {
        const cipher = suiteOf(suite);
        if (cipher === null) return fail(unknownSuite(suite));
        return ok(await task(cipher));
    } catch (cause) {
        return fail(errorOf(cause, suite));
    }
}

function errorOf(cause: unknown, suite: number): MetersealError {
    if (cause instanceof NotSupportedError) {
        const todo = "This platform does not carry out this suite.";
        return error("MS_VERSION", { got: `HPKE suite ${suite}`, todo, cause });
    }
    const isRefusal = [OpenError, DecapError, DeserializeError, EncapError, ValidationError].some(
        (kind) => cause instanceof kind,
    );
    if (isRefusal || cause instanceof TypeError) return error("MS_UNSEAL", { cause });
    return error("MS_INTERNAL", { where: "HPKE", cause });
}

function unknownSuite(suite: number): MetersealError {
    return error("MS_VERSION", { expected: "HPKE suite 1 or 2", got: String(suite) });
}
