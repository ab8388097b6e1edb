/** Shortest and longest wait for an acknowledgement, in milliseconds. */
const WAIT_MS = { shortest: 100, first: 300, longest: 3_000 } as const;
/** Frames whose time on the line each wait contains: what is sent, its answer, and some that are before. */
const FRAMES = 6;

/**
 * How long to wait for an acknowledgement: measured from the ways there and back (RFC 6298 section 2),
 * doubled with each one in vain until there is an answer.
 */
export class Patience {
    readonly #frameMs: number;
    #smoothedMs: number | null = null;
    #variationMs = 0;
    #waitMs: number;

    /** @param frameMs - time of a full frame on the line. */
    constructor(frameMs: number) {
        this.#frameMs = frameMs;
        this.#waitMs = WAIT_MS.first + FRAMES * frameMs;
    }

    get waitMs(): number {
        return this.#waitMs;
    }

    /** A way there and back took so long. */
    measured(roundTripMs: number): void {
        if (this.#smoothedMs === null) {
            this.#smoothedMs = roundTripMs;
            this.#variationMs = roundTripMs / 2;
        } else {
            const apart = Math.abs(this.#smoothedMs - roundTripMs);
            this.#variationMs = 0.75 * this.#variationMs + 0.25 * apart;
            this.#smoothedMs = 0.875 * this.#smoothedMs + 0.125 * roundTripMs;
        }
        this.answered();
    }

    /** Something new was acknowledged: what was measured before counts again. */
    answered(): void {
        if (this.#smoothedMs !== null)
            this.#waitMs = this.#bounded(this.#smoothedMs + 4 * this.#variationMs);
    }

    /** A wait was in vain. */
    inVain(): void {
        this.#waitMs = this.#bounded(2 * this.#waitMs);
    }

    #bounded(waitMs: number): number {
        const { longest, shortest } = WAIT_MS;
        const onLineMs = FRAMES * this.#frameMs;
        return Math.min(Math.max(waitMs, shortest + onLineMs), longest + 2 * onLineMs);
    }
}
