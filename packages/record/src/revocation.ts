import type { Result, Signer } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { attempt, MapReader } from "./parse.ts";
import { createSign1, MESSAGE_TYPE, parseSign1, type Sign1 } from "./sign1.ts";

/** Entry that removes a device or a collector from a network, for cause and for good. */
export type RevocationPayload = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Subject of a meter or author id of a collector, 16 bytes. */
    readonly id: Uint8Array;
    readonly timeUnix: number;
};

/** A parsed revocation and the message that carries it. */
export type Revocation = RevocationPayload & { readonly message: Sign1 };

/** Signs a revocation with the operator's key. */
export function createRevocation(
    operator: Signer,
    payload: RevocationPayload,
): Promise<Uint8Array> {
    const map = new Map<number, unknown>([
        [0, payload.network],
        [1, payload.id],
        [2, payload.timeUnix],
    ]);
    return createSign1(operator, MESSAGE_TYPE.revoke, encodeCbor(map));
}

/** Parses a revocation strictly; the signature is not checked. */
export function parseRevocation(bytes: Uint8Array): Result<Revocation> {
    const message = parseSign1(bytes, MESSAGE_TYPE.revoke);
    if (!message.ok) return message;
    return attempt(() => {
        const map = new MapReader(decodeCbor(message.value.payload), "revocation");
        const revocation = {
            network: map.bytes(0, 32),
            id: map.bytes(1, 16),
            timeUnix: map.integer(2, 0, Number.MAX_SAFE_INTEGER),
            message: message.value,
        };
        map.end();
        return revocation;
    });
}
