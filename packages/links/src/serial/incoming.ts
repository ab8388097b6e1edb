import { LIMITS } from "@meterseal/core";

/** A numbered segment as it came. */
export type Arrived = { readonly isEnd: boolean; readonly bytes: Uint8Array };

/** Puts numbered segments in order again: copies are dropped, gaps waited for, in a bounded window. */
export class Incoming {
    readonly #held = new Map<number, Arrived>();
    /** Number of the first one that has not come, not reduced. */
    #next = 0;

    /** What has come, for an acknowledgement. */
    get state(): { readonly next: number; readonly held: number } {
        let held = 0;
        for (const number of this.#held.keys()) held |= 1 << (number - this.#next - 1);
        return { next: this.#next & 0xffff, held: held >>> 0 };
    }

    /** Whether some have come before their turn. */
    get hasGap(): boolean {
        return this.#held.size > 0;
    }

    /**
     * Takes one; returns those whose turn it is now, in order.
     * @param number - modulo 65,536.
     */
    take(number: number, arrived: Arrived): Arrived[] {
        const ahead = (number - this.#next) & 0xffff;
        if (ahead >= LIMITS.serialWindow) return []; // a copy, or far ahead
        this.#held.set(this.#next + ahead, arrived);
        const due: Arrived[] = [];
        for (;;) {
            const first = this.#held.get(this.#next);
            if (first === undefined) return due;
            this.#held.delete(this.#next++);
            due.push(first);
        }
    }
}
