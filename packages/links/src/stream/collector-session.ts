import type { Duplex } from "node:stream";
import { error, type Log, MetersealError, type Result } from "@meterseal/core";
import {
    type Credential,
    errorMessageOf,
    Responder,
    type ResponderOptions,
    SecureChannel,
} from "../edhoc/index.ts";
import type { Intake } from "../intake.ts";
import type { LinkSession } from "../session-table.ts";
import {
    type Content,
    CREDIT,
    decodeContent,
    encodeContent,
    PartJoiner,
    partsOf,
} from "./contents.ts";
import { FramePipe } from "./pipe.ts";

/** What a session is made with. */
export type StreamSessionOptions = {
    readonly handshake: ResponderOptions;
    /** Subject of the meter that a credential is of. */
    readonly subjectOf: (credential: Credential) => string;
    /** The meter shows this key in handshakes to come; returns the collector's own. */
    readonly onIntroduction: (credential: Credential, exchangeKey: Uint8Array) => Uint8Array;
    readonly intake: Intake;
    readonly log: Log;
    /** Time for the handshake and the hello behind it. */
    readonly connectTimeoutMs: number;
    /** Longest silence granted to a meter, in seconds. */
    readonly maxKeepaliveSeconds: number;
    /** Bytes that may wait for the meter; beyond it it counts as not connected. */
    readonly maxStreamBytes: number;
    /** Time for a meter to read what was written to it. */
    readonly drainTimeoutMs: number;
    /** Time for what was sent last. */
    readonly goodbyeMs: number;
    /** Bytes of a message in one frame; as many as fit where none are given. */
    readonly partBytes?: number;
    /** The session stands, under this subject; false where it may not. */
    readonly onOpen: (subjectHex: string, session: LinkSession) => boolean;
    /** Called once, when the session has ended; with its subject where it stood. */
    readonly onEnd: (subjectHex: string | null) => void;
};

/** Silence of a meter, in probes, after which it counts as gone. */
const MISSED_PROBES = 1.5;

/**
 * A meter at the other end of a stream: an EDHOC handshake before anything else, then frames under its
 * keys. Whatever does not belong there ends the session, with a reason in the log.
 */
export class StreamCollectorSession implements LinkSession {
    readonly #options: StreamSessionOptions;
    readonly #pipe: FramePipe;
    readonly #responder: Responder;
    readonly #joiner = new PartJoiner();
    #channel: SecureChannel | null = null;
    #subjectHex: string | null = null;
    #silence: NodeJS.Timeout;
    #probe: NodeJS.Timeout | null = null;
    #drain: NodeJS.Timeout | null = null;
    /** Settles when all messages so far are taken; false after one that was not. */
    #tail: Promise<boolean> = Promise.resolve(true);
    #step: "message 1" | "message 3" | "hello" | "open" = "message 1";
    #received = 0;
    #taken = 0;
    #ended = false;

    constructor(stream: Duplex, options: StreamSessionOptions) {
        this.#options = options;
        this.#responder = new Responder(options.handshake);
        this.#silence = setTimeout(
            () => this.#fail("no session in time"),
            options.connectTimeoutMs,
        );
        this.#pipe = new FramePipe(stream, {
            frame: (frame) => this.#takeFrame(frame),
            ended: (reason) => this.#finish(reason),
        });
    }

    deliver(message: Uint8Array): boolean {
        const { drainTimeoutMs, maxStreamBytes, partBytes } = this.#options;
        if (this.#ended || this.#pipe.waitingBytes > maxStreamBytes) return false;
        this.#drain ??= setTimeout(() => this.#fail("it does not read"), drainTimeoutMs);
        for (const part of partsOf(message, partBytes)) this.#send(part);
        return true;
    }

    end(): void {
        this.#close("replaced, or the collector stops");
    }

    async #takeFrame(frame: Uint8Array): Promise<void> {
        if (this.#ended) return;
        const step = this.#step;
        if (step === "message 1") {
            this.#step = "message 3";
            this.#answer(await this.#responder.takeMessage1(frame));
        } else if (step === "message 3") {
            this.#step = "hello";
            const message4 = this.#responder.takeMessage3(frame);
            const { session } = this.#responder;
            if (session !== null) this.#channel = new SecureChannel(session, "responder");
            this.#answer(message4);
        } else await this.#takeContent(frame);
    }

    /** Sends the handshake's next message, or the error and the reason why there is none. */
    #answer(message: Result<Uint8Array>): void {
        if (this.#ended) return;
        if (message.ok) {
            this.#pipe.send(message.value);
            return;
        }
        this.#pipe.send(errorMessageOf(message.error));
        this.#close(message.error.message);
    }

    async #takeContent(frame: Uint8Array): Promise<void> {
        const opened = this.#channel?.open(frame);
        const content = opened?.ok === true ? decodeContent(opened.value) : opened;
        if (content?.ok !== true) {
            this.#close(content?.error.message ?? "no session");
            return;
        }
        this.#silence.refresh();
        const { value } = content;
        if (this.#step === "hello" && value.kind === "hello") await this.#admit(value);
        else if (this.#step !== "open") this.#refuse(error("MS_NOT_ALLOWED", { got: value.kind }));
        else if (value.kind === "part") this.#takePart(value);
        else if (value.kind === "introduction") this.#introduce(value.exchangeKey);
        else if (value.kind !== "probe") this.#refuse(error("MS_NOT_ALLOWED", { got: value.kind }));
    }

    async #admit({ keepaliveSeconds, token }: Extract<Content, { kind: "hello" }>): Promise<void> {
        const { intake, maxKeepaliveSeconds, onOpen, subjectOf } = this.#options;
        const peer = this.#responder.session?.peer;
        const subjectHex = peer === undefined ? "" : subjectOf(peer);
        const isKnown = await intake.authenticate(subjectHex, token);
        if (this.#ended) return;
        if (!isKnown) {
            this.#refuse(error("MS_KEY_UNKNOWN", { expected: "a link token" }));
            return;
        }
        const keepaliveMs = Math.min(keepaliveSeconds, maxKeepaliveSeconds) * 1_000;
        clearTimeout(this.#silence);
        this.#silence = setTimeout(() => this.#fail("silence"), keepaliveMs * MISSED_PROBES);
        this.#probe = setInterval(() => this.#send({ kind: "probe" }), keepaliveMs / 2);
        this.#step = "open";
        this.#subjectHex = subjectHex;
        if (!onOpen(subjectHex, this)) {
            this.#refuse(error("MS_BUSY"));
            return;
        }
        this.#sayProgress();
        intake.connected(subjectHex);
    }

    #introduce(meterKey: Uint8Array): void {
        const peer = this.#responder.session?.peer;
        if (peer === undefined) return;
        const exchangeKey = this.#options.onIntroduction(peer, meterKey);
        this.#send({ kind: "introduction", exchangeKey });
    }

    #takePart(part: Extract<Content, { kind: "part" }>): void {
        const message = this.#joiner.take(part);
        if (message === null) return;
        if (message === "too-large") this.#refuse(error("MS_TOO_LARGE"));
        else if (++this.#received > this.#taken + CREDIT)
            this.#refuse(error("MS_BUSY", { got: "more messages than there is credit for" }));
        else this.#receive(message);
    }

    /** Hands a message on; it counts as taken when those before it do. */
    #receive(message: Uint8Array): void {
        const own = this.#options.intake.receive(this.#subjectHex ?? "", message).then(
            () => null,
            (cause: unknown) => cause,
        );
        this.#tail = Promise.all([this.#tail, own]).then(([before, failure]) => {
            if (!before) return false;
            if (failure === null) {
                this.#taken++;
                this.#sayProgress();
            } else this.#refuse(failure);
            return failure === null;
        });
    }

    #sayProgress(): void {
        this.#send({ kind: "progress", taken: this.#taken, credit: this.#taken + CREDIT });
    }

    #send(content: Content): void {
        if (this.#ended || this.#channel === null) return;
        if (this.#channel.isSpent) {
            this.#close("all frames of the session are used");
            return;
        }
        this.#pipe.send(this.#channel.seal(encodeContent(content)), () => {
            if (this.#pipe.waitingBytes === 0) this.#drained();
            else this.#drain?.refresh();
        });
    }

    /** Says why a message, or the meter, is not taken, and ends the session. */
    #refuse(cause: unknown): void {
        const receipt = (cause instanceof MetersealError ? cause.receiptCode : null) ?? 13;
        this.#send({ kind: "refusal", receipt });
        this.#close(cause instanceof MetersealError ? cause.message : String(cause));
    }

    #close(reason: string): void {
        if (this.#ended) return;
        this.#pipe.end(this.#options.goodbyeMs);
        this.#finish(reason);
    }

    #fail(reason: string): void {
        if (this.#ended) return;
        this.#pipe.destroy();
        this.#finish(reason);
    }

    #finish(reason: string): void {
        if (this.#ended) return;
        this.#ended = true;
        clearTimeout(this.#silence);
        if (this.#probe !== null) clearInterval(this.#probe);
        this.#drained();
        const { log, onEnd } = this.#options;
        log.info("a meter's session is over", { meter: this.#subjectHex ?? "not known", reason });
        onEnd(this.#subjectHex);
    }

    #drained(): void {
        if (this.#drain !== null) clearTimeout(this.#drain);
        this.#drain = null;
    }
}
