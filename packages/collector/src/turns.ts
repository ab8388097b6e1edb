import { LIMITS } from "@meterseal/core";

/** Resolves in a later turn of the event loop, after what waits in this one. */
export type NextTurn = () => Promise<void>;

/**
 * Lets messages in by turns of the event loop: {@link LIMITS.turnBytes} in each, so that a crowd that
 * sends at once does not hold up timers, pings and receipts. One message always fits.
 */
export class TurnGate {
    readonly #nextTurn: NextTurn;
    readonly #queue: { readonly bytes: number; enter(): void }[] = [];
    #bytes = 0;
    #running = false;

    constructor(nextTurn: NextTurn) {
        this.#nextTurn = nextTurn;
    }

    /** Resolves when a message of so many bytes may be worked on; first come, first served. */
    async enter(bytes: number): Promise<void> {
        if (this.#queue.length === 0 && this.#fits(bytes)) this.#bytes += bytes;
        else await new Promise<void>((enter) => this.#queue.push({ bytes, enter }));
        if (!this.#running) void this.#run();
    }

    #fits(bytes: number): boolean {
        return this.#bytes === 0 || this.#bytes + bytes <= LIMITS.turnBytes;
    }

    /** Once a turn, as long as somebody used the last one. */
    async #run(): Promise<void> {
        this.#running = true;
        while (this.#bytes > 0) {
            await this.#nextTurn();
            this.#bytes = 0;
            for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
                if (!this.#fits(next.bytes)) break;
                this.#queue.shift();
                this.#bytes += next.bytes;
                next.enter();
            }
        }
        this.#running = false;
    }
}
