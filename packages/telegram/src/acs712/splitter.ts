import { latin1 } from "../text.ts";
import { SENSOR_LINE_BYTES, SENSOR_MARK } from "./tables.ts";

const LINE_FEED = 0x0a;

/**
 * Cuts a stream of bytes into lines of the sensor. It may start anywhere: what stands before the mark
 * of a line is dropped, as is a line that is cut off by another. Keeps at most 96 bytes.
 */
export class SensorLineSplitter {
    readonly #kept = new Uint8Array(SENSOR_LINE_BYTES);
    #length = 0;
    /** Bytes that belonged to no line so far. */
    dropped = 0;

    /** Takes the next bytes; returns the lines that they complete, each a copy with its end. */
    push(chunk: Uint8Array): Uint8Array[] {
        const lines: Uint8Array[] = [];
        for (const byte of chunk) {
            if (this.#length === SENSOR_LINE_BYTES) this.#drop();
            this.#kept[this.#length++] = byte;
            if (byte !== LINE_FEED) continue;
            const begin = latin1(this.#kept.subarray(0, this.#length)).lastIndexOf(SENSOR_MARK);
            if (begin >= 0) {
                lines.push(this.#kept.slice(begin, this.#length));
                this.dropped += begin;
                this.#length = 0;
            } else this.#drop();
        }
        return lines;
    }

    #drop(): void {
        this.dropped += this.#length;
        this.#length = 0;
    }
}
