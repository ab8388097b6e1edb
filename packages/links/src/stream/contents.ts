import { LIMITS, type Result } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";
import { CONTENT_BYTES } from "../edhoc/index.ts";

/** Messages that a meter may have under way before the first of them is taken. */
export const CREDIT = 32;

/** What frames of a session say. */
export type Content =
    /** The meter's first: its link token, and the longest silence that it grants, in seconds. */
    | { readonly kind: "hello"; readonly token: Uint8Array; readonly keepaliveSeconds: number }
    /** The collector's: how many messages it took, and how many may have been sent. */
    | { readonly kind: "progress"; readonly taken: number; readonly credit: number }
    /** A message, or a part of one that is longer than a frame. */
    | { readonly kind: "part"; readonly bytes: Uint8Array; readonly isLast: boolean }
    /** Nothing but that its sender is there; whoever gets a probe answers with a progress or another. */
    | { readonly kind: "probe" }
    /** A static Diffie-Hellman key that its sender shows in handshakes to come, 32 bytes. */
    | { readonly kind: "introduction"; readonly exchangeKey: Uint8Array }
    /** The collector's last: why it ends the session, as a receipt code (formats 5). */
    | { readonly kind: "refusal"; readonly receipt: number };

const TAG = { hello: 0, progress: 1, part: 2, probe: 3, refusal: 4, introduction: 5 } as const;
const TOKEN_BYTES = 4_096;
const KEEPALIVE_SECONDS = 3_600;
const EXCHANGE_KEY_BYTES = 32;
const COUNT = Number.MAX_SAFE_INTEGER;
/** Bytes of a message in one frame: the content around it takes some. */
const PART_BYTES = CONTENT_BYTES - 16;

/** Encodes a content. */
export function encodeContent(content: Content): Uint8Array {
    return encodeCbor([TAG[content.kind], ...fieldsOf(content)]);
}

function fieldsOf(content: Content): unknown[] {
    switch (content.kind) {
        case "hello":
            return [content.token, content.keepaliveSeconds];
        case "progress":
            return [content.taken, content.credit];
        case "part":
            return [content.bytes, content.isLast ? 1 : 0];
        case "probe":
            return [];
        case "refusal":
            return [content.receipt];
        case "introduction":
            return [content.exchangeKey];
    }
}

/** Decodes a content; MS_MALFORMED for anything else. */
export function decodeContent(bytes: Uint8Array): Result<Content> {
    return attempt(() => {
        const [tag, first, second, ...more] = toArray(decodeCbor(bytes), "content", 3);
        const count = (value: unknown): number => toInteger(value, "content", 0, COUNT);
        const isShort = second === undefined && more.length === 0;
        switch (tag) {
            case TAG.hello: {
                const keepaliveSeconds = toInteger(second, "keepalive", 1, KEEPALIVE_SECONDS);
                return {
                    kind: "hello",
                    token: toBytes(first, "token", 1, TOKEN_BYTES),
                    keepaliveSeconds,
                };
            }
            case TAG.progress:
                return { kind: "progress", taken: count(first), credit: count(second) };
            case TAG.part: {
                const isLast = toInteger(second, "content", 0, 1) === 1;
                return { kind: "part", bytes: toBytes(first, "message", 0, PART_BYTES), isLast };
            }
            case TAG.probe:
                return first === undefined
                    ? { kind: "probe" }
                    : malformed("content", "nothing else");
            case TAG.refusal:
                return isShort
                    ? { kind: "refusal", receipt: toInteger(first, "receipt", 0, 15) }
                    : malformed("content", "a receipt code");
            case TAG.introduction:
                return isShort
                    ? {
                          kind: "introduction",
                          exchangeKey: toBytes(first, "key", EXCHANGE_KEY_BYTES),
                      }
                    : malformed("content", "a key");
            default:
                return malformed("content", "a kind that is known");
        }
    });
}

/** A message in parts that fit a frame each; of fewer bytes where others shall not wait so long. */
export function partsOf(message: Uint8Array, partBytes = PART_BYTES): Content[] {
    const parts: Content[] = [];
    for (let at = 0; at === 0 || at < message.length; at += partBytes) {
        const isLast = at + partBytes >= message.length;
        parts.push({ kind: "part", bytes: message.subarray(at, at + partBytes), isLast });
    }
    return parts;
}

/** Puts messages together from their parts. */
export class PartJoiner {
    #parts: Uint8Array[] = [];
    #length = 0;

    /**
     * Takes a part; returns the message that it completes.
     * @returns null for a message that goes on, or "too-large" beyond {@link LIMITS.messageBytes}.
     */
    take({ bytes, isLast }: Extract<Content, { kind: "part" }>): Uint8Array | null | "too-large" {
        this.#length += bytes.length;
        if (this.#length > LIMITS.messageBytes) return "too-large";
        this.#parts.push(bytes);
        if (!isLast) return null;
        const message = new Uint8Array(Buffer.concat(this.#parts));
        this.#parts = [];
        this.#length = 0;
        return message;
    }
}
