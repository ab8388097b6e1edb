const LONG_START = 0x68;
const START_AGAIN_AT = 3;
/** Start, length twice, start; then the fields, check sum and stop. */
const AROUND_BYTES = 6;

/**
 * Cuts a stream of bytes into long M-Bus frames (EN 13757-2 section 5.7), of at most 261 bytes. It may
 * start anywhere: where what looks like a frame is none, it begins again at the next byte.
 */
export class MbusSplitter {
    #kept: number[] = [];
    /** Bytes that belonged to no frame so far. */
    dropped = 0;

    /** Takes the next bytes; returns the frames that they complete, each a copy. */
    push(chunk: Uint8Array): Uint8Array[] {
        const frames: Uint8Array[] = [];
        for (const byte of chunk) {
            this.#kept.push(byte);
            while (!this.#canBegin()) {
                this.#kept.shift();
                this.dropped++;
            }
            const length = (this.#kept[1] ?? 0) + AROUND_BYTES;
            if (this.#kept.length <= START_AGAIN_AT || this.#kept.length < length) continue;
            frames.push(Uint8Array.from(this.#kept));
            this.#kept = [];
        }
        return frames;
    }

    #canBegin(): boolean {
        const [start = LONG_START, length, again, startAgain = LONG_START] = this.#kept;
        const sameLength = again === undefined || again === length;
        return start === LONG_START && startAgain === LONG_START && sameLength;
    }
}
