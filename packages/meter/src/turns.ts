import { error } from "@meterseal/core";
import { BoundaryQueue, type ThinningRules, type WaitingBoundary } from "./boundary-queue.ts";
import type { RecordWriter } from "./record-writer.ts";
import type { Boundary } from "./sealer.ts";

/** What the turns of a meter work with. */
export type TurnsOptions = {
    /** Steps and boundaries that may wait or run. */
    readonly most: number;
    readonly rules: ThinningRules;
    readonly writer: Pick<RecordWriter, "isWaiting" | "requireWorking" | "warnThinned">;
    /** Takes one boundary. */
    readonly take: (entry: WaitingBoundary) => Promise<void>;
    /** Puts what was taken into a record. */
    readonly write: () => Promise<void>;
};

/**
 * What a meter is asked to do: one thing after the other in the order of the calls, and a bounded
 * number of them. Where they wait because the outbox is full, boundaries are thinned (formats 5).
 */
export class Turns {
    readonly #options: TurnsOptions;
    #last: Promise<void> = Promise.resolve();
    #waiting = 0;
    /** Boundaries that the last turn takes; null where the last turn is another one. */
    #queue: BoundaryQueue | null = null;
    /** True from when a boundary met a full outbox until none waits any more: one episode. */
    #isFull = false;
    #isThinned = false;

    constructor(options: TurnsOptions) {
        this.#options = options;
    }

    /** Resolves when all that was asked for so far is done or refused. */
    get done(): Promise<void> {
        return this.#last;
    }

    /** Does a step when all before it is done; MS_BUSY where too much waits. */
    run<T>(step: () => Promise<T>): Promise<T> {
        if (this.#waiting >= this.#options.most) return Promise.reject(this.#tooMuch("MS_BUSY"));
        this.#queue = null;
        this.#waiting++;
        const result = this.#last.then(async () => {
            try {
                this.#options.writer.requireWorking();
                return await step();
            } finally {
                this.#waiting--;
            }
        });
        const settle = (): void => undefined;
        this.#last = result.then(settle, settle);
        return result;
    }

    /** Takes a boundary when all before it is done; MS_OUTBOX_FULL or MS_BUSY where too much waits. */
    add(boundary: Boundary): Promise<void> {
        this.#isFull ||= this.#options.writer.isWaiting;
        if (this.#waiting >= this.#options.most && !this.#thin()) {
            return Promise.reject(this.#tooMuch(this.#isFull ? "MS_OUTBOX_FULL" : "MS_BUSY"));
        }
        const queue = this.#queue ?? this.#openQueue();
        this.#waiting++;
        return new Promise((resolve, reject) => {
            queue.push(boundary, (cause) => {
                this.#waiting--;
                if (cause === undefined) resolve();
                else reject(cause);
            });
        });
    }

    /**
     * Puts all that was added before into a record. While the outbox is full it takes what is added
     * meanwhile as well, and whoever asks is told of the same record.
     */
    flush(): Promise<void> {
        const { write, writer } = this.#options;
        this.#isFull ||= writer.isWaiting && this.#queue !== null;
        if (this.#queue === null || !this.#isFull) return this.run(write);
        this.#queue.flushed ??= Promise.withResolvers();
        return this.#queue.flushed.promise;
    }

    #openQueue(): BoundaryQueue {
        const queue = new BoundaryQueue();
        this.#queue = queue;
        this.#last = this.#last.then(() => this.#drain(queue));
        return queue;
    }

    async #drain(queue: BoundaryQueue): Promise<void> {
        const { take, write, writer } = this.#options;
        for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
            try {
                writer.requireWorking();
                await take(entry);
                entry.settle();
            } catch (cause) {
                entry.settle(cause);
            }
        }
        if (queue === this.#queue) {
            this.#queue = null;
            this.#isFull = false;
            this.#isThinned = false;
        }
        const { flushed } = queue;
        if (flushed !== null) await write().then(flushed.resolve, flushed.reject);
    }

    #thin(): boolean {
        const { most, rules, writer } = this.#options;
        if (!this.#isFull || this.#queue === null) return false;
        const fromSlot = this.#queue.thin(rules, Math.ceil(most / 4));
        if (fromSlot === null) return false;
        if (!this.#isThinned) writer.warnThinned(fromSlot);
        this.#isThinned = true;
        return true;
    }

    #tooMuch(code: "MS_BUSY" | "MS_OUTBOX_FULL"): Error {
        return error(code, { expected: `at most ${this.#options.most} boundaries that wait` });
    }
}
