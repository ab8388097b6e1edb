import { assert, type Clock, type Timers } from "@meterseal/core";

type Pending = { readonly atMs: number; readonly order: number; readonly callback: () => void };

/**
 * Virtual time: a clock and timers that move only when a test says so. Timers fire in the order of
 * their time, equal ones in the order in which they were set; between two of them every promise
 * that can go on does. Nothing waits in real time, and equal calls give equal runs.
 */
export class SimulatedTime implements Clock, Timers {
    #nowMs: number;
    #order = 0;
    #queue: Pending[] = [];

    constructor(startMs: number = 0) {
        this.#nowMs = startMs;
    }

    nowMs(): number {
        return this.#nowMs;
    }

    /** Number of timers that are set. */
    get pending(): number {
        return this.#queue.length;
    }

    after(delayMs: number, callback: () => void): () => void {
        const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
        let at = this.#queue.length;
        while (at > 0 && (this.#queue[at - 1] as Pending).atMs > timer.atMs) at--;
        this.#queue.splice(at, 0, timer);
        return () => {
            const index = this.#queue.indexOf(timer);
            if (index >= 0) this.#queue.splice(index, 1);
        };
    }

    /** Lets every promise go on that needs no timer. */
    async settle(): Promise<void> {
        await new Promise<void>((resolve) => setImmediate(resolve));
    }

    /** Moves time forward, firing what is due on the way. */
    async advance(byMs: number): Promise<void> {
        const endMs = this.#nowMs + byMs;
        await this.settle();
        while (this.#fire(endMs)) await this.settle();
        this.#nowMs = Math.max(this.#nowMs, endMs);
    }

    /** Moves time forward until a condition holds; false when it did not within the limit. */
    async until(condition: () => boolean, limitMs: number): Promise<boolean> {
        const endMs = this.#nowMs + limitMs;
        await this.settle();
        while (!condition()) {
            if (!this.#fire(endMs)) return false;
            await this.settle();
        }
        return true;
    }

    /** Waits for a promise in virtual time; fails when it does not settle within the limit. */
    async run<T>(work: Promise<T>, limitMs: number = 600_000): Promise<T> {
        let settled = false;
        const done = work.finally(() => {
            settled = true;
        });
        done.catch(() => undefined);
        assert(await this.until(() => settled, limitMs), "the work settles in virtual time");
        return await done;
    }

    /** Fires the next timer, if one is due by then. */
    #fire(untilMs: number): boolean {
        const next = this.#queue[0];
        if (next === undefined || next.atMs > untilMs) return false;
        this.#queue.shift();
        this.#nowMs = Math.max(this.#nowMs, next.atMs);
        next.callback();
        return true;
    }
}
