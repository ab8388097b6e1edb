import { randomBytes } from "node:crypto";
import { BlockUpload } from "./block-upload.ts";
import type { CoapContent } from "./codec.ts";
import type { Incoming, MessageLayer } from "./message-layer.ts";
import {
    BLOCK_BYTES,
    blockOf,
    blockOption,
    FORMAT,
    OPTION,
    uintOf,
    uintOption,
} from "./options.ts";
import type { Peer } from "./peers.ts";

/** What a session is made with. */
export type SessionOptions = {
    readonly subjectHex: string;
    readonly keepaliveMs: number;
    readonly maxDeliveries: number;
    readonly maxQueueBytes: number;
    readonly uploadTimeoutMs: number;
    /** Time between two blocks of a message that the meter fetches. */
    readonly drainTimeoutMs: number;
    /** Called once, when the session has ended for whatever reason. */
    readonly onEnd: () => void;
};

/** Silence of a meter, in probes, after which it counts as gone. */
const MISSED_PROBES = 1.5;
const ID_BYTES = 8;
const ETAG_BYTES = 4;
const OBSERVE_MODULUS = 2 ** 24;

type Queued = { readonly message: Buffer; readonly eTag: Buffer };

/**
 * A meter that is connected: where its messages come from, and the queue of those for it. The queue is
 * a resource whose state is its oldest message; the next one is shown when the meter has that.
 */
export class CoapSession {
    /** Unguessable name, which with its address lets the meter send as the subject. */
    readonly id = randomBytes(ID_BYTES).toString("base64url");
    readonly peer: Peer;
    readonly upload: BlockUpload;
    /** Messages of the meter under way to the handler. */
    underWay = 0;
    readonly #options: SessionOptions;
    readonly #layer: MessageLayer;
    readonly #silence: NodeJS.Timeout;
    #queue: Queued[] = [];
    #queueBytes = 0;
    #observer: Buffer | null = null;
    #observeNumber = 1;
    #isShowing = false;
    #fetch: NodeJS.Timeout | null = null;
    #ended = false;

    constructor(options: SessionOptions, layer: MessageLayer, peer: Peer) {
        this.#options = options;
        this.#layer = layer;
        this.peer = peer;
        layer.peers.hold(peer);
        this.upload = new BlockUpload(options.uploadTimeoutMs);
        this.#silence = setTimeout(() => this.end("4.08"), options.keepaliveMs * MISSED_PROBES);
    }

    get subjectHex(): string {
        return this.#options.subjectHex;
    }

    /** Whether the meter observes its queue. */
    get isListening(): boolean {
        return this.#observer !== null;
    }

    /** Notes a sign of life of the meter. */
    touch(): void {
        this.#silence.refresh();
    }

    /** Queues a message; false where the meter does not listen, or does not fetch what waits. */
    deliver(message: Uint8Array): boolean {
        const { maxDeliveries, maxQueueBytes } = this.#options;
        if (this.#ended || this.#observer === null || this.#queue.length >= maxDeliveries)
            return false;
        if (this.#queueBytes + message.length > maxQueueBytes) return false;
        this.#queue.push({ message: Buffer.from(message), eTag: randomBytes(ETAG_BYTES) });
        this.#queueBytes += message.length;
        this.#show();
        return true;
    }

    /** Answers a request for the queue: one block of the oldest message, or the start of an observation. */
    answer(incoming: Incoming): void {
        const { message } = incoming;
        const asked = blockOf(message, OPTION.block2);
        if (asked === "malformed") {
            incoming.respond({ code: "4.00" });
            return;
        }
        const observe = asked === null ? uintOf(message, OPTION.observe) : null;
        if (observe === 1) this.#observer = null;
        if (observe === 0) {
            this.#observer = Buffer.from(message.token);
            incoming.respond({ code: "2.05", options: [uintOption(OPTION.observe, 0)] });
            this.#show();
            return;
        }
        const [head] = this.#queue;
        if (head === undefined) {
            incoming.respond({ code: "2.05" });
            return;
        }
        const block = asked ?? { number: 0, size: BLOCK_BYTES };
        if (block.number > 0 && block.number * block.size >= head.message.length) {
            incoming.respond({ code: "4.00" });
            return;
        }
        incoming.respond(contentOf(head, block.number, block.size));
        const isLast = (block.number + 1) * block.size >= head.message.length;
        if (isLast && block.number > 0) this.#shown(head);
        else this.#fetch?.refresh();
    }

    /** Tells the meter that the session is over, and why; does nothing the second time. */
    end(code: string): void {
        if (this.#ended) return;
        this.#ended = true;
        clearTimeout(this.#silence);
        this.#fetched();
        this.upload.clear();
        this.#queue = [];
        if (this.#observer !== null) this.#layer.sendOnce(this.peer, this.#observer, { code });
        this.#layer.peers.release(this.peer);
        this.#options.onEnd();
    }

    /** Notifies the meter of the oldest message, one at a time. */
    #show(): void {
        const [head] = this.#queue;
        if (this.#isShowing || this.#observer === null || head === undefined) return;
        this.#isShowing = true;
        const content = contentOf(head, 0, BLOCK_BYTES);
        const number = this.#observeNumber++ % OBSERVE_MODULUS;
        const options = [...(content.options ?? []), uintOption(OPTION.observe, number)];
        const { acknowledged } = this.#layer.confirm(this.peer, this.#observer, {
            ...content,
            options,
        });
        acknowledged.then(
            () => {
                if (head.message.length <= BLOCK_BYTES) this.#shown(head);
                else if (this.#queue[0] === head && !this.#ended) this.#awaitFetch();
            },
            () => this.end("4.04"),
        );
    }

    #awaitFetch(): void {
        this.#fetch ??= setTimeout(() => this.end("4.08"), this.#options.drainTimeoutMs);
    }

    #fetched(): void {
        if (this.#fetch !== null) clearTimeout(this.#fetch);
        this.#fetch = null;
    }

    #shown(head: Queued): void {
        if (this.#queue[0] !== head) return;
        this.#fetched();
        this.#queue.shift();
        this.#queueBytes -= head.message.length;
        this.#isShowing = false;
        this.#show();
    }
}

function contentOf({ eTag, message }: Queued, number: number, size: number): CoapContent {
    const end = (number + 1) * size;
    const payload = message.subarray(number * size, end);
    const options = [
        { name: OPTION.eTag, value: eTag },
        uintOption(OPTION.format, FORMAT.messages),
    ];
    if (message.length <= size) return { code: "2.05", options, payload };
    const more = end < message.length;
    return {
        code: "2.05",
        options: [...options, blockOption(OPTION.block2, { number, more, size })],
        payload,
    };
}
