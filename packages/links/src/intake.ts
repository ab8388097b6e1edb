import { error, type LinkHandler, MetersealError } from "@meterseal/core";
import { withTimeLimit } from "./time-limit.ts";

/** Waits of the collector's side of a link. */
type IntakeOptions = {
    /** Messages of all meters under way to the handler; one more is told to wait. */
    readonly maxRequests: number;
    /** Time for the check of a token. */
    readonly connectTimeoutMs: number;
    /** Time for `receive` to settle; after it the message counts as not taken. */
    readonly receiveTimeoutMs: number;
    /** Time that {@link Intake.close} leaves to messages under way. */
    readonly closeTimeoutMs: number;
};

/** The way from a link to the collector: bounded in time and number, and emptied when it closes. */
export class Intake {
    readonly #options: IntakeOptions;
    readonly #handler: LinkHandler;
    readonly #work = new Set<Promise<void>>();
    readonly #emptied = Promise.withResolvers<void>();
    #isClosing = false;

    constructor(options: IntakeOptions, handler: LinkHandler) {
        this.#options = options;
        this.#handler = handler;
    }

    get isClosing(): boolean {
        return this.#isClosing;
    }

    /** Whether a sender may act as a subject; a check that takes too long is a refusal. */
    async authenticate(subjectHex: string, token: Uint8Array): Promise<boolean> {
        if (this.#isClosing) return false;
        const answer = Promise.resolve().then(() => this.#handler.authenticate(subjectHex, token));
        const limitMs = this.#options.connectTimeoutMs;
        return await withTimeLimit(answer, limitMs, "the check of a link token").catch(() => false);
    }

    /**
     * Takes one message; resolves when the collector has it.
     * @throws MetersealError of the collector; MS_BUSY without room, after too long a time, and for
     * any other failure.
     */
    async receive(subjectHex: string, message: Uint8Array): Promise<void> {
        const { maxRequests, receiveTimeoutMs } = this.#options;
        if (this.#isClosing) {
            await this.#emptied.promise; // a refusal now would cost the answers that are due
            throw error("MS_BUSY", { got: "a collector that stops" });
        }
        if (this.#work.size >= maxRequests) {
            throw error("MS_BUSY", { expected: `at most ${maxRequests} messages under way` });
        }
        const taken = Promise.resolve().then(() => this.#handler.receive(subjectHex, message));
        const work = withTimeLimit(taken, receiveTimeoutMs, "taking a message")
            .catch((cause: unknown) => {
                if (cause instanceof MetersealError) throw cause;
                throw error("MS_BUSY", { got: "a message that was not taken", cause });
            })
            .finally(() => this.#work.delete(work));
        this.#work.add(work);
        await work;
    }

    /** A meter is connected and can receive. */
    connected(subjectHex: string): void {
        this.#handler.connected(subjectHex);
    }

    /** Takes nothing more, and waits for what is under way, in bounded time. */
    async close(): Promise<void> {
        this.#isClosing = true;
        const settled = Promise.allSettled(this.#work);
        await withTimeLimit(settled, this.#options.closeTimeoutMs, "closing").catch(() => {});
        await new Promise((resolve) => setImmediate(resolve)); // the answers to it are on their way
        this.#emptied.resolve();
    }
}
