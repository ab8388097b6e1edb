import type { Clock, Signer } from "@meterseal/core";
import { createSign1, encodeCbor, MESSAGE_TYPE } from "@meterseal/record";

/**
 * Token that a meter gives when it connects: {0: network, 1: subject, 2: time}, signed by its key.
 * It shows that the sender holds the key; there is no password to leak (docs/adr).
 */
export function createLinkToken(
    signer: Signer,
    network: Uint8Array,
    subject: Uint8Array,
    clock: Clock,
): Promise<Uint8Array> {
    const claim = new Map<number, unknown>([
        [0, network],
        [1, subject],
        [2, Math.floor(clock.nowMs() / 1000)],
    ]);
    return createSign1(signer, MESSAGE_TYPE.link, encodeCbor(claim));
}
