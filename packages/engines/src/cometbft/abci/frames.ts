import { error } from "@meterseal/core";

/** Bytes of one message on an ABCI socket: a block of the largest size, with room for its header. */
const FRAME_BYTES = 64 * 1024 * 1024;
/** Bytes of a length: more are no length below {@link FRAME_BYTES}. */
const LENGTH_BYTES = 4;

/**
 * Cuts a byte stream into the messages of an ABCI socket: each is its length as a varint and that many
 * bytes (CometBFT, "ABCI++ client and server").
 */
export class FrameReader {
    #chunks: Uint8Array[] = [];
    #length = 0;

    /**
     * Takes the next bytes; the messages that they complete.
     * @throws MetersealError MS_TOO_LARGE for a message above 64 MiB, MS_MALFORMED for a bad length.
     */
    push(chunk: Uint8Array): Uint8Array[] {
        this.#chunks.push(chunk);
        this.#length += chunk.length;
        const frames: Uint8Array[] = [];
        while (true) {
            const head = this.#peek(LENGTH_BYTES + 1);
            const length = readVarint(head);
            if (length === null) break;
            if (length.value > FRAME_BYTES) {
                throw error("MS_TOO_LARGE", {
                    where: "ABCI message",
                    got: `${length.value} bytes`,
                });
            }
            if (this.#length < length.bytes + length.value) break;
            const whole = this.#take(length.bytes + length.value);
            frames.push(whole.subarray(length.bytes));
        }
        return frames;
    }

    /** The first bytes that are there, at most so many; joins only what it must. */
    #peek(count: number): Uint8Array {
        const [first] = this.#chunks;
        if (first === undefined) return new Uint8Array();
        if (first.length >= count || this.#chunks.length === 1) return first;
        this.#chunks = [Buffer.concat(this.#chunks)];
        return this.#chunks[0] as Uint8Array;
    }

    #take(count: number): Uint8Array {
        let [first] = this.#chunks as [Uint8Array];
        if (first.length < count) {
            first = Buffer.concat(this.#chunks);
            this.#chunks = [first];
        }
        this.#length -= count;
        if (first.length === count) this.#chunks.shift();
        else this.#chunks[0] = first.subarray(count);
        return first.subarray(0, count);
    }
}

/** A message with its length in front. */
export function frameOf(message: Uint8Array): Uint8Array {
    const head: number[] = [];
    let rest = message.length;
    while (rest >= 0x80) {
        head.push((rest & 0x7f) | 0x80);
        rest >>>= 7;
    }
    head.push(rest);
    return Buffer.concat([Uint8Array.from(head), message]);
}

/** Value and size of the varint at the beginning; null where it is not complete. */
function readVarint(bytes: Uint8Array): { value: number; bytes: number } | null {
    let value = 0;
    for (let i = 0; i < bytes.length; i++) {
        if (i > LENGTH_BYTES) break;
        const byte = bytes[i] as number;
        value += (byte & 0x7f) * 2 ** (7 * i);
        if (byte < 0x80) return { value, bytes: i + 1 };
    }
    if (bytes.length <= LENGTH_BYTES) return null;
    throw error("MS_MALFORMED", { where: "ABCI message", expected: "a length of at most 5 bytes" });
}
