import type { RawData, WebSocket } from "ws";
import type { Intake } from "../intake.ts";
import type { LinkSession } from "../session-table.ts";
import { bytesOf } from "./bytes.ts";
import { CLOSE, CREDIT, closeOf, formatProgress } from "./frames.ts";

/** What a session is made with. */
export type SocketSessionOptions = {
    readonly subjectHex: string;
    readonly keepaliveMs: number;
    /** Bytes that may wait for the meter; beyond it it counts as not connected. */
    readonly maxStreamBytes: number;
    readonly drainTimeoutMs: number;
    /** Called once, when the session has ended for whatever reason. */
    readonly onEnd: () => void;
};

/** Silence of a meter, in probes, after which it counts as gone. */
const MISSED_PROBES = 1.5;
/** Time for the other side's goodbye, in milliseconds. */
const GOODBYE_MS = 200;

/**
 * A meter that is connected by a WebSocket: binary frames are messages, in both directions; text
 * frames say how many the collector took, and how many may have been sent.
 */
export class SocketSession implements LinkSession {
    readonly #socket: WebSocket;
    readonly #options: SocketSessionOptions;
    readonly #intake: Intake;
    readonly #probe: NodeJS.Timeout;
    readonly #silence: NodeJS.Timeout;
    #drain: NodeJS.Timeout | null = null;
    /** Settles when all messages so far are taken; false after one that was not. */
    #tail: Promise<boolean> = Promise.resolve(true);
    #received = 0;
    #taken = 0;
    #ended = false;

    constructor(options: SocketSessionOptions, socket: WebSocket, intake: Intake) {
        this.#options = options;
        this.#socket = socket;
        this.#intake = intake;
        this.#probe = setInterval(() => socket.ping(), options.keepaliveMs / 2);
        const patienceMs = options.keepaliveMs * MISSED_PROBES;
        this.#silence = setTimeout(() => this.#drop(), patienceMs);
        socket.on("pong", () => this.#silence.refresh());
        socket.on("message", (data, isBinary) => this.#take(data, isBinary));
        socket.on("error", () => this.#drop()); // a frame that is none, or too large
        socket.on("close", () => this.#drop());
        this.#sayProgress();
    }

    deliver(message: Uint8Array): boolean {
        const { drainTimeoutMs, maxStreamBytes } = this.#options;
        if (this.#ended || this.#socket.bufferedAmount > maxStreamBytes) return false;
        this.#drain ??= setTimeout(() => this.#drop(), drainTimeoutMs);
        this.#socket.send(Buffer.from(message), { binary: true }, () => {
            if (this.#socket.bufferedAmount === 0) this.#drained();
            else this.#drain?.refresh();
        });
        return true;
    }

    /** Ends the connection, which another one of the meter or the end of the collector replaces. */
    end(): void {
        this.#close(CLOSE.goingAway, "");
    }

    #take(data: RawData, isBinary: boolean): void {
        if (this.#ended) return;
        this.#silence.refresh();
        const message = bytesOf(data);
        if (!isBinary) this.#close(CLOSE.unsupported, "text");
        else if (++this.#received > this.#taken + CREDIT) this.#close(CLOSE.policy, "credit");
        else if (message.length === 0) this.#close(CLOSE.policy, "empty");
        else this.#receive(message);
    }

    /** Hands a message on; it counts as taken when those before it do. */
    #receive(message: Uint8Array): void {
        const own = this.#intake.receive(this.#options.subjectHex, message).then(
            () => null,
            (cause: unknown) => closeOf(cause),
        );
        this.#tail = Promise.all([this.#tail, own]).then(([before, failure]) => {
            if (!before) return false;
            if (failure === null) {
                this.#taken++;
                this.#sayProgress();
            } else this.#close(failure.code, failure.reason);
            return failure === null;
        });
    }

    #sayProgress(): void {
        if (this.#ended) return;
        const progress = { taken: this.#taken, credit: this.#taken + CREDIT };
        this.#socket.send(formatProgress(progress));
    }

    #close(code: number, reason: string): void {
        if (this.#ended) return;
        this.#finish();
        this.#socket.close(code, reason);
        const late = setTimeout(() => this.#socket.terminate(), GOODBYE_MS);
        this.#socket.once("close", () => clearTimeout(late));
    }

    #drop(): void {
        if (this.#ended) return;
        this.#finish();
        this.#socket.terminate();
    }

    #finish(): void {
        this.#ended = true;
        clearInterval(this.#probe);
        clearTimeout(this.#silence);
        this.#drained();
        this.#options.onEnd();
    }

    #drained(): void {
        if (this.#drain !== null) clearTimeout(this.#drain);
        this.#drain = null;
    }
}
