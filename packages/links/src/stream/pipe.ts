import type { Duplex } from "node:stream";
import { MetersealError } from "@meterseal/core";
import { encodeFrame, FrameSplitter } from "./framing.ts";

/** What a {@link FramePipe} tells who holds it. */
export type PipeEvents = {
    /** The next frame; those behind it wait until this resolves. */
    readonly frame: (frame: Uint8Array) => Promise<void> | void;
    /** Called once, when the stream has ended for whatever reason. */
    readonly ended: (reason: string) => void;
};

/** Frames over a stream of bytes: one after the other, the stream paused while one is looked at. */
export class FramePipe {
    readonly #stream: Duplex;
    readonly #events: PipeEvents;
    readonly #splitter = new FrameSplitter();
    #turn: Promise<void> = Promise.resolve();
    #isEnded = false;

    constructor(stream: Duplex, events: PipeEvents) {
        this.#stream = stream;
        this.#events = events;
        stream.on("data", (chunk: Uint8Array) => this.#take(chunk));
        stream.on("error", (cause) => this.#finish(cause.message));
        stream.on("end", () => this.#finishInTurn("the other side ended it"));
        stream.on("close", () => {
            if (!stream.readableEnded) this.#finish("connection lost");
        });
    }

    /** Bytes that wait to be sent. */
    get waitingBytes(): number {
        return this.#stream.writableLength;
    }

    /** Sends a frame; `written` when the system has it. */
    send(frame: Uint8Array, written: () => void = () => {}): void {
        if (!this.#isEnded) this.#stream.write(encodeFrame(frame), () => written());
    }

    /** Ends the stream when what was sent is out; nothing more is told. */
    end(graceMs: number): void {
        if (this.#isEnded) return;
        this.#isEnded = true;
        const late = setTimeout(() => this.#stream.destroy(), graceMs);
        this.#stream.once("close", () => clearTimeout(late));
        this.#stream.end();
        this.#stream.resume(); // or its end is never seen
    }

    /** Ends the stream at once; nothing more is told. */
    destroy(): void {
        this.#isEnded = true;
        this.#stream.destroy();
    }

    #take(chunk: Uint8Array): void {
        if (this.#isEnded) return;
        let frames: Uint8Array[];
        try {
            frames = this.#splitter.push(chunk);
        } catch (cause) {
            const reason = cause instanceof MetersealError ? cause.message : String(cause);
            this.#finish(reason);
            this.#stream.destroy();
            return;
        }
        if (frames.length === 0) return;
        this.#stream.pause();
        this.#turn = this.#turn.then(async () => {
            for (const frame of frames) if (!this.#isEnded) await this.#events.frame(frame);
            if (!this.#isEnded) this.#stream.resume();
        });
    }

    /** Ends when the frames that came before were looked at: the last may say why. */
    #finishInTurn(reason: string): void {
        this.#turn = this.#turn.then(() => this.#finish(reason));
    }

    #finish(reason: string): void {
        if (this.#isEnded) return;
        this.#isEnded = true;
        this.#events.ended(reason);
    }
}
