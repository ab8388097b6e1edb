import { bytesEqual, concatBytes } from "@meterseal/core";
import { malformed } from "@meterseal/record";
import type { Credential, OwnCredential } from "./credentials.ts";
import { METHOD, type Method } from "./messages.ts";
import { expand, HASH_BYTES, MAC_BYTES, signatureInput } from "./schedule.ts";
import { bytesItem } from "./sequence.ts";
import { type Suite, verifyAuthentication } from "./suites.ts";

/** Bytes of a signature of either suite. */
const SIGNATURE_BYTES = 64;

/** What a MAC or signature of messages 2 and 3 covers (RFC 9528 sections 5.3.2 and 5.4.2). */
export type Covered = {
    readonly method: Method;
    /** PRK_3e2m of message 2, PRK_4e3m of message 3. */
    readonly prk: Uint8Array;
    /** Label of the MAC in the key schedule. */
    readonly label: number;
    /** C_R as an item, in message 2; empty in message 3. */
    readonly connection: Uint8Array;
    /** TH_2 or TH_3. */
    readonly hash: Uint8Array;
};

/** Length of what authenticates a peer. */
export function authenticationBytes(method: Method): number {
    return method === METHOD.signatures ? SIGNATURE_BYTES : MAC_BYTES;
}

function macOf(
    { connection, hash, label, method, prk }: Covered,
    credential: Credential,
): Uint8Array {
    const context = concatBytes(connection, credential.id, bytesItem(hash), credential.content);
    const length = method === METHOD.signatures ? HASH_BYTES : MAC_BYTES;
    return expand(prk, label, context, length);
}

function toBeSigned(covered: Covered, credential: Credential): Uint8Array {
    const external = concatBytes(bytesItem(covered.hash), credential.content);
    return signatureInput(credential.id, external, macOf(covered, credential));
}

/** Signature, or MAC under a key that only the static private key gives. */
export async function authenticate(covered: Covered, own: OwnCredential): Promise<Uint8Array> {
    if (covered.method !== METHOD.signatures) return macOf(covered, own);
    if (own.signer === undefined) malformed("credential", "a signing key");
    return await own.signer.sign(toBeSigned(covered, own));
}

/** Whether a signature or MAC is that of a credential. */
export function isAuthentic(
    covered: Covered,
    { algorithm }: Suite,
    peer: Credential,
    signatureOrMac: Uint8Array,
): boolean {
    if (covered.method !== METHOD.signatures)
        return bytesEqual(macOf(covered, peer), signatureOrMac);
    const { signatureKey } = peer;
    if (signatureKey === undefined || signatureKey.algorithm !== algorithm) return false;
    return verifyAuthentication(signatureKey, toBeSigned(covered, peer), signatureOrMac);
}
