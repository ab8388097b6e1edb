import { LIMITS } from "@meterseal/core";
import { lineMs, type SerialPlace } from "./address.ts";

/** Bytes of a message in one frame of a session: what others wait for behind it. */
export const PART_BYTES = 1_024;

/** Bytes of a handshake and what follows it until a session stands, both ways, with some repeated. */
const BEGIN_BYTES = 4_096;
const FRAME_BYTES = 2 * PART_BYTES;
/** How much slower than its speed a line may be: frames that are lost, and a radio that takes turns. */
const SLOWNESS = 4;

/** Waits of both sides of a line, which grow where it is slow; in milliseconds. */
export function serialWaits(place: SerialPlace): {
    readonly connectTimeoutMs: number;
    readonly ackTimeoutMs: number;
    readonly drainTimeoutMs: number;
    readonly goodbyeMs: number;
} {
    const more = (lengthBytes: number): number => SLOWNESS * lineMs(lengthBytes, place);
    return {
        connectTimeoutMs: 10_000 + more(BEGIN_BYTES),
        ackTimeoutMs: 30_000 + more(LIMITS.messageBytes),
        drainTimeoutMs: 5_000 + more(FRAME_BYTES),
        goodbyeMs: Math.min(1_000, 700 + more(place.mtu)),
    };
}
