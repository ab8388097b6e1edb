import { LIMITS } from "@meterseal/core";
import type { CoapContent, CoapMessage, CoapOption } from "./codec.ts";
import {
    type Block,
    blockOf,
    blockOption,
    OPTION,
    optionOf,
    uintOf,
    uintOption,
} from "./options.ts";

/** What becomes of a request with a part of a body. */
export type Uploaded =
    | WholeBody
    | { readonly kind: "answer"; readonly content: CoapContent }
    /** The last block of a body again, of which the answer is on its way. */
    | { readonly kind: "under way" };

/** A body that is whole. */
export type WholeBody = {
    readonly kind: "whole";
    readonly body: Uint8Array;
    /** Options of the last block, which its answer has, too. */
    readonly last: readonly CoapOption[];
    /** Notes what its last block is answered, for copies of that. */
    readonly answered: (content: CoapContent) => void;
};

/** A body that was whole: how its last block is known again, and what was answered. */
type Whole = {
    readonly tag: Buffer;
    /** Place of the last block in it, bytes. */
    readonly at: number;
    answer: CoapContent | null;
};

/**
 * Body that comes in blocks (RFC 7959 section 2.5), one at a time: a new first block replaces what
 * came before. Blocks belong together by Request-Tag (RFC 9175 section 3), never by token, which
 * clients change from block to block.
 */
export class BlockUpload {
    readonly #timeLimitMs: number;
    #parts: Buffer[] = [];
    #length = 0;
    #tag: Buffer | null = null;
    #timer: NodeJS.Timeout | null = null;
    #whole: Whole | null = null;

    /** @param timeLimitMs - how long parts are kept for the rest to come. */
    constructor(timeLimitMs: number) {
        this.#timeLimitMs = timeLimitMs;
    }

    /** Takes the body of a request, or one block of it. */
    take(message: CoapMessage): Uploaded {
        const block = blockOf(message, OPTION.block1);
        const announced = uintOf(message, OPTION.size1) ?? 0;
        if (announced > LIMITS.messageBytes) return tooLarge();
        if (block === null)
            return {
                kind: "whole",
                body: new Uint8Array(message.payload),
                last: [],
                answered: () => undefined,
            };
        if (block === "malformed") return refuse("4.00");
        const { more, number, size } = block;
        const { payload } = message;
        if (payload.length > size || (more && payload.length !== size)) return refuse("4.00");
        const tag = optionOf(message, OPTION.requestTag);
        const echoed = [blockOption(OPTION.block1, block)];
        const next: Uploaded = { kind: "answer", content: { code: "2.31", options: echoed } };
        const copy = this.#answerOfCopy(block, tag, next);
        if (copy !== null) return copy;
        if (number === 0) this.#begin(tag);
        if (number * size !== this.#length || !isSame(tag, this.#tag) || this.#timer === null) {
            return refuse("4.08");
        }
        if (this.#length + payload.length > LIMITS.messageBytes) {
            this.clear();
            return tooLarge();
        }
        this.#parts.push(Buffer.from(payload));
        this.#length += payload.length;
        if (more) return next;
        const body = new Uint8Array(Buffer.concat(this.#parts));
        this.clear();
        const whole: Whole | null = this.#tag && {
            tag: this.#tag,
            at: number * size,
            answer: null,
        };
        this.#whole = whole;
        const answered = (content: CoapContent): void => {
            if (whole !== null) whole.answer = content;
        };
        return { kind: "whole", body, last: echoed, answered };
    }

    /** Forgets what came so far. */
    clear(): void {
        if (this.#timer !== null) clearTimeout(this.#timer);
        this.#timer = null;
        this.#parts = [];
        this.#length = 0;
    }

    /** What a block gets that came so late that its message is no longer remembered; null for none. */
    #answerOfCopy(
        { more, number, size }: Block,
        tag: Buffer | null,
        next: Uploaded,
    ): Uploaded | null {
        const isFirst = number === 0 && (tag === null || !isSame(tag, this.#tag));
        if (more) return !isFirst && this.#holds(tag, (number + 1) * size) ? next : null;
        const whole = this.#whole;
        if (whole === null || !this.#wasWhole(whole, tag, number * size)) return null;
        const { answer } = whole;
        return answer === null ? { kind: "under way" } : { kind: "answer", content: answer };
    }

    /** True where a body is under way by this tag, and so much of it is here. */
    #holds(tag: Buffer | null, length: number): boolean {
        return this.#timer !== null && isSame(tag, this.#tag) && length <= this.#length;
    }

    /** True for the last block of a body that was whole, unless one by the same tag is under way. */
    #wasWhole(whole: Whole, tag: Buffer | null, at: number): boolean {
        const isUnderWay = this.#timer !== null && isSame(tag, this.#tag);
        return !isUnderWay && isSame(tag, whole.tag) && at === whole.at;
    }

    #begin(tag: Buffer | null): void {
        this.clear();
        this.#tag = tag === null ? null : Buffer.from(tag);
        this.#timer = setTimeout(() => this.clear(), this.#timeLimitMs);
    }
}

function isSame(a: Buffer | null, b: Buffer | null): boolean {
    return a === b || (a !== null && b !== null && a.equals(b));
}

function refuse(code: string): Uploaded {
    return { kind: "answer", content: { code } };
}

function tooLarge(): Uploaded {
    const options = [uintOption(OPTION.size1, LIMITS.messageBytes)];
    return { kind: "answer", content: { code: "4.13", options } };
}
