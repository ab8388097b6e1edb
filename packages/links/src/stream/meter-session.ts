import type { Duplex } from "node:stream";
import { error, type MetersealError } from "@meterseal/core";
import { Initiator, type InitiatorOptions, SecureChannel } from "../edhoc/index.ts";
import type { MeterSession, MeterSessionEvents } from "../meter-session.ts";
import { type Content, decodeContent, encodeContent, PartJoiner, partsOf } from "./contents.ts";
import { FramePipe } from "./pipe.ts";

/** What a meter's session is made with. */
export type StreamMeterOptions = {
    readonly handshake: InitiatorOptions;
    readonly token: Uint8Array;
    /** Silence in seconds that the other side may be given up after, half as long again. */
    readonly keepaliveSeconds: number;
    /** Time for the connection, the handshake and the first progress. */
    readonly connectTimeoutMs: number;
    /** Time without any message taken, while some are due, after which the session is dropped. */
    readonly ackTimeoutMs: number;
    /** Time that `close` leaves to what was sent last. */
    readonly closeTimeoutMs: number;
    /** Bytes of a message in one frame; as many as fit where none are given. */
    readonly partBytes?: number;
    /** Own key of handshakes to come, which the collector is to know; null where it knows it. */
    readonly exchangeKey: Uint8Array | null;
    /** The collector shows this key in handshakes to come. */
    readonly onIntroduction: (exchangeKey: Uint8Array) => void;
};

const MISSED_PROBES = 1.5;
/** Wait before the next attempt after a collector that is busy, or whose clock is another. */
const TRY_AGAIN_MS = 1_000;
/** Receipt codes of a refusal that may pass (formats 5). */
const PASSING = [12, 14];

type Pending = {
    readonly resolve: () => void;
    readonly reject: (failure: MetersealError) => void;
    /** Bytes that wait for credit; null once they are sent. */
    message: Uint8Array | null;
};

/** A meter's session over a stream: an EDHOC handshake, a hello, then messages under its keys. */
export class StreamMeterSession implements MeterSession {
    readonly #options: StreamMeterOptions;
    readonly #events: MeterSessionEvents;
    readonly #pipe: FramePipe;
    readonly #initiator: Initiator;
    readonly #joiner = new PartJoiner();
    /** Messages in the order in which they were given, the oldest first. */
    readonly #pending: Pending[] = [];
    #channel: SecureChannel | null = null;
    #silence: NodeJS.Timeout;
    #probe: NodeJS.Timeout | null = null;
    #answers: NodeJS.Timeout | null = null;
    #step: "message 2" | "message 4" | "open" = "message 2";
    #sent = 0;
    #taken = 0;
    #credit = 0;
    #isUp = false;
    #ended = false;

    constructor(stream: Duplex, options: StreamMeterOptions, events: MeterSessionEvents) {
        this.#options = options;
        this.#events = events;
        this.#initiator = new Initiator(options.handshake);
        this.#silence = setTimeout(() => this.#fail("no session"), options.connectTimeoutMs);
        this.#pipe = new FramePipe(stream, {
            frame: (frame) => this.#takeFrame(frame),
            ended: (reason) => this.#finish(reason, 0),
        });
        this.#pipe.send(this.#initiator.message1);
    }

    get underWay(): number {
        return this.#pending.length;
    }

    post(message: Uint8Array): Promise<void> {
        return new Promise((resolve, reject) => {
            this.#pending.push({ resolve, reject, message });
            this.#sendWaiting();
            this.#answers ??= this.#patience();
        });
    }

    end(reason: string): void {
        if (this.#ended) return;
        if (this.#isUp) this.#pipe.end(this.#options.closeTimeoutMs);
        else this.#pipe.destroy();
        this.#finish(reason, 0);
    }

    async #takeFrame(frame: Uint8Array): Promise<void> {
        if (this.#ended) return;
        if (this.#step === "message 2") {
            this.#step = "message 4";
            const message3 = await this.#initiator.takeMessage2(frame);
            if (!message3.ok) this.#fail(message3.error.message);
            else this.#pipe.send(message3.value);
        } else if (this.#step === "message 4") {
            this.#step = "open";
            const confirmed = this.#initiator.takeMessage4(frame);
            const { session } = this.#initiator;
            if (!confirmed.ok || session === null) {
                this.#fail("the collector does not confirm");
                return;
            }
            this.#channel = new SecureChannel(session, "initiator");
            const { keepaliveSeconds, token } = this.#options;
            this.#send({ kind: "hello", token, keepaliveSeconds });
        } else this.#takeContent(frame);
    }

    #takeContent(frame: Uint8Array): void {
        const opened = this.#channel?.open(frame);
        const content = opened?.ok === true ? decodeContent(opened.value) : opened;
        if (content?.ok !== true) {
            this.#fail(content?.error.message ?? "no session");
            return;
        }
        if (this.#isUp) this.#silence.refresh();
        const { value } = content;
        if (value.kind === "progress") this.#progress(value.taken, value.credit);
        else if (value.kind === "part") this.#takePart(value);
        else if (value.kind === "refusal")
            this.#fail(
                `receipt ${value.receipt}`,
                PASSING.includes(value.receipt) ? TRY_AGAIN_MS : 0,
            );
        else if (value.kind === "introduction") this.#options.onIntroduction(value.exchangeKey);
        else if (value.kind === "hello") this.#fail("a hello from a collector");
    }

    #takePart(part: Extract<Content, { kind: "part" }>): void {
        const message = this.#joiner.take(part);
        if (message === "too-large") this.#fail("a message that is too large");
        else if (message !== null) this.#events.message(message);
    }

    #progress(taken: number, credit: number): void {
        if (taken < this.#taken || taken > this.#sent || credit < this.#credit) {
            this.#fail("a progress that is none");
            return;
        }
        this.#credit = credit;
        if (!this.#isUp) this.#begin();
        for (; this.#taken < taken; this.#taken++) this.#pending.shift()?.resolve();
        if (this.#answers !== null) clearTimeout(this.#answers);
        this.#answers = this.#pending.length > 0 ? this.#patience() : null;
        this.#sendWaiting();
    }

    #patience(): NodeJS.Timeout {
        return setTimeout(() => this.#fail("no acknowledgement"), this.#options.ackTimeoutMs);
    }

    #begin(): void {
        this.#isUp = true;
        clearTimeout(this.#silence);
        const keepaliveMs = this.#options.keepaliveSeconds * 1_000;
        this.#silence = setTimeout(() => this.#fail("silence"), keepaliveMs * MISSED_PROBES);
        this.#probe = setInterval(() => this.#send({ kind: "probe" }), keepaliveMs / 2);
        const { exchangeKey } = this.#options;
        if (exchangeKey !== null) this.#send({ kind: "introduction", exchangeKey });
        this.#events.up();
    }

    /** Sends what has credit, in order. */
    #sendWaiting(): void {
        for (const pending of this.#pending) {
            if (this.#sent >= this.#credit || this.#ended) return;
            if (pending.message === null) continue;
            this.#sent++;
            for (const part of partsOf(pending.message, this.#options.partBytes)) this.#send(part);
            pending.message = null;
        }
    }

    #send(content: Content): void {
        if (this.#ended || this.#channel === null) return;
        if (this.#channel.isSpent) this.#fail("all frames of the session are used");
        else this.#pipe.send(this.#channel.seal(encodeContent(content)));
    }

    #fail(reason: string, waitMs = 0): void {
        if (this.#ended) return;
        this.#pipe.destroy();
        this.#finish(reason, waitMs);
    }

    #finish(reason: string, waitMs: number): void {
        if (this.#ended) return;
        this.#ended = true;
        clearTimeout(this.#silence);
        if (this.#probe !== null) clearInterval(this.#probe);
        if (this.#answers !== null) clearTimeout(this.#answers);
        for (const { reject } of this.#pending.splice(0)) reject(error("MS_LINK", { got: reason }));
        this.#events.ended(reason, waitMs);
    }
}
