import type { Clock, Signer } from "@meterseal/core";
import { createLinkToken as createToken } from "@meterseal/record";

/** Token that a meter gives when it connects, dated by its clock. */
export function createLinkToken(
    signer: Signer,
    network: Uint8Array,
    subject: Uint8Array,
    clock: Clock,
): Promise<Uint8Array> {
    const timeUnix = Math.floor(clock.nowMs() / 1000);
    return createToken(signer, { network, subject, timeUnix });
}
