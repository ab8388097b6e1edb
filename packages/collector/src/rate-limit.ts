import { type Clock, LIMITS } from "@meterseal/core";

/** Token buckets by name, refilled at {@link LIMITS.ingestRatePerSecond} up to {@link LIMITS.ingestBurst}. */
export class RateLimit {
    readonly #clock: Clock;
    readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

    /** @param clock a steady clock, not the replay clock. */
    constructor(clock: Clock) {
        this.#clock = clock;
    }

    /** Takes one token; false when the bucket is empty. Names must come from a bounded set (enrolled keys). */
    take(name: string): boolean {
        const nowMs = this.#clock.nowMs();
        const bucket = this.#buckets.get(name) ?? { tokens: LIMITS.ingestBurst, atMs: nowMs };
        const elapsedMs = Math.max(0, nowMs - bucket.atMs); // a clock that went back refills nothing
        const refill = (elapsedMs / 1000) * LIMITS.ingestRatePerSecond;
        bucket.tokens = Math.min(LIMITS.ingestBurst, bucket.tokens + refill);
        bucket.atMs = nowMs;
        this.#buckets.set(name, bucket);
        if (bucket.tokens < 1) return false;
        bucket.tokens--;
        return true;
    }
}
