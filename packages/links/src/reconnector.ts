import type { Log } from "@meterseal/core";
import { reconnectDelayMs, systemRandom } from "./backoff.ts";

/** The options of a meter link that say how it connects again. */
export type ReconnectorOptions = {
    /** Makes a link token; called for every attempt to connect. */
    readonly token: () => Promise<Uint8Array>;
    /** Source of jitter in [0, 1). */
    readonly random?: () => number;
    readonly log?: Log;
};

/** Begins one connection of a meter after another, each with a new link token, until it is closed. */
export class Reconnector {
    readonly #protocol: string;
    readonly #options: ReconnectorOptions;
    readonly #begin: (token: Uint8Array) => void;
    readonly #random: () => number;
    #closed = false;
    #failures = 0;
    #retry: NodeJS.Timeout | null = null;

    /**
     * @param protocol for the log.
     * @param begin makes a connection; what becomes of it is told by {@link up} or {@link again}.
     */
    constructor(protocol: string, options: ReconnectorOptions, begin: (token: Uint8Array) => void) {
        this.#protocol = protocol;
        this.#options = options;
        this.#begin = begin;
        this.#random = options.random ?? systemRandom;
    }

    get closed(): boolean {
        return this.#closed;
    }

    /** Connects now; a token that cannot be had is a failed attempt. */
    async connect(): Promise<void> {
        this.#retry = null;
        let token: Uint8Array;
        try {
            token = await this.#options.token();
        } catch (cause) {
            const reason = String(cause);
            this.#options.log?.warn(`${this.#protocol}: no link token`, { reason });
            this.again();
            return;
        }
        if (!this.#closed) this.#begin(token);
    }

    /** A connection stands: the next pause is the shortest again. */
    up(): void {
        this.#failures = 0;
    }

    /** Connects after a pause that grows with each failure, `waitMs` milliseconds at least. */
    again(waitMs = 0): void {
        if (this.#closed) return;
        const delayMs = Math.max(waitMs, reconnectDelayMs(this.#failures++, this.#random));
        this.#retry = setTimeout(() => void this.connect(), delayMs);
    }

    /** Begins no connection any more. */
    close(): void {
        this.#closed = true;
        if (this.#retry !== null) clearTimeout(this.#retry);
    }
}
