import { P1_TELEGRAM_BYTES } from "./tables.ts";

/** First bytes of a frame: general-glo-ciphering, a system title of 8 bytes, a length of two. */
const BEGIN = [0xdb, 0x08] as const;
const LENGTH_AT = 10;
const LONG_LENGTH = 0x82;
const HEADER_BYTES = 13;

/**
 * Cuts a stream of bytes into encrypted P1 frames, which have a length of two bytes (Luxembourg P1
 * 1.1.3 section 3.2.5). It may start anywhere: where what looks like a frame is none, it begins again
 * at the next byte. Keeps at most {@link P1_TELEGRAM_BYTES} bytes.
 */
export class P1CipherSplitter {
    #kept: number[] = [];
    /** Bytes that belonged to no frame so far. */
    dropped = 0;

    /** Takes the next bytes; returns the frames that they complete, each a copy. */
    push(chunk: Uint8Array): Uint8Array[] {
        const frames: Uint8Array[] = [];
        for (const byte of chunk) {
            this.#kept.push(byte);
            while (!this.#canBegin()) this.#dropByte();
            const length = this.#length();
            if (length === null || this.#kept.length < length) continue;
            frames.push(Uint8Array.from(this.#kept));
            this.#kept = [];
        }
        return frames;
    }

    /** Whether what is kept may be the beginning of a frame; nothing may. */
    #canBegin(): boolean {
        const [first, second] = this.#kept;
        if (first !== undefined && first !== BEGIN[0]) return false;
        if (second !== undefined && second !== BEGIN[1]) return false;
        if (this.#kept.length > LENGTH_AT && this.#kept[LENGTH_AT] !== LONG_LENGTH) return false;
        return (this.#length() ?? 0) <= P1_TELEGRAM_BYTES;
    }

    #length(): number | null {
        if (this.#kept.length < HEADER_BYTES) return null;
        const [high = 0, low = 0] = this.#kept.slice(LENGTH_AT + 1, HEADER_BYTES);
        return HEADER_BYTES + high * 256 + low;
    }

    #dropByte(): void {
        this.#kept.shift();
        this.dropped++;
    }
}
