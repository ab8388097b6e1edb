/** Wall clock of a role: real, simulated, or the replay clock that all roles of a demo share. */
export interface Clock {
    /** Milliseconds since 1970-01-01T00:00Z, without leap seconds. */
    nowMs(): number;
}

/** Timers of a role, apart from {@link Clock}: waits run in real (or simulated) time even in a replay. */
export interface Timers {
    /** Calls back once after a delay; returns a function that cancels it. */
    after(delayMs: number, callback: () => void): () => void;
}

/** Source of unpredictable bytes. */
export interface Random {
    /** Fresh random bytes, suitable for keys. */
    bytes(length: number): Uint8Array;
}

/** Signature algorithms by their COSE number (formats 2). */
export const ALGORITHM = { es256: -7, edDsa: -8, ps256: -37 } as const;

/** One of {@link ALGORITHM}. */
export type Algorithm = (typeof ALGORITHM)[keyof typeof ALGORITHM];

/** Public half of a signing key. */
export type PublicKey =
    /** P-256, affine coordinates of 32 bytes each. */
    | { readonly algorithm: -7; readonly x: Uint8Array; readonly y: Uint8Array }
    /** Ed25519, 32 bytes. */
    | { readonly algorithm: -8; readonly x: Uint8Array }
    /** RSA-2048: modulus of 256 bytes, big-endian; the exponent is 65537. */
    | { readonly algorithm: -37; readonly n: Uint8Array };

/** A signature to be checked. */
export type SignatureJob = {
    readonly key: PublicKey;
    /** What the message claims; a key of another algorithm never fits. */
    readonly algorithm: Algorithm;
    /** The bytes that were signed. */
    readonly message: Uint8Array;
    readonly signature: Uint8Array;
};

/** Private half of a signing key, wherever it lives: a file, a TPM, a token. */
export interface Signer {
    readonly publicKey: PublicKey;
    /** Signature over a message: 64 bytes (r ‖ s with low s, or EdDSA) or 256 bytes (RSA). */
    sign(message: Uint8Array): Promise<Uint8Array>;
}

/** Reports of a role to whoever runs it; never carries keys or plain readings. */
export interface Log {
    info(message: string, fields?: Readonly<Record<string, string | number>>): void;
    warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
}
