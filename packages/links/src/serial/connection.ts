import { Duplex } from "node:stream";
import { concatBytes, LIMITS } from "@meterseal/core";
import { Incoming } from "./incoming.ts";
import { bodyBytesOf } from "./line-frames.ts";
import { Outgoing } from "./outgoing.ts";
import { Patience } from "./patience.ts";
import { NUMBERED_HEAD_BYTES, type Segment, type SegmentContent, type Side } from "./segments.ts";

/** What a {@link LineConnection} is made with. */
export type ConnectionOptions = {
    readonly side: Side;
    /** Name of the connection, drawn by the meter. */
    readonly connection: number;
    /** Bytes of a whole frame on the line. */
    readonly frameBytes: number;
    /** Time of a full frame on the line, in milliseconds. */
    readonly frameMs: number;
    /** Sends a segment, which may be lost. */
    readonly send: (segment: Segment) => void;
    readonly nowMs: () => number;
};

/** Time in which further segments may come before an acknowledgement tells of all: in milliseconds … */
const ACK_DELAY_MS = 10;
/** … and as many frames besides. */
const ACK_DELAY_FRAMES = 3;
/** Segments that an acknowledgement waits for, at most. */
const ACK_SEGMENTS = 8;
/** Bytes that wait to be sent before whoever writes is told to wait. */
const QUEUE_BYTES = 8_192;
/** Bytes that nobody has read, beyond which segments are left to be sent again. */
const UNREAD_BYTES = 65_536;

/**
 * A stream of bytes, whole and in order, over a line that loses, garbles and doubles frames: numbered
 * segments in a window, acknowledged together, sent again when they are lost. It ends with an error
 * where nothing arrives any more.
 */
export class LineConnection extends Duplex {
    readonly #options: ConnectionOptions;
    readonly #segmentBytes: number;
    readonly #incoming = new Incoming();
    readonly #outgoing: Outgoing;
    readonly #patience: Patience;
    readonly #ackDelayMs: number;
    #queue: Uint8Array = new Uint8Array();
    #written: (() => void) | null = null;
    #finished: (() => void) | null = null;
    #isEndSent = false;
    #isFirst = true;
    /** Whether the other side knows the connection; before it, nothing but the first segment is sent. */
    #isKnown: boolean;
    #repeat: NodeJS.Timeout | null = null;
    #ack: NodeJS.Timeout | null = null;
    #unacknowledged = 0;
    /** Whether the other side still has the connection, so that it is to be told of its end. */
    #isShared = true;

    constructor(options: ConnectionOptions) {
        super({ allowHalfOpen: false, highWaterMark: QUEUE_BYTES });
        this.#options = options;
        this.#isKnown = options.side === "collector";
        this.#segmentBytes = bodyBytesOf(options.frameBytes) - NUMBERED_HEAD_BYTES;
        this.#patience = new Patience(options.frameMs);
        this.#ackDelayMs = ACK_DELAY_MS + ACK_DELAY_FRAMES * options.frameMs;
        this.#outgoing = new Outgoing(({ bytes, kind, number }) =>
            this.#say({ kind, number, bytes }),
        );
    }

    /** Its name, drawn by the meter. */
    get name(): number {
        return this.#options.connection;
    }

    /** Takes a segment of this connection from the other side. */
    hear(segment: Segment): void {
        if (this.destroyed) return;
        if (segment.kind === "reset") {
            this.#isShared = false;
            this.destroy(new Error("the other side ended the connection"));
        } else if (segment.kind === "ack") this.#acknowledged(segment);
        else this.#arrived(segment);
    }

    override _read(): void {
        // what comes is pushed when it comes
    }

    override _write(chunk: Uint8Array, _encoding: string, written: () => void): void {
        this.#queue = concatBytes(this.#queue, chunk);
        this.#written = written;
        this.#pump();
    }

    override _final(finished: () => void): void {
        this.#finished = finished;
        this.#pump();
    }

    override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
        for (const timer of [this.#repeat, this.#ack]) if (timer !== null) clearTimeout(timer);
        if (this.#isShared) this.#say({ kind: "reset" });
        done(cause);
    }

    #arrived({ bytes, kind, number }: Extract<Segment, { number: number }>): void {
        this.#isKnown = true;
        if (this.readableLength > UNREAD_BYTES) return;
        const due = this.#incoming.take(number, { bytes, isEnd: kind === "end" });
        const isPlain = due.length === 1 && !this.#incoming.hasGap;
        const isEnd = due.some((each) => each.isEnd);
        if (!isPlain || isEnd || ++this.#unacknowledged >= ACK_SEGMENTS) this.#acknowledge();
        else this.#ack ??= setTimeout(() => this.#acknowledge(), this.#ackDelayMs);
        for (const each of due) {
            if (this.destroyed) return;
            if (each.bytes.length > 0) this.push(each.bytes);
            if (each.isEnd) this.push(null);
        }
    }

    #acknowledge(): void {
        if (this.#ack !== null) clearTimeout(this.#ack);
        this.#ack = null;
        this.#unacknowledged = 0;
        this.#say({ kind: "ack", ...this.#incoming.state });
    }

    #acknowledged(ack: Extract<Segment, { kind: "ack" }>): void {
        const { isNew, roundTripMs } = this.#outgoing.acknowledge(ack, this.#options.nowMs());
        if (roundTripMs !== null) this.#patience.measured(roundTripMs);
        if (isNew) {
            this.#isKnown = true;
            this.#patience.answered();
            this.#wait();
        }
        this.#pump();
    }

    /** Sends what there is room for. */
    #pump(): void {
        const { nowMs, side } = this.#options;
        while (
            this.#queue.length > 0 &&
            this.#outgoing.hasRoom &&
            (this.#isFirst || this.#isKnown)
        ) {
            const bytes = this.#queue.slice(0, this.#segmentBytes);
            this.#queue = this.#queue.subarray(bytes.length);
            const kind = this.#isFirst && side === "meter" ? "open" : "data";
            this.#isFirst = false;
            this.#outgoing.add(kind, bytes, nowMs());
        }
        if (this.#queue.length < QUEUE_BYTES) {
            const written = this.#written;
            this.#written = null;
            written?.();
        }
        this.#pumpEnd();
        if (this.#repeat === null) this.#wait();
    }

    #pumpEnd(): void {
        if (this.#finished === null || this.#queue.length > 0) return;
        if (!this.#isEndSent && this.#outgoing.hasRoom) {
            this.#isEndSent = true;
            this.#outgoing.add("end", new Uint8Array(), this.#options.nowMs());
        } else if (this.#isEndSent && this.#outgoing.isEmpty) {
            this.#isShared = false;
            const finished = this.#finished;
            this.#finished = null;
            finished();
        }
    }

    /** Waits anew for an acknowledgement, where one is due. */
    #wait(): void {
        if (this.#repeat !== null) clearTimeout(this.#repeat);
        this.#repeat = null;
        if (this.#outgoing.isEmpty || this.destroyed) return;
        this.#repeat = setTimeout(() => {
            this.#patience.inVain();
            if (this.#outgoing.repeat(this.#options.nowMs())) this.#wait();
            else this.destroy(new Error(`no answer to ${LIMITS.serialAttempts} attempts`));
        }, this.#patience.waitMs);
    }

    #say(content: SegmentContent): void {
        const { connection, send, side } = this.#options;
        send({ ...content, side, connection });
    }
}
