import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Peer } from "./peers.ts";

/** Age in milliseconds up to which an echoed value shows that an address is its sender's own. */
const FRESH_MS = 30_000;
const TIME_BYTES = 6;
const MAC_BYTES = 8;

/**
 * Values of the Echo option (RFC 9175 section 2): whoever sends one back receives what is sent to its
 * address. Nothing is remembered of those who do not.
 */
export class EchoValues {
    readonly #key = randomBytes(32);
    readonly #nowMs: () => number;

    /** @param nowMs - a clock that never goes back, in milliseconds. */
    constructor(nowMs: () => number = () => performance.now()) {
        this.#nowMs = nowMs;
    }

    /** A value for a peer to send back. */
    make(peer: Peer): Buffer {
        const time = Buffer.alloc(TIME_BYTES);
        time.writeUIntBE(Math.floor(this.#nowMs()), 0, TIME_BYTES);
        return Buffer.concat([time, this.#mac(time, peer)]);
    }

    /** Whether a value was made for this very peer, and lately. */
    isFresh(value: Buffer | null, peer: Peer): boolean {
        if (value?.length !== TIME_BYTES + MAC_BYTES) return false;
        const time = value.subarray(0, TIME_BYTES);
        if (!timingSafeEqual(value.subarray(TIME_BYTES), this.#mac(time, peer))) return false;
        return this.#nowMs() - time.readUIntBE(0, TIME_BYTES) <= FRESH_MS;
    }

    #mac(time: Buffer, { address, port }: Peer): Buffer {
        const mac = createHmac("sha256", this.#key).update(time).update(`${address}|${port}`);
        return mac.digest().subarray(0, MAC_BYTES);
    }
}
