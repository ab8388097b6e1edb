import { latin1 } from "../text.ts";

/** Longest line of a receiver: a frame of 290 bytes with its check sums, in hexadecimal, and what stands before it. */
const LINE_BYTES = 1_024;
const LINE_FEED = 0x0a;
/** A frame at the end of a line: behind `0x` as rtl_wmbus writes it, or alone as receivers on a serial line do. */
const FRAME = /(?:^|;0x|\b)((?:[0-9a-f]{2}){12,290})\s*$/i;
/** Place of the meter's number in a frame: four bytes, the last one first (EN 13757-4, 11.4). */
const NUMBER_AT = 4;
const NUMBER_BYTES = 4;

/**
 * Cuts what a receiver of wireless M-Bus writes into frames, a line each: `MODE;…;0xHEX` of rtl_wmbus,
 * or hexadecimal digits. What is no frame is dropped; so are the frames of other meters, which any
 * receiver hears.
 */
export class WmbusLineSplitter {
    readonly #number: string;
    readonly #kept = new Uint8Array(LINE_BYTES);
    #length = 0;
    #isTooLong = false;

    /** @param number - the meter's own, 8 hexadecimal digits as on its face. */
    constructor(number: string) {
        this.#number = number.toLowerCase();
    }

    /** Takes the next bytes; returns the frames of the meter that they complete. */
    push(chunk: Uint8Array): Uint8Array[] {
        const frames: Uint8Array[] = [];
        for (const byte of chunk) {
            if (byte === LINE_FEED) {
                const frame = this.#isTooLong ? null : this.#frame();
                if (frame !== null) frames.push(frame);
                this.#length = 0;
                this.#isTooLong = false;
            } else if (this.#length < LINE_BYTES) this.#kept[this.#length++] = byte;
            else this.#isTooLong = true;
        }
        return frames;
    }

    #frame(): Uint8Array | null {
        const [, digits] = FRAME.exec(latin1(this.#kept.subarray(0, this.#length))) ?? [];
        if (digits === undefined) return null;
        const bytes = (digits.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
        const number = bytes
            .slice(NUMBER_AT, NUMBER_AT + NUMBER_BYTES)
            .reverse()
            .map((byte) => byte.toString(16).padStart(2, "0"))
            .join("");
        return number === this.#number ? Uint8Array.from(bytes) : null;
    }
}
