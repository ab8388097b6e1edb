import { error, type MetersealError } from "@meterseal/core";
import { WebSocket } from "ws";
import { KEEPALIVE_HEADER, linkPath, TOKEN_SCHEME } from "../http/paths.ts";
import type { MeterSession, MeterSessionEvents } from "../meter-session.ts";
import { bytesOf } from "./bytes.ts";
import { CLOSE, parseProgress, SOCKET_OPTIONS, SUBPROTOCOL } from "./frames.ts";
import type { WsMeterSettings } from "./meter-options.ts";

/** Silence of the collector, in probes, after which it counts as gone. */
const MISSED_PROBES = 1.5;
/** Wait before the next attempt after a collector that said to try again, in milliseconds. */
const TRY_AGAIN_MS = 1_000;

type Pending = {
    readonly resolve: () => void;
    readonly reject: (failure: MetersealError) => void;
    /** Bytes that wait for credit; null once they are sent. */
    message: Buffer | null;
};

/** One connection of a meter. */
export class WsMeterSession implements MeterSession {
    readonly #settings: WsMeterSettings;
    readonly #events: MeterSessionEvents;
    readonly #socket: WebSocket;
    /** Messages in the order in which they were given, the oldest first. */
    readonly #pending: Pending[] = [];
    #silence: NodeJS.Timeout;
    #answers: NodeJS.Timeout | null = null;
    #sent = 0;
    #taken = 0;
    #credit = 0;
    #isUp = false;
    #ended = false;

    constructor(settings: WsMeterSettings, token: Uint8Array, events: MeterSessionEvents) {
        this.#settings = settings;
        this.#events = events;
        const { ca, connectTimeoutMs, keepaliveSeconds, subjectHex, url } = settings;
        this.#silence = setTimeout(() => this.#fail("no session"), connectTimeoutMs);
        const headers = {
            authorization: `${TOKEN_SCHEME} ${Buffer.from(token).toString("base64url")}`,
            [KEEPALIVE_HEADER]: `${keepaliveSeconds}`,
        };
        const trust = ca === undefined ? {} : { ca };
        const options = { ...SOCKET_OPTIONS, ...trust, followRedirects: false, headers };
        this.#socket = new WebSocket(
            new URL(linkPath(subjectHex, "socket"), url),
            SUBPROTOCOL,
            options,
        );
        this.#socket.on("ping", () => this.#hear());
        this.#socket.on("message", (data, isBinary) => {
            if (this.#ended) return;
            this.#hear();
            if (isBinary) this.#events.message(bytesOf(data));
            else this.#progress(Buffer.from(bytesOf(data)).toString("latin1"));
        });
        this.#socket.on("error", (cause) => this.#fail(cause.message));
        this.#socket.on("unexpected-response", (_request, { statusCode }) => {
            this.#fail(`status ${statusCode}`, statusCode === 503 ? TRY_AGAIN_MS : 0);
        });
        this.#socket.on("close", (code, reason) => {
            const waitMs = code === CLOSE.tryAgain ? TRY_AGAIN_MS : 0;
            this.#fail(`closed with ${code} ${reason.toString()}`.trimEnd(), waitMs);
        });
    }

    get underWay(): number {
        return this.#pending.length;
    }

    post(message: Uint8Array): Promise<void> {
        return new Promise((resolve, reject) => {
            this.#pending.push({ resolve, reject, message: Buffer.from(message) });
            this.#sendWaiting();
            this.#answers ??= setTimeout(
                () => this.#fail("no acknowledgement"),
                this.#settings.ackTimeoutMs,
            );
        });
    }

    async end(reason: string): Promise<void> {
        const isOpen = this.#isUp && !this.#ended;
        if (!isOpen) return this.#fail(reason);
        const gone = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
        this.#socket.close(CLOSE.goingAway);
        this.#finish(reason, 0);
        const late = setTimeout(() => this.#socket.terminate(), this.#settings.closeTimeoutMs);
        await gone;
        clearTimeout(late);
    }

    #progress(text: string): void {
        const progress = parseProgress(text);
        const isSound = progress !== null && progress.taken >= this.#taken;
        if (!isSound || progress.taken > this.#sent || progress.credit < this.#credit) {
            this.#fail("a frame that is none");
            return;
        }
        this.#credit = progress.credit;
        const isFirst = !this.#isUp;
        if (isFirst) this.#begin();
        for (; this.#taken < progress.taken; this.#taken++) this.#pending.shift()?.resolve();
        if (this.#answers !== null) clearTimeout(this.#answers);
        this.#answers = null;
        if (this.#pending.length > 0) {
            const { ackTimeoutMs } = this.#settings;
            this.#answers = setTimeout(() => this.#fail("no acknowledgement"), ackTimeoutMs);
        }
        this.#sendWaiting();
    }

    #begin(): void {
        this.#isUp = true;
        clearTimeout(this.#silence);
        const patienceMs = this.#settings.keepaliveSeconds * 1_000 * MISSED_PROBES;
        this.#silence = setTimeout(() => this.#fail("silence"), patienceMs);
        this.#events.up();
    }

    /** Sends what has credit, in order. */
    #sendWaiting(): void {
        for (const pending of this.#pending) {
            if (this.#sent >= this.#credit) return;
            if (pending.message === null) continue;
            this.#sent++;
            this.#socket.send(pending.message, { binary: true }, () => {});
            pending.message = null;
        }
    }

    #hear(): void {
        if (this.#isUp) this.#silence.refresh();
    }

    #fail(reason: string, waitMs = 0): void {
        if (this.#ended) return;
        this.#finish(reason, waitMs);
        this.#socket.terminate();
    }

    #finish(reason: string, waitMs: number): void {
        this.#ended = true;
        clearTimeout(this.#silence);
        if (this.#answers !== null) clearTimeout(this.#answers);
        for (const { reject } of this.#pending.splice(0)) reject(error("MS_LINK", { got: reason }));
        this.#events.ended(reason, waitMs);
    }
}
