import { randomBytes } from "node:crypto";
import { error, LIMITS, type MetersealError } from "@meterseal/core";
import { type CoapContent, type CoapMessage, classOf, EMPTY_CODE } from "./codec.ts";
import type { MessageLayer } from "./message-layer.ts";
import { BLOCK_BYTES, blockOf, blockOption, OPTION, optionOf, uintOption } from "./options.ts";
import type { Peer } from "./peers.ts";

/** Bytes of a token: enough that nobody beside the path guesses the one in use. */
const TOKEN_BYTES = 4;
const REQUEST_TAG_BYTES = 4;

/** A request under way. */
type Asked = {
    /** Settles when the other side has the request: acknowledged, or answered. */
    readonly acknowledged: Promise<unknown>;
    readonly answer: Promise<CoapMessage>;
};

type Waiting = {
    readonly take: (message: CoapMessage) => void;
    readonly fail: (failure: MetersealError) => void;
    /** Whether more answers follow the first. */
    readonly isObserver: boolean;
};

/** Client side of exchanges with one peer: requests, their answers by token, bodies in blocks. */
export class Requester {
    readonly #layer: MessageLayer;
    readonly #peer: Peer;
    readonly #waiting = new Map<string, Waiting>();

    constructor(layer: MessageLayer, peer: Peer) {
        this.#layer = layer;
        this.#peer = peer;
    }

    /** Asks, and resolves with the answer, refusals included. */
    async ask(content: CoapContent): Promise<CoapMessage> {
        return await this.#start(content).answer;
    }

    /**
     * Asks to be told of every later state too (RFC 7641); resolves with the first answer.
     * @param onNotification - is told of each of them, in the order in which they come.
     */
    async observe(
        content: CoapContent,
        onNotification: (message: CoapMessage) => void,
    ): Promise<CoapMessage> {
        const options = [...(content.options ?? []), uintOption(OPTION.observe, 0)];
        return await this.#start({ ...content, options }, onNotification).answer;
    }

    /**
     * Sends a body, in blocks where it is longer than one (RFC 7959 section 2.5): one block under way
     * at a time. Resolves when the other side has the whole body; the answer may come later.
     */
    async upload(
        content: CoapContent,
        body: Uint8Array,
    ): Promise<{ answer: Promise<CoapMessage> }> {
        if (body.length <= BLOCK_BYTES) {
            const { acknowledged, answer } = this.#start({ ...content, payload: body });
            await acknowledged;
            return { answer };
        }
        const tag = { name: OPTION.requestTag, value: randomBytes(REQUEST_TAG_BYTES) };
        for (let [at, size] = [0, BLOCK_BYTES]; ; ) {
            const more = at + size < body.length;
            const block = { number: at / size, more, size };
            const options = [
                ...(content.options ?? []),
                ...[blockOption(OPTION.block1, block), tag],
                ...(at === 0 ? [uintOption(OPTION.size1, body.length)] : []),
            ];
            const payload = body.subarray(at, at + size);
            const { acknowledged, answer } = this.#start({ ...content, options, payload });
            if (!more) {
                await acknowledged;
                return { answer };
            }
            const reply = await answer;
            if (reply.code !== "2.31") return { answer: Promise.resolve(reply) };
            at += size;
            const wanted = blockOf(reply, OPTION.block1);
            if (wanted !== null && wanted !== "malformed") size = Math.min(size, wanted.size);
        }
    }

    /**
     * Body that a first answer begins: the rest is asked for block by block (RFC 7959 section 2.4).
     * @param content - the request for the whole, without block.
     * @throws MetersealError MS_LINK where the body changes under way, MS_TOO_LARGE.
     */
    async download(first: CoapMessage, content: CoapContent): Promise<Uint8Array> {
        const begin = blockOf(first, OPTION.block2);
        if (begin === null) return new Uint8Array(first.payload);
        const parts: Buffer[] = [];
        let [length, message] = [0, first];
        for (;;) {
            const block = blockOf(message, OPTION.block2);
            const isNext =
                block !== null && block !== "malformed" && block.number * block.size === length;
            if (!isNext || classOf(message.code) !== 2 || !hasSameTag(first, message)) {
                throw error("MS_LINK", { got: `a body that breaks off with ${message.code}` });
            }
            parts.push(message.payload);
            length += message.payload.length;
            if (length > LIMITS.messageBytes) throw error("MS_TOO_LARGE");
            if (!block.more) return new Uint8Array(Buffer.concat(parts));
            const next = { number: length / block.size, more: false, size: block.size };
            const options = [...(content.options ?? []), blockOption(OPTION.block2, next)];
            message = await this.ask({ ...content, options });
        }
    }

    /** Takes an answer that came apart from its acknowledgement; false where nobody waits for it. */
    take(message: CoapMessage): boolean {
        const waiting = this.#waiting.get(message.token.toString("hex"));
        if (waiting === undefined) return false;
        waiting.take(message);
        return true;
    }

    /** Rejects all that waits. */
    fail(failure: MetersealError): void {
        for (const { fail } of [...this.#waiting.values()]) fail(failure);
    }

    #start(content: CoapContent, onNotification?: (message: CoapMessage) => void): Asked {
        const token = randomBytes(TOKEN_BYTES);
        const key = token.toString("hex");
        const { promise, reject, resolve } = Promise.withResolvers<CoapMessage>();
        promise.catch(() => {}); // a caller that waits for the acknowledgement alone
        const { acknowledged, stop } = this.#layer.confirm(this.#peer, token, content);
        let isFirst = true;
        const waiting: Waiting = {
            isObserver: onNotification !== undefined,
            take: (message) => {
                stop();
                const isKept = waiting.isObserver && classOf(message.code) === 2;
                if (!isKept) this.#waiting.delete(key);
                if (!isFirst) onNotification?.(message);
                isFirst = false;
                resolve(message);
            },
            fail: (failure) => {
                this.#waiting.delete(key);
                stop();
                reject(failure);
            },
        };
        this.#waiting.set(key, waiting);
        const here = acknowledged.then((message) => {
            if (message !== null && message.code !== EMPTY_CODE) this.take(message);
        });
        here.catch((cause: MetersealError) => waiting.fail(cause));
        return { acknowledged: here, answer: promise };
    }
}

function hasSameTag(first: CoapMessage, message: CoapMessage): boolean {
    const [a, b] = [first, message].map((each) => optionOf(each, OPTION.eTag));
    return a === b || (a != null && b != null && a.equals(b));
}
