import { randomInt } from "node:crypto";

/** Shortest and longest pause before a link tries to connect again, in milliseconds. */
const RECONNECT_DELAY_MS = { first: 200, longest: 10_000 } as const;

/** Uniform number in [0, 1), for jitter where the caller injects no source of its own. */
export function systemRandom(): number {
    return randomInt(2 ** 32) / 2 ** 32;
}

/**
 * Pause in milliseconds before attempt number `attempt` (0, 1, …): doubles from 0.2 s to 10 s, of
 * which a random half is taken off, so that a fleet does not come back in one instant.
 */
export function reconnectDelayMs(attempt: number, random: () => number): number {
    const { first, longest } = RECONNECT_DELAY_MS;
    const full = Math.min(longest, first * 2 ** Math.min(attempt, 16));
    return full * (0.5 + 0.5 * random());
}
