import { randomBytes } from "node:crypto";
import type { Clock, Random, Timers } from "@meterseal/core";

/** The machine's clock. */
export const systemClock: Clock = { nowMs: () => Date.now() };

/** The machine's time since some moment in the past; setting the clock does not move it. */
export const steadyClock: Clock = { nowMs: () => performance.now() };

/** Real waits. */
export const systemTimers: Timers = {
    after(delayMs, callback) {
        const timer = setTimeout(callback, delayMs);
        return () => clearTimeout(timer);
    },
};

/** Lets input and output that is ready go first. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The operating system's random numbers. */
export const systemRandom: Random = { bytes: (length) => new Uint8Array(randomBytes(length)) };

/** The clock of a replay: stands where it was put, and never goes back. */
export class ReplayClock implements Clock {
    #nowMs: number;

    constructor(nowMs: number) {
        this.#nowMs = nowMs;
    }

    nowMs(): number {
        return this.#nowMs;
    }

    /** Moves the clock forward; a time in its past is ignored. */
    advanceTo(nowMs: number): void {
        this.#nowMs = Math.max(this.#nowMs, nowMs);
    }
}
