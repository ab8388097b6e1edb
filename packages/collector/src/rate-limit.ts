import { type Clock, LIMITS } from "@meterseal/core";

/** How fast one name may go. */
export type Rate = {
    /** Sustained, in one second. */
    readonly perSecond: number;
    /** At once, before that applies. */
    readonly burst: number;
};

const INGEST: Rate = { perSecond: LIMITS.ingestRatePerSecond, burst: LIMITS.ingestBurst };

/** Token buckets by name. */
export class RateLimit {
    readonly #clock: Clock;
    readonly #rate: Rate;
    readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

    /** @param clock a steady clock, not the replay clock. */
    constructor(clock: Clock, rate: Rate = INGEST) {
        this.#clock = clock;
        this.#rate = rate;
    }

    /** Takes one token; false when the bucket is empty. Names must come from a bounded set (enrolled keys). */
    take(name: string): boolean {
        const nowMs = this.#clock.nowMs();
        const { burst, perSecond } = this.#rate;
        const bucket = this.#buckets.get(name) ?? { tokens: burst, atMs: nowMs };
        const elapsedMs = Math.max(0, nowMs - bucket.atMs); // a clock that went back refills nothing
        const refill = (elapsedMs / 1000) * perSecond;
        bucket.tokens = Math.min(burst, bucket.tokens + refill);
        bucket.atMs = nowMs;
        this.#buckets.set(name, bucket);
        if (bucket.tokens < 1) return false;
        bucket.tokens--;
        return true;
    }
}
