import { concatBytes } from "@meterseal/core";
import { crc16X25 } from "@meterseal/telegram/crc16";
import { cobsOverhead, decodeCobs, encodeCobs } from "./cobs.ts";

/** Ends each frame; stands in none of them. */
const DELIMITER = 0;
const CRC_BYTES = 2;

/** Bytes of a body that fit a frame of so many bytes on the line, its end included. */
export function bodyBytesOf(frameBytes: number): number {
    const stuffed = frameBytes - 1;
    return stuffed - cobsOverhead(stuffed) - CRC_BYTES;
}

/** A frame on the line: body and CRC-16/X-25, least significant byte first, stuffed, and a zero. */
export function encodeLineFrame(body: Uint8Array): Uint8Array {
    const crc = crc16X25(body);
    const checked = concatBytes(body, Uint8Array.of(crc & 0xff, crc >> 8));
    return concatBytes(encodeCobs(checked), Uint8Array.of(DELIMITER));
}

function bodyOf(stuffed: Uint8Array): Uint8Array | null {
    const checked = decodeCobs(stuffed);
    if (checked === null || checked.length <= CRC_BYTES) return null;
    const body = checked.subarray(0, -CRC_BYTES);
    const [low = 0, high = 0] = checked.subarray(-CRC_BYTES);
    return crc16X25(body) === (low | (high << 8)) ? body : null;
}

/**
 * Finds frames in the bytes of a line. What is garbled, cut or none is left out: the next zero begins
 * anew. Keeps at most one frame that is not whole.
 */
export class LineSplitter {
    readonly #frameBytes: number;
    #kept: Uint8Array = new Uint8Array();
    /** Whether the present bytes are of a frame that was too long. */
    #isSkipping = false;

    /** @param frameBytes - of a whole frame, at most; a longer one is left out. */
    constructor(frameBytes: number) {
        this.#frameBytes = frameBytes;
    }

    /** Takes the next bytes; returns the bodies of frames that they complete. */
    push(chunk: Uint8Array): Uint8Array[] {
        const bodies: Uint8Array[] = [];
        for (let at = 0; at < chunk.length; ) {
            const end = chunk.indexOf(DELIMITER, at);
            this.#keep(chunk.subarray(at, end < 0 ? chunk.length : end));
            if (end < 0) break;
            const body = this.#isSkipping ? null : bodyOf(this.#kept);
            if (body !== null) bodies.push(body);
            this.#kept = new Uint8Array();
            this.#isSkipping = false;
            at = end + 1;
        }
        return bodies;
    }

    #keep(bytes: Uint8Array): void {
        this.#isSkipping ||= this.#kept.length + bytes.length >= this.#frameBytes;
        this.#kept = this.#isSkipping ? new Uint8Array() : concatBytes(this.#kept, bytes);
    }
}
