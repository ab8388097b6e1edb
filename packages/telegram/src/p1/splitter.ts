import { P1_TELEGRAM_BYTES } from "./tables.ts";

const SLASH = 0x2f;
const EXCLAMATION = 0x21;
const LINE_FEED = 0x0a;

/**
 * Cuts a stream of bytes into P1 telegrams. It may start anywhere: bytes before a slash at the start
 * of a line are dropped, and a telegram that a new one interrupts is dropped too. Keeps at most
 * {@link P1_TELEGRAM_BYTES} bytes.
 */
export class P1Splitter {
    readonly #kept = new Uint8Array(P1_TELEGRAM_BYTES);
    #length = 0;
    /** Bytes that belonged to no telegram so far. */
    dropped = 0;

    /** Takes the next bytes; returns the telegrams that they complete, each a copy. */
    push(chunk: Uint8Array): Uint8Array[] {
        const telegrams: Uint8Array[] = [];
        for (const byte of chunk) {
            if (byte === SLASH && this.#atLineStart()) this.#drop();
            else if (this.#length === 0) {
                this.dropped++;
                continue;
            }
            if (this.#length === P1_TELEGRAM_BYTES) {
                this.#drop();
                this.dropped++;
                continue;
            }
            this.#kept[this.#length++] = byte;
            if (byte !== LINE_FEED || !this.#endsTelegram()) continue;
            telegrams.push(this.#kept.slice(0, this.#length));
            this.#length = 0;
        }
        return telegrams;
    }

    /** The last line is kept from its first byte on, so a slash opens a telegram there only. */
    #atLineStart(): boolean {
        return this.#length === 0 || this.#kept[this.#length - 1] === LINE_FEED;
    }

    /** True where the line that just ended starts with an exclamation mark. */
    #endsTelegram(): boolean {
        const before = this.#kept.lastIndexOf(LINE_FEED, this.#length - 2);
        return this.#kept[before + 1] === EXCLAMATION;
    }

    #drop(): void {
        this.dropped += this.#length;
        this.#length = 0;
    }
}
