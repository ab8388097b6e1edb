import type { ServerResponse } from "node:http";
import { error } from "@meterseal/core";
import type { LinkSession } from "../session-table.ts";
import { SESSION_EVENT, STREAM_TYPE } from "./paths.ts";
import { ANSWER_HEADERS } from "./problem.ts";

/** What a session is made with. */
export type SessionOptions = {
    /** Unguessable name, which lets its holder send as the subject while the stream lives. */
    readonly id: string;
    readonly keepaliveMs: number;
    readonly maxStreamBytes: number;
    readonly maxRequests: number;
    readonly drainTimeoutMs: number;
    /** Called once, when the stream has ended for whatever reason. */
    readonly onEnd: () => void;
};

/** Silence of a meter, in probes, after which it counts as gone. */
const MISSED_PROBES = 1.5;

type Turn = { readonly go: () => void; readonly fail: (cause: unknown) => void };

/**
 * A meter that is connected: its stream down, and the order of its messages up. Both sides probe:
 * the stream carries a comment, the meter sends an empty message, each after the agreed silence.
 */
export class Session implements LinkSession {
    readonly id: string;
    readonly #options: SessionOptions;
    readonly #response: ServerResponse;
    readonly #turns = new Map<number, Turn>();
    /** Numbers under way that had their turn, from {@link #next} on. */
    readonly #passed = new Set<number>();
    /** Numbers under way. */
    readonly #known = new Set<number>();
    readonly #probe: NodeJS.Timeout;
    readonly #silence: NodeJS.Timeout;
    #drain: NodeJS.Timeout | null = null;
    #next = 0;
    #ended = false;

    constructor(options: SessionOptions, response: ServerResponse) {
        this.id = options.id;
        this.#options = options;
        this.#response = response;
        this.#probe = setInterval(() => this.#write(":\n\n"), options.keepaliveMs / 2);
        this.#silence = setTimeout(() => this.end(), options.keepaliveMs * MISSED_PROBES);
        response.once("close", () => this.end());
        response.on("drain", () => this.#drained());
        response.writeHead(200, { ...ANSWER_HEADERS, "content-type": STREAM_TYPE });
        this.#write(`event: ${SESSION_EVENT}\ndata: ${options.id}\n\n`);
    }

    /** True until the stream has ended. */
    get isAlive(): boolean {
        return !this.#ended;
    }

    /** Notes a sign of life of the meter. */
    touch(): void {
        this.#silence.refresh();
    }

    /** Writes a message to the stream; false where it is gone, or the meter does not read. */
    deliver(message: Uint8Array): boolean {
        if (this.#ended || this.#response.writableLength > this.#options.maxStreamBytes)
            return false;
        return this.#write(`data: ${Buffer.from(message).toString("base64")}\n\n`);
    }

    /**
     * Takes a place among the messages under way.
     * @throws MetersealError MS_REPLAYED for a number that is taken, or too far ahead; MS_BUSY where
     * too many are under way: its turn has passed then.
     */
    enter(sequence: number): void {
        const { maxRequests } = this.#options;
        const isKnown = this.#known.has(sequence);
        if (sequence < this.#next || sequence >= this.#next + maxRequests || isKnown) {
            const expected = `a new message number from ${this.#next} on`;
            throw error("MS_REPLAYED", { expected, got: `${sequence}` });
        }
        if (this.#known.size >= maxRequests) {
            this.pass(sequence);
            throw error("MS_BUSY", { expected: `at most ${maxRequests} messages under way` });
        }
        this.#known.add(sequence);
    }

    /**
     * Resolves when every message with a smaller number had its turn.
     * @throws MetersealError MS_LINK where the session ends first.
     */
    turn(sequence: number): Promise<void> {
        if (this.#ended) return Promise.reject(error("MS_LINK", { got: "a session that ended" }));
        if (sequence === this.#next) return Promise.resolve();
        return new Promise((go, fail) => this.#turns.set(sequence, { go, fail }));
    }

    /** Ends the turn of a number: whoever waits for it goes on. Does nothing the second time. */
    pass(sequence: number): void {
        if (sequence < this.#next || this.#ended) return;
        this.#passed.add(sequence);
        while (this.#passed.delete(this.#next)) this.#next++;
        const turn = this.#turns.get(this.#next);
        this.#turns.delete(this.#next);
        turn?.go();
    }

    /** Gives the place back. */
    leave(sequence: number): void {
        this.pass(sequence);
        this.#known.delete(sequence);
    }

    /** Ends the stream without a goodbye. */
    end(): void {
        if (this.#ended) return;
        this.#ended = true;
        clearInterval(this.#probe);
        clearTimeout(this.#silence);
        this.#drained();
        const failure = error("MS_LINK", { got: "a session that ended" });
        for (const { fail } of this.#turns.values()) fail(failure);
        this.#turns.clear();
        this.#response.destroy();
        this.#options.onEnd();
    }

    #write(text: string): boolean {
        if (this.#ended) return false;
        if (!this.#response.write(text)) {
            this.#drain ??= setTimeout(() => this.end(), this.#options.drainTimeoutMs);
        }
        return true;
    }

    #drained(): void {
        if (this.#drain !== null) clearTimeout(this.#drain);
        this.#drain = null;
    }
}
