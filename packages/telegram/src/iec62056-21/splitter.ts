import { CONTROL, READOUT_BYTES } from "./tables.ts";

const SLASH = 0x2f;
const EXCLAMATION = 0x21;
const LINE_FEED = 0x0a;

/**
 * Cuts a stream of bytes into readouts: from STX to the block check character behind ETX (modes A and
 * C, IEC 62056-21 sections 6.3 and 6.5), or from the identification to the line of the exclamation
 * mark (mode D). It may start anywhere; a readout that a new one interrupts is dropped. Keeps at most
 * {@link READOUT_BYTES} bytes.
 */
export class ReadoutSplitter {
    readonly #kept = new Uint8Array(READOUT_BYTES);
    #length = 0;
    #state: "outside" | "identification" | "block" | "check" = "outside";
    /** Bytes that belonged to no readout so far. */
    dropped = 0;

    /** Takes the next bytes; returns the readouts that they complete, each a copy. */
    push(chunk: Uint8Array): Uint8Array[] {
        const readouts: Uint8Array[] = [];
        for (const byte of chunk) {
            this.#begin(byte);
            if (this.#state === "outside" || this.#length === READOUT_BYTES) {
                this.#drop();
                this.dropped++;
                continue;
            }
            this.#kept[this.#length++] = byte;
            if (!this.#ends(byte)) continue;
            readouts.push(this.#kept.slice(0, this.#length));
            this.#length = 0;
            this.#state = "outside";
        }
        return readouts;
    }

    /** A block begins with STX and takes its identification with it; a slash begins a new one. */
    #begin(byte: number): void {
        if (this.#state === "check") return; // whatever the check character looks like
        if (byte === CONTROL.stx) {
            if (this.#state === "block") this.#drop();
            this.#state = "block";
        } else if (byte === SLASH && this.#state !== "block" && this.#atLineStart()) {
            this.#drop();
            this.#state = "identification";
        }
    }

    #atLineStart(): boolean {
        return this.#length === 0 || this.#kept[this.#length - 1] === LINE_FEED;
    }

    #ends(byte: number): boolean {
        if (this.#state === "check") return true;
        if (this.#state === "block") {
            if (byte === CONTROL.etx) this.#state = "check";
            return false;
        }
        if (byte !== LINE_FEED) return false;
        const before = this.#kept.lastIndexOf(LINE_FEED, this.#length - 2);
        return this.#kept[before + 1] === EXCLAMATION;
    }

    #drop(): void {
        this.dropped += this.#length;
        this.#length = 0;
        this.#state = "outside";
    }
}
