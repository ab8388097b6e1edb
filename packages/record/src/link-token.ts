import type { Result, Signer } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { attempt, MapReader } from "./parse.ts";
import { createSign1, MESSAGE_TYPE, parseSign1, type Sign1 } from "./sign1.ts";

/** What a link token says: who asks, where, and when. */
export type LinkClaim = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Subject of a meter, or id of a party; 16 bytes. */
    readonly subject: Uint8Array;
    readonly timeUnix: number;
};

/** A parsed link token and the message that carries it. */
export type LinkToken = LinkClaim & { readonly message: Sign1 };

/**
 * Token that a meter gives when it connects and a party when it asks: {0: network, 1: subject,
 * 2: time}, signed by its key. It shows that the sender holds the key; there is no password to leak
 * (docs/adr).
 */
export function createLinkToken(signer: Signer, claim: LinkClaim): Promise<Uint8Array> {
    const map = new Map<number, unknown>([
        [0, claim.network],
        [1, claim.subject],
        [2, claim.timeUnix],
    ]);
    return createSign1(signer, MESSAGE_TYPE.link, encodeCbor(map));
}

/** Parses a link token strictly; neither signature nor age is checked. */
export function parseLinkToken(bytes: Uint8Array): Result<LinkToken> {
    const message = parseSign1(bytes, MESSAGE_TYPE.link);
    if (!message.ok) return message;
    return attempt(() => {
        const map = new MapReader(decodeCbor(message.value.payload), "link token");
        const token = {
            network: map.bytes(0, 32),
            subject: map.bytes(1, 16),
            timeUnix: map.integer(2, 0, Number.MAX_SAFE_INTEGER),
            message: message.value,
        };
        map.end();
        return token;
    });
}
