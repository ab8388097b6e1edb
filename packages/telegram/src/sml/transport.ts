import { crc16X25 } from "../crc16.ts";
import { refuse, requireSize } from "../result.ts";
import { SML_FILE_BYTES } from "./tables.ts";

/** Escape sequence; four more bytes say what it stands for (SML transport protocol version 1). */
const ESCAPE = 0x1b;
const WORD = 4;
const BEGIN = 0x01;
const END = 0x1a;

/** What the transport frame of an SML file holds. */
export type SmlFrame = {
    /** The SML messages, without fill bytes. */
    readonly messages: Uint8Array;
    /** Whether the CRC-16/X-25 of the frame fits. */
    readonly isIntact: boolean;
};

/** Takes an SML file out of its transport frame. For use inside `attempt`. */
export function openFrame(frame: Uint8Array): SmlFrame {
    requireSize(frame, SML_FILE_BYTES);
    if (!isWord(frame, 0, ESCAPE) || !isWord(frame, WORD, BEGIN))
        refuse("malformed", "byte 0", "1b1b1b1b 01010101");
    const messages = new Uint8Array(frame.length);
    let length = 0;
    for (let at = 2 * WORD; at < frame.length; ) {
        if (!isWord(frame, at, ESCAPE)) {
            messages[length++] = frame[at++] as number;
            continue;
        }
        const what = at + WORD;
        if (isWord(frame, what, ESCAPE)) {
            messages.fill(ESCAPE, length, length + WORD);
            length += WORD;
            at += 2 * WORD;
        } else if (frame[what] === END && what + WORD <= frame.length) {
            return closeFrame(frame, what, messages.subarray(0, length));
        } else {
            refuse("malformed", `byte ${what}`, "1a, fill and CRC, or an escaped escape");
        }
    }
    return refuse("truncated", `byte ${frame.length}`, "1b1b1b1b 1a at the end");
}

function closeFrame(frame: Uint8Array, what: number, messages: Uint8Array): SmlFrame {
    const fill = frame[what + 1] as number;
    const sent = (frame[what + 2] as number) | ((frame[what + 3] as number) << 8);
    if (fill >= WORD || fill > messages.length)
        refuse("malformed", `byte ${what + 1}`, "0 … 3 fill bytes");
    return {
        messages: messages.subarray(0, messages.length - fill),
        isIntact: crc16X25(frame.subarray(0, what + 2)) === sent,
    };
}

function isWord(bytes: Uint8Array, at: number, byte: number): boolean {
    if (at + WORD > bytes.length) return false;
    for (let i = at; i < at + WORD; i++) if (bytes[i] !== byte) return false;
    return true;
}

/**
 * Cuts a stream of bytes into SML files with their frames. It may start anywhere; what comes before
 * a beginning is dropped, and so is a file that a new beginning interrupts. Keeps at most
 * {@link SML_FILE_BYTES} bytes.
 */
export class SmlSplitter {
    readonly #kept = new Uint8Array(SML_FILE_BYTES);
    #length = 0;
    /** Escape sequence that the last bytes make up, and where it ended; the next word tells its sense. */
    #escapes = 0;
    #wordFrom = -1;
    /** Bytes that belonged to no file so far. */
    dropped = 0;

    /** Takes the next bytes; returns the files that they complete, each a copy. */
    push(chunk: Uint8Array): Uint8Array[] {
        const files: Uint8Array[] = [];
        for (const byte of chunk) {
            if (this.#length === SML_FILE_BYTES) this.#drop(0);
            this.#kept[this.#length++] = byte;
            if (this.#wordFrom >= 0) this.#readWord(files);
            else this.#readByte(byte);
        }
        return files;
    }

    #readByte(byte: number): void {
        this.#escapes = byte === ESCAPE ? this.#escapes + 1 : 0;
        if (this.#escapes === WORD) this.#wordFrom = this.#length;
        // Nothing has begun: only what may be an escape sequence is worth keeping.
        else if (!this.#hasBegun()) this.#drop(this.#escapes);
    }

    #readWord(files: Uint8Array[]): void {
        if (this.#length < this.#wordFrom + WORD) return;
        const isBegin = isWord(this.#kept, this.#wordFrom, BEGIN);
        const isEnd = this.#kept[this.#wordFrom] === END && this.#hasBegun();
        this.#wordFrom = -1;
        this.#escapes = 0;
        if (isBegin) this.#drop(2 * WORD);
        else if (isEnd) {
            files.push(this.#kept.slice(0, this.#length));
            this.#length = 0;
        } else if (!this.#hasBegun()) this.#drop(0);
    }

    #hasBegun(): boolean {
        return this.#length >= 2 * WORD && isWord(this.#kept, WORD, BEGIN);
    }

    /** Drops all but the last bytes. */
    #drop(keep: number): void {
        this.dropped += this.#length - keep;
        this.#kept.copyWithin(0, this.#length - keep, this.#length);
        this.#length = keep;
    }
}
