import { LIMITS } from "@meterseal/core";

/** A numbered segment until it is acknowledged. */
export type Sent = {
    readonly kind: "open" | "data" | "end";
    readonly number: number;
    readonly bytes: Uint8Array;
    /** How often it was sent. */
    attempts: number;
    /** Its place among all that was sent: of the first time, and of the last. */
    firstPlace: number;
    lastPlace: number;
    sentAtMs: number;
    /** Has come, before one that was sent earlier. */
    isHeld: boolean;
};

/**
 * Numbered segments under way, at most {@link LIMITS.serialWindow}. A line keeps the order of what is
 * sent: of two, the earlier is lost when the later one is acknowledged and it is not.
 */
export class Outgoing {
    readonly #send: (segment: Sent) => void;
    readonly #window: Sent[] = [];
    #nextNumber = 0;
    #places = 0;

    constructor(send: (segment: Sent) => void) {
        this.#send = send;
    }

    get hasRoom(): boolean {
        return this.#window.length < LIMITS.serialWindow;
    }

    get isEmpty(): boolean {
        return this.#window.length === 0;
    }

    /** Sends the next one; there must be room. */
    add(kind: Sent["kind"], bytes: Uint8Array, nowMs: number): void {
        const number = this.#nextNumber++;
        const segment = { kind, number, bytes, attempts: 0, isHeld: false, sentAtMs: 0 };
        this.#window.push({ ...segment, firstPlace: 0, lastPlace: 0 });
        this.#transmit(this.#window.at(-1) as Sent, nowMs);
    }

    /**
     * Takes an acknowledgement, and sends again what it shows to be lost.
     * @returns whether it tells anything new, and the way there and back of one that was sent once;
     * null where there is none, for which copy of several was answered nobody knows.
     */
    acknowledge(
        { held, next }: { readonly next: number; readonly held: number },
        nowMs: number,
    ): { readonly isNew: boolean; readonly roundTripMs: number | null } {
        const first = this.#window[0]?.number ?? this.#nextNumber;
        const taken = (next - first) & 0xffff;
        if (taken > this.#window.length) return { isNew: false, roundTripMs: null };
        const heard = this.#window.splice(0, taken).filter(({ isHeld }) => !isHeld);
        for (const segment of this.#window) {
            const bit = segment.number - first - taken - 1;
            if (bit < 0 || ((held >>> bit) & 1) === 0 || segment.isHeld) continue;
            segment.isHeld = true;
            heard.push(segment);
        }
        const latest = Math.max(-1, ...heard.map(({ firstPlace }) => firstPlace));
        for (const segment of this.#window)
            if (!segment.isHeld && segment.lastPlace < latest) this.#transmit(segment, nowMs);
        const measured = heard.findLast(({ attempts }) => attempts === 1);
        const roundTripMs = measured === undefined ? null : nowMs - measured.sentAtMs;
        return { isNew: heard.length > 0 || taken > 0, roundTripMs };
    }

    /** Sends the oldest again; false where it was sent {@link LIMITS.serialAttempts} times. */
    repeat(nowMs: number): boolean {
        const oldest = this.#window.find(({ isHeld }) => !isHeld);
        if (oldest === undefined) return true;
        if (oldest.attempts >= LIMITS.serialAttempts) return false;
        this.#transmit(oldest, nowMs);
        return true;
    }

    #transmit(segment: Sent, nowMs: number): void {
        segment.lastPlace = this.#places++;
        if (segment.attempts++ === 0) segment.firstPlace = segment.lastPlace;
        segment.sentAtMs = nowMs;
        this.#send(segment);
    }
}
