import { MetersealError, type Timers } from "@meterseal/core";

const RETRY_FIRST_MS = 250;
const RETRY_LONGEST_MS = 10_000;

/** Whether somebody answers, and since when. */
export type Connection = {
    readonly state: "connected" | "cut off" | "stopped";
    /** Milliseconds since 1970, when the state began. */
    readonly sinceMs: number;
    /** Why not connected; null while connected. */
    readonly reason: string | null;
};

/** What a loop works with. */
export type LoopOptions = {
    readonly timers: Timers;
    readonly nowMs: () => number;
    /** One exchange; resolves with the time to the next one, milliseconds, or null to end for good. */
    readonly step: () => Promise<number | null>;
    /** Something else than the other side failed. */
    readonly onFatal: (cause: unknown) => void;
    /** Told of each change of state. */
    readonly onChange: (connection: Connection) => void;
};

/** Repeats an exchange for as long as it is wanted: soon again where it was of use, later after a failure. */
export class Loop {
    readonly #options: LoopOptions;
    #connection: Connection;
    #failures = 0;
    #running = false;
    #kicked = false;
    #closed = false;
    #cancel: () => void = () => undefined;
    #ended: () => void = () => undefined;

    constructor(options: LoopOptions) {
        this.#options = options;
        this.#connection = { state: "cut off", sinceMs: options.nowMs(), reason: "not asked yet" };
    }

    get connection(): Connection {
        return this.#connection;
    }

    /** Begins now. */
    start(): void {
        this.#run();
    }

    /** There is something new: the next exchange begins at once, unless the other side is away. */
    kick(): void {
        this.#kicked = true;
        if (this.#running || this.#failures > 0) return;
        this.#cancel();
        this.#run();
    }

    /** Ends; resolves when no exchange is under way. */
    close(): Promise<void> {
        this.#closed = true;
        this.#cancel();
        if (!this.#running) return Promise.resolve();
        return new Promise((resolve) => {
            this.#ended = resolve;
        });
    }

    #run(): void {
        if (this.#closed || this.#running) return;
        this.#running = true;
        this.#kicked = false;
        void this.#options
            .step()
            .then(
                (delayMs) => {
                    this.#failures = 0;
                    const state = delayMs === null ? "stopped" : "connected";
                    this.#become(state, delayMs === null ? "evidence" : null);
                    return this.#kicked ? 0 : delayMs;
                },
                (cause: unknown) => {
                    if (!(cause instanceof MetersealError)) this.#options.onFatal(cause);
                    this.#become("cut off", cause instanceof Error ? cause.message : String(cause));
                    const delayMs = RETRY_FIRST_MS * 2 ** Math.min(this.#failures++, 10);
                    return Math.min(RETRY_LONGEST_MS, delayMs);
                },
            )
            .then((delayMs) => {
                this.#running = false;
                if (this.#closed) this.#ended();
                else if (delayMs !== null) this.#again(delayMs);
            });
    }

    #again(delayMs: number): void {
        this.#cancel = this.#options.timers.after(delayMs, () => this.#run());
    }

    #become(state: Connection["state"], reason: string | null): void {
        const before = this.#connection;
        const sinceMs = before.state === state ? before.sinceMs : this.#options.nowMs();
        this.#connection = { state, sinceMs, reason };
        const isNews = before.state !== state || before.reason === "not asked yet";
        if (isNews && !this.#closed) this.#options.onChange(this.#connection);
    }
}
