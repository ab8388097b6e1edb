import { LIMITS, MetersealError } from "@meterseal/core";
import type { Intake } from "../intake.ts";
import type { LinkSession } from "../session-table.ts";
import { encodeFrame, FRAME, type Frame } from "./frames.ts";

/** What a session is made with. */
export type BrokerSessionOptions = {
    readonly id: string;
    readonly subjectHex: string;
    readonly keepaliveMs: number;
    readonly maxRequests: number;
    readonly intake: Intake;
    readonly send: (bytes: Uint8Array) => boolean;
    /** Called once, when the session has ended for whatever reason. */
    readonly onEnd: () => void;
};

/** Silence of a meter, in probes, after which it counts as gone. */
const MISSED_PROBES = 1.5;
const NOTHING = new Uint8Array();
/** Receipt codes (formats 5). */
const BUSY = 12;
const TOO_LARGE = 11;

/** A meter that is connected through a broker, as the collector sees it. */
export class BrokerSession implements LinkSession {
    readonly id: string;
    readonly #options: BrokerSessionOptions;
    readonly #silence: NodeJS.Timeout;
    /** Settles when all messages so far are taken; false after one that was not. */
    #tail: Promise<boolean> = Promise.resolve(true);
    #next = 0;
    #taken = 0;
    #ended = false;

    constructor(options: BrokerSessionOptions) {
        this.id = options.id;
        this.#options = options;
        const patienceMs = options.keepaliveMs * MISSED_PROBES;
        this.#silence = setTimeout(() => this.#end(0), patienceMs);
    }

    /** Tells the meter that the session stands. */
    begin(): void {
        this.#send(FRAME.opened);
    }

    /** Takes a frame of the meter; what has no business here ends the session. */
    take({ body, kind, number }: Frame): void {
        if (this.#ended) return;
        this.#silence.refresh();
        if (kind === FRAME.probe) this.#send(FRAME.probe);
        else if (kind === FRAME.end) this.#finish();
        else if (kind !== FRAME.up || number > this.#next) this.#end(1);
        else if (number === this.#next) this.#receive(body); // a copy of a broker is no news
    }

    deliver(message: Uint8Array): boolean {
        return !this.#ended && this.#send(FRAME.down, 0, message);
    }

    end(): void {
        this.#end(0);
    }

    #receive(body: Uint8Array): void {
        const isFull = this.#next - this.#taken >= this.#options.maxRequests;
        if (isFull || body.length > LIMITS.messageBytes) {
            this.#end(isFull ? BUSY : TOO_LARGE);
            return;
        }
        this.#next++;
        const own = this.#options.intake.receive(this.#options.subjectHex, body).then(
            () => 0,
            (cause: unknown) => (cause instanceof MetersealError ? cause.receiptCode : BUSY),
        );
        this.#tail = Promise.all([this.#tail, own]).then(([before, code]) => {
            if (!before || this.#ended) return false;
            if (code === 0) this.#send(FRAME.taken, ++this.#taken);
            else this.#end(code);
            return code === 0;
        });
    }

    #send(kind: Frame["kind"], number = 0, body: Uint8Array = NOTHING): boolean {
        return this.#options.send(encodeFrame({ kind, session: this.id, number, body }));
    }

    #end(code: number): void {
        if (this.#ended) return;
        this.#send(FRAME.end, code);
        this.#finish();
    }

    #finish(): void {
        this.#ended = true;
        clearTimeout(this.#silence);
        this.#options.onEnd();
    }
}
