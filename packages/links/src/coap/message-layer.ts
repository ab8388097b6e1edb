import { error } from "@meterseal/core";
import { systemRandom } from "../backoff.ts";
import {
    type CoapContent,
    type CoapMessage,
    classOf,
    decodeMessage,
    EMPTY_CODE,
    encodeMessage,
} from "./codec.ts";
import { type Outstanding, type Peer, PeerTable } from "./peers.ts";

/** Transmission parameters (RFC 7252 section 4.8). */
export const TRANSMISSION = {
    /** ACK_TIMEOUT: first wait for an acknowledgement, which each repetition doubles. */
    retransmitMs: 2_000,
    /** MAX_RETRANSMIT: repetitions of a confirmable message before it is given up. */
    maxRetransmits: 4,
} as const;

/** ACK_RANDOM_FACTOR: the first wait is drawn between one and this many times `retransmitMs`. */
const ACK_RANDOM_FACTOR = 1.5;
const NO_TOKEN = Buffer.alloc(0);

/** What a {@link MessageLayer} works with. */
export type LayerOptions = Record<keyof typeof TRANSMISSION, number> & {
    /** Peers without a session that are remembered. */
    readonly maxStrangers: number;
    /** Hands a datagram to the network. */
    readonly send: (datagram: Buffer, peer: Peer) => void;
    /** A request came for the first time. */
    readonly onRequest: (incoming: Incoming) => void;
    /** An answer came that is no acknowledgement; false where nobody waits for it. */
    readonly onResponse: (peer: Peer, message: CoapMessage) => boolean;
    /** Source of jitter in [0, 1). */
    readonly random?: () => number;
};

/** A confirmable message under way. */
export type Confirmation = {
    /**
     * Resolves with the acknowledgement, null where {@link stop} ended the waiting.
     * Rejects with MS_LINK when the peer refuses it (reset) or stays silent.
     */
    readonly acknowledged: Promise<CoapMessage | null>;
    /** Ends the waiting: an answer that came apart stands for the acknowledgement. */
    readonly stop: () => void;
};

/**
 * Message layer of CoAP over UDP (RFC 7252 section 4): confirmable messages are repeated until they
 * are acknowledged, copies of what came before get the same answer again and nothing else.
 */
export class MessageLayer {
    readonly peers: PeerTable;
    readonly #options: LayerOptions;
    readonly #random: () => number;
    readonly #waiting = new Set<Outstanding>();
    #isClosed = false;

    constructor(options: LayerOptions) {
        this.#options = options;
        this.#random = options.random ?? systemRandom;
        this.peers = new PeerTable(options.maxStrangers);
    }

    /** Takes a datagram; what is no message is dropped without an answer. */
    receive(datagram: Buffer, address: string, port: number): void {
        const message = decodeMessage(datagram);
        if (message === null) return;
        const peer = this.peers.find(address, port);
        const { code, id, type } = message;
        if (type === "ack" || type === "rst") {
            const waiting = peer.outstanding.get(id);
            if (type === "ack") waiting?.settle(message);
            else waiting?.settle(null, "a reset");
            return;
        }
        if (code === EMPTY_CODE) {
            if (type === "con") this.#sendEmpty(peer, "rst", id); // a ping
            return;
        }
        const answer = peer.answerTo(id);
        if (answer !== undefined) {
            if (answer !== null) this.#send(answer, peer);
            return;
        }
        peer.remember(id, null);
        if (classOf(code) === 0) {
            this.#options.onRequest(new Incoming(this, peer, message, datagram.length));
            return;
        }
        const isAnswer = [2, 4, 5].includes(classOf(code));
        const isWanted = isAnswer && this.#options.onResponse(peer, message);
        if (type !== "con" && isWanted) return;
        if (type !== "con" && !isAnswer) return;
        peer.remember(id, this.#sendEmpty(peer, isWanted ? "ack" : "rst", id));
    }

    /** Sends a confirmable message, again and again until it is acknowledged or given up. */
    confirm(peer: Peer, token: Buffer, content: CoapContent): Confirmation {
        const id = peer.takeId();
        const datagram = encodeMessage(messageOf("con", id, token, content));
        const { promise, reject, resolve } = Promise.withResolvers<CoapMessage | null>();
        promise.catch(() => {}); // who does not wait for it need not hear of it
        let waitMs = this.#options.retransmitMs * (1 + (ACK_RANDOM_FACTOR - 1) * this.#random());
        let repetitions = 0;
        let timer: NodeJS.Timeout;
        const settle = (outcome: CoapMessage | null, failure?: string): void => {
            if (!this.#waiting.delete(waiting)) return;
            peer.outstanding.delete(id);
            clearTimeout(timer);
            if (failure === undefined) resolve(outcome);
            else reject(error("MS_LINK", { got: failure }));
        };
        const again = (): void => {
            if (++repetitions > this.#options.maxRetransmits) {
                settle(null, "no acknowledgement");
                return;
            }
            waitMs *= 2;
            timer = setTimeout(again, waitMs);
            this.#send(datagram, peer);
        };
        const waiting: Outstanding = { settle };
        this.#waiting.add(waiting);
        peer.outstanding.set(id, waiting);
        timer = setTimeout(again, waitMs);
        if (this.#isClosed) settle(null, "link closed");
        else this.#send(datagram, peer);
        return { acknowledged: promise, stop: () => settle(null) };
    }

    /** Sends a message once. */
    sendOnce(peer: Peer, token: Buffer, content: CoapContent): void {
        const message = messageOf("non", peer.takeId(), token, content);
        this.#send(encodeMessage(message), peer);
    }

    /** Sends an acknowledgement, empty or with the answer. */
    acknowledge(peer: Peer, id: number, token: Buffer, content: CoapContent): void {
        const datagram = encodeMessage(messageOf("ack", id, token, content));
        peer.remember(id, datagram);
        this.#send(datagram, peer);
    }

    /** Answers a message that wants no acknowledgement. */
    answerOnce(peer: Peer, id: number, token: Buffer, content: CoapContent): void {
        const datagram = encodeMessage(messageOf("non", peer.takeId(), token, content));
        peer.remember(id, datagram);
        this.#send(datagram, peer);
    }

    /** Ends all waiting for acknowledgements; nothing is sent from here on. */
    close(): void {
        this.#isClosed = true;
        for (const { settle } of [...this.#waiting]) settle(null, "link closed");
    }

    #send(datagram: Buffer, peer: Peer): void {
        if (!this.#isClosed) this.#options.send(datagram, peer);
    }

    #sendEmpty(peer: Peer, type: "ack" | "rst", id: number): Buffer {
        const datagram = encodeMessage(messageOf(type, id, NO_TOKEN, { code: EMPTY_CODE }));
        this.#send(datagram, peer);
        return datagram;
    }
}

/** A request, which is answered once. */
export class Incoming {
    readonly peer: Peer;
    readonly message: CoapMessage;
    /** Bytes of the datagram: an unverified address gets at most three times as many back. */
    readonly size: number;
    readonly #layer: MessageLayer;
    #isAcknowledged: boolean;
    #isAnswered = false;

    constructor(layer: MessageLayer, peer: Peer, message: CoapMessage, size: number) {
        this.#layer = layer;
        this.peer = peer;
        this.message = message;
        this.size = size;
        this.#isAcknowledged = message.type !== "con";
    }

    /** Says that the request is here and its answer comes apart; once is enough. */
    acknowledge(): void {
        if (this.#isAcknowledged) return;
        this.#isAcknowledged = true;
        this.#layer.acknowledge(this.peer, this.message.id, NO_TOKEN, { code: EMPTY_CODE });
    }

    /** Answers: in the acknowledgement, apart where that has gone out, or as it was asked. */
    respond(content: CoapContent): void {
        if (this.#isAnswered) return;
        this.#isAnswered = true;
        const { id, token, type } = this.message;
        if (type === "non") this.#layer.answerOnce(this.peer, id, token, content);
        else if (this.#isAcknowledged) this.#layer.confirm(this.peer, token, content);
        else {
            this.#isAcknowledged = true;
            this.#layer.acknowledge(this.peer, id, token, content);
        }
    }
}

function messageOf(
    type: CoapMessage["type"],
    id: number,
    token: Buffer,
    { code, options = [], payload = NO_TOKEN }: CoapContent,
): CoapMessage {
    return { type, code, id, token, options, payload: Buffer.from(payload) };
}
