import type { Duplex } from "node:stream";
import { LIMITS } from "@meterseal/core";
import { encodeLineFrame, LineSplitter } from "./line-frames.ts";
import { decodeSegment, encodeSegment, type Segment, type Side } from "./segments.ts";

/** What a {@link LinePort} tells who holds it. */
type LinePortEvents = {
    /** A whole segment from the other side. */
    readonly segment: (segment: Segment) => void;
    /** Called once, when the device has gone by itself. */
    readonly closed: (reason: string) => void;
};

/** Bytes that wait for the device; what is sent beyond them is lost, as on a line that loses it. */
const WAITING_BYTES = 2 * LIMITS.serialWindow * LIMITS.serialFrameBytes;
/** Time for what was sent last, in milliseconds. */
const LAST_WORDS_MS = 200;

/** An open device: segments in frames, both ways. What is none, or comes from our own side, is dropped. */
export class LinePort {
    readonly #device: Duplex;
    readonly #closed = Promise.withResolvers<void>();
    #isClosing = false;

    constructor(device: Duplex, side: Side, events: LinePortEvents) {
        this.#device = device;
        const splitter = new LineSplitter(LIMITS.serialFrameBytes);
        let reason = "the device is gone";
        device.on("data", (chunk: Uint8Array) => {
            for (const body of splitter.push(chunk)) {
                const segment = decodeSegment(body);
                if (segment !== null && segment.side !== side && !this.#isClosing)
                    events.segment(segment);
            }
        });
        device.on("error", (cause) => {
            reason = cause.message;
        });
        device.on("end", () => device.destroy());
        device.once("close", () => {
            this.#closed.resolve();
            if (!this.#isClosing) events.closed(reason);
        });
        device.write(new Uint8Array(1)); // ends what the line has made up before
    }

    /** Sends a segment, which may be lost. */
    send(segment: Segment): void {
        const device = this.#device;
        if (!device.writable || device.writableLength > WAITING_BYTES) return;
        device.write(encodeLineFrame(encodeSegment(segment)));
    }

    /** Closes the device when what was sent is out, in bounded time. */
    async close(): Promise<void> {
        this.#isClosing = true;
        const late = setTimeout(() => this.#device.destroy(), LAST_WORDS_MS);
        this.#device.end(() => this.#device.destroy());
        await this.#closed.promise;
        clearTimeout(late);
    }
}
