import { type FileKeyKind, generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { enrolledCredential, type OwnCredential } from "../src/edhoc/index.ts";
import type { KnownMeter } from "../src/tcp/index.ts";

/** Subjects of the meters that are enrolled. */
export const SUBJECT_A = "0a".repeat(16);
export const SUBJECT_B = "0b".repeat(16);

/** Randomness of handshakes. */
export const random = {
    bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
};

/** A credential with a key of its own. */
export function credential(name: string, kind: FileKeyKind = "es256"): OwnCredential {
    const signer = signerFromPem(generatePrivateKeyPem(kind));
    return { ...enrolledCredential(name, signer.publicKey), signer };
}

/** The collector's own credential. */
export const COLLECTOR: OwnCredential = credential("collector");
const METERS = new Map([SUBJECT_A, SUBJECT_B].map((subject) => [subject, credential(subject)]));

const sameId = (id: Uint8Array, { id: other }: OwnCredential): boolean =>
    Buffer.from(id).equals(other);

/** A meter's own credential. */
export const meterOf = (subjectHex: string): OwnCredential => METERS.get(subjectHex) ?? COLLECTOR;

/** Who is enrolled, by credential id. */
export function findMeter(id: Uint8Array): KnownMeter | null {
    for (const [subjectHex, own] of METERS)
        if (sameId(id, own)) return { credential: own, subjectHex };
    return null;
}

/** The collector, by credential id. */
export const findCollector = (id: Uint8Array): OwnCredential | null =>
    sameId(id, COLLECTOR) ? COLLECTOR : null;
