import { assert, concatBytes, error, fail, ok, type Result } from "@meterseal/core";
import { attempt, decodeCbor, encodeCbor, malformed, toArray, toBytes } from "@meterseal/record";
import { EMPTY, type MessageKey, open, seal, xor } from "./schedule.ts";
import type { EdhocSession } from "./session.ts";

/** Labels of our keys in the exporter, from the range for private use (RFC 9528 section 10.1). */
const EXPORT = { initiator: 32_768, responder: 32_769 } as const;
const KEY_BYTES = 16;
const IV_BYTES = 13;
const COUNTER_BYTES = 5;
/** Frames under one key, far below what AES-CCM allows (RFC 9053 section 4.2.1). */
const FRAMES_MAX = 2 ** 32;
/** COSE headers: AES-CCM-16-64-128, and the counter as partial IV (RFC 9052 section 3.1). */
const HEADER = { algorithm: 1, partialIv: 6 } as const;
const AES_CCM_16_64_128 = 10;
const PROTECTED: Uint8Array = encodeCbor(new Map([[HEADER.algorithm, AES_CCM_16_64_128]]));
/** Bytes of a frame beside its content, at most. */
const FRAME_OVERHEAD_BYTES = 32;
/** Largest content of a frame in bytes; AES-CCM with 13 bytes of nonce has an end at 65,535. */
export const CONTENT_BYTES = 32_768;

/** One side's half of a session. */
type Direction = MessageKey & { counter: number };

/**
 * Frames of a session: COSE_Encrypt0 (RFC 9052 section 5.2) under keys of the exporter, one for each
 * direction, each frame under its own counter. Frames of a stream come in order: one that is missing,
 * twice or altered ends the session.
 */
export class SecureChannel {
    readonly #send: Direction;
    readonly #receive: Direction;

    constructor(session: EdhocSession, role: "initiator" | "responder") {
        const of = (label: number): Direction => ({
            key: session.exportKey(label, Uint8Array.of(0), KEY_BYTES),
            iv: session.exportKey(label, Uint8Array.of(1), IV_BYTES),
            counter: 0,
        });
        const [initiator, responder] = [of(EXPORT.initiator), of(EXPORT.responder)];
        this.#send = role === "initiator" ? initiator : responder;
        this.#receive = role === "initiator" ? responder : initiator;
    }

    /** Whether this session has frames left; a new handshake gives new ones. */
    get isSpent(): boolean {
        return this.#send.counter >= FRAMES_MAX || this.#receive.counter >= FRAMES_MAX;
    }

    /** A frame around a content of at most {@link CONTENT_BYTES}. */
    seal(content: Uint8Array): Uint8Array {
        assert(content.length <= CONTENT_BYTES, "a content that fits a frame");
        assert(this.#send.counter < FRAMES_MAX, "frames left in this session");
        const counter = counterBytes(this.#send.counter++);
        const sealed = seal(nonceOf(this.#send, counter), content, {
            protectedHeader: PROTECTED,
            external: EMPTY,
        });
        return encodeCbor([PROTECTED, new Map([[HEADER.partialIv, counter]]), sealed]);
    }

    /**
     * Content of the next frame.
     * @returns MS_MALFORMED, MS_REPLAYED for another counter than the next, MS_SIGNATURE_BAD for a frame
     * that is not the peer's; the session is at its end then.
     */
    open(frame: Uint8Array): Result<Uint8Array> {
        const parsed = attempt(() => parseFrame(frame));
        if (!parsed.ok) return parsed;
        const { counter, sealed } = parsed.value;
        const expected = counterBytes(this.#receive.counter);
        if (Buffer.compare(counter, expected) !== 0)
            return fail(
                error("MS_REPLAYED", { where: "frame", expected: `${this.#receive.counter}` }),
            );
        const content = open(nonceOf(this.#receive, counter), sealed, {
            protectedHeader: PROTECTED,
            external: EMPTY,
        });
        if (content === null) return fail(error("MS_SIGNATURE_BAD", { where: "frame" }));
        this.#receive.counter++;
        return ok(content);
    }
}

function parseFrame(frame: Uint8Array): { counter: Uint8Array; sealed: Uint8Array } {
    const [header, unprotected, sealed] = toArray(decodeCbor(frame), "frame", 3);
    if (Buffer.compare(toBytes(header, "frame", PROTECTED.length), PROTECTED) !== 0)
        malformed("frame", "AES-CCM-16-64-128");
    if (!(unprotected instanceof Map) || unprotected.size !== 1)
        return malformed("frame", "a counter");
    return {
        counter: toBytes(unprotected.get(HEADER.partialIv), "frame counter", COUNTER_BYTES),
        sealed: toBytes(sealed, "frame content", 8, CONTENT_BYTES + FRAME_OVERHEAD_BYTES),
    };
}

function counterBytes(counter: number): Uint8Array {
    const bytes = new Uint8Array(COUNTER_BYTES);
    new DataView(bytes.buffer).setUint32(1, counter);
    return bytes;
}

/** Nonce: the direction's own, combined with the counter at its end (RFC 9052 section 3.1). */
function nonceOf({ iv, key }: Direction, counter: Uint8Array): MessageKey {
    return { key, iv: xor(iv, concatBytes(new Uint8Array(IV_BYTES - COUNTER_BYTES), counter)) };
}
