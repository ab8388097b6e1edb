import { type Clock, unixOfSlot } from "@meterseal/core";
import type { LightReading } from "@meterseal/record/lora";

/** Readings of one meter that no signature covers, and when they came. */
export type Provisional = {
    readonly readings: readonly LightReading[];
    /** Seconds since 1970; null where none came. */
    readonly receivedUnix: number | null;
};

/**
 * Readings that bridges have and no signature covers yet. They are in memory, apart from everything that
 * the ledger knows, and nothing is computed from them here.
 */
export class ProvisionalBook {
    readonly #clock: Clock;
    readonly #meters = new Map<string, Provisional>();

    constructor(clock: Clock) {
        this.#clock = clock;
    }

    /** Takes what a bridge has of a meter, in place of what it said before. */
    put(subjectHex: string, readings: readonly LightReading[]): void {
        const receivedUnix = Math.floor(this.#clock.nowMs() / 1000);
        if (readings.length === 0) this.#meters.delete(subjectHex);
        else this.#meters.set(subjectHex, { readings, receivedUnix });
    }

    /** What is still provisional of a meter whose signed readings reach an instant, seconds since 1970. */
    of(subjectHex: string, slotSeconds: number, signedUnix: number): Provisional {
        const { readings, receivedUnix } = this.#meters.get(subjectHex) ?? NONE;
        const open = readings.filter(
            ({ firstSlot }) => unixOfSlot(firstSlot, slotSeconds) > signedUnix,
        );
        return open.length === 0 ? NONE : { readings: open, receivedUnix };
    }
}

const NONE: Provisional = { readings: [], receivedUnix: null };
