import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { LIMITS } from "@meterseal/core";

/** Largest frame in bytes, which both sides agree on. */
export const AMQP_FRAME_BYTES = 16_384;
/** Bytes of a client from one whole message to the next. */
const BYTES_BETWEEN_MESSAGES = 4 * LIMITS.messageBytes;
/** First bytes of a protocol header, which stands where a frame would (AMQP 1.0 section 2.2). */
const PROTOCOL = 0x41_4d_51_50;
const HEADER_BYTES = 8;

/**
 * Socket of a client whose frames are measured before the library behind sees them, which would wait
 * for as many bytes as a frame announces.
 */
export class FrameGate extends Duplex {
    readonly #socket: Socket;
    #size = Buffer.alloc(4);
    #sizeBytes = 0;
    /** Bytes of the present frame that are to come. */
    #rest = 0;
    #sinceMessage = 0;

    constructor(socket: Socket) {
        super();
        this.#socket = socket;
        socket.setNoDelay(true);
        socket.on("data", (chunk: Buffer) => this.#take(chunk));
        socket.on("end", () => this.push(null));
        socket.on("error", () => this.destroy());
        socket.on("close", () => this.destroy());
    }

    /** A whole message came. */
    messageCame(): void {
        this.#sinceMessage = 0;
    }

    override _read(): void {
        this.#socket.resume();
    }

    override _write(chunk: Buffer, _encoding: string, done: () => void): void {
        if (this.#socket.write(chunk)) done();
        else this.#socket.once("drain", done);
    }

    override _final(done: () => void): void {
        this.#socket.end();
        done();
    }

    /** Ends with an error in any case: the library hears of nothing else, and keeps its timers. */
    override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
        this.#socket.destroy();
        done(cause ?? new Error("the connection has ended"));
    }

    #take(chunk: Buffer): void {
        this.#sinceMessage += chunk.length;
        if (this.#sinceMessage > BYTES_BETWEEN_MESSAGES || !this.#measure(chunk)) this.destroy();
        else if (!this.push(chunk)) this.#socket.pause();
    }

    /** Follows the frames of a chunk; false for one that is too large, or too small to be one. */
    #measure(chunk: Buffer): boolean {
        for (let at = 0; at < chunk.length; ) {
            if (this.#rest > 0) {
                const step = Math.min(this.#rest, chunk.length - at);
                this.#rest -= step;
                at += step;
                continue;
            }
            this.#size[this.#sizeBytes++] = chunk[at++] ?? 0;
            if (this.#sizeBytes < 4) continue;
            this.#sizeBytes = 0;
            const size = this.#size.readUInt32BE();
            if (size === PROTOCOL) this.#rest = HEADER_BYTES - 4;
            else if (size < HEADER_BYTES || size > AMQP_FRAME_BYTES) return false;
            else this.#rest = size - 4;
        }
        return true;
    }
}
