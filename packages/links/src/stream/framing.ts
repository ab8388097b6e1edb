import { concatBytes, error } from "@meterseal/core";

/** Largest frame on a stream: a sealed content, or a message of the handshake. */
const FRAME_BYTES = 33_000;
const LENGTH_BYTES = 4;

/** A frame as it goes over a stream: its length in four bytes, most significant first, and itself. */
export function encodeFrame(frame: Uint8Array): Uint8Array {
    const head = new Uint8Array(LENGTH_BYTES);
    new DataView(head.buffer).setUint32(0, frame.length);
    return concatBytes(head, frame);
}

/** Cuts a stream of bytes into frames; keeps at most one frame that is not whole. */
export class FrameSplitter {
    #kept: Uint8Array = new Uint8Array();

    /**
     * Takes the next bytes; returns the frames that they complete, each a copy.
     * @throws MetersealError MS_TOO_LARGE for a frame beyond the limit, MS_MALFORMED for an empty one.
     */
    push(chunk: Uint8Array): Uint8Array[] {
        const bytes = this.#kept.length === 0 ? chunk : concatBytes(this.#kept, chunk);
        const frames: Uint8Array[] = [];
        let at = 0;
        while (bytes.length - at >= LENGTH_BYTES) {
            const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
            if (length === 0) throw error("MS_MALFORMED", { where: "frame", got: "an empty one" });
            if (length > FRAME_BYTES)
                throw error("MS_TOO_LARGE", {
                    where: "frame",
                    expected: `at most ${FRAME_BYTES} bytes`,
                });
            const end = at + LENGTH_BYTES + length;
            if (bytes.length < end) break;
            frames.push(bytes.slice(at + LENGTH_BYTES, end));
            at = end;
        }
        this.#kept = bytes.slice(at);
        return frames;
    }
}
