import { LIMITS } from "@meterseal/core";
import type { GatePolicy, PacketGate } from "./packet-gate.ts";
import { CONNECT_BYTE, isPublish, PacketRefused } from "./packet-splitter.ts";
import {
    ACKNOWLEDGE,
    acknowledgement,
    type Publish,
    parsePublish,
    parsePubrel,
    publishQos0,
} from "./publish-packet.ts";
import { publishTopicKind } from "./topics.ts";
import { UnreleasedIds } from "./unreleased.ts";

/** Largest CONNECT packet in bytes: client id, user name, token and last will. */
const CONNECT_BYTES = 8_192;
/** Largest packet in bytes that is neither CONNECT nor PUBLISH. */
const CONTROL_BYTES = 4_096;
/** Room in a PUBLISH packet beside its payload: fixed header, topic, packet id. */
const PUBLISH_OVERHEAD_BYTES = 256;
/** Bytes of messages of one peer under way to the handler; one message always fits. */
const IN_FLIGHT_BYTES = 4 * LIMITS.messageBytes;

/** Bytes of messages down to one peer that wait for its socket. */
const DELIVERY_BYTES = 16 * LIMITS.messageBytes;

/** What a {@link Peer} needs from the link that it belongs to. */
export interface PeerOptions {
    readonly tenant: string;
    /** Messages of the peer under way to {@link PeerOptions.receive}. */
    readonly maxInFlight: number;
    /** Messages down to the peer that wait for its socket. */
    readonly maxDeliveries: number;
    /** Takes a message, in bounded time. */
    receive(subjectHex: string, message: Uint8Array): Promise<void>;
}

/**
 * One connection at the broker. Messages of the meter (`up/…`) end here: they are handed to the
 * link and acknowledged when taken, in order, as their QoS has it; the broker behind never sees them, so one that takes
 * long holds up neither a ping nor another message. All else goes on to the broker.
 */
export class Peer implements GatePolicy {
    /** Set once by whoever builds the gate around this policy. */
    gate: PacketGate | null = null;
    /** Subject that the connection acts for, once its token was accepted. */
    subjectHex: string | null = null;
    /** The connection was acknowledged (CONNACK written) and may send. */
    ready = false;
    /** The meter has subscribed to its receipts. */
    canReceive = false;
    /** Settles when all messages received so far did; null is success. */
    tail: Promise<Error | null> = Promise.resolve(null);
    #seenConnect = false;
    #inFlight = 0;
    #inFlightBytes = 0;
    #deliveries = 0;
    #deliveryBytes = 0;
    readonly #unreleased = new UnreleasedIds();
    readonly #options: PeerOptions;

    constructor(options: PeerOptions) {
        this.#options = options;
    }

    /**
     * Writes a message down to the meter, past the broker: at QoS 0, since TCP keeps order and
     * loses nothing while the connection lasts, and what a lost one took along is asked for again.
     * @returns false when too much waits for the socket, or the connection has ended.
     */
    deliver(topic: string, message: Uint8Array): boolean {
        const { gate } = this;
        if (gate === null || gate.destroyed) return false;
        if (this.#deliveries >= this.#options.maxDeliveries) return false;
        const bytes = message.length;
        if (this.#deliveryBytes + bytes > DELIVERY_BYTES) return false;
        this.#deliveries++;
        this.#deliveryBytes += bytes;
        gate.send(publishQos0(topic, message), () => {
            this.#deliveries--;
            this.#deliveryBytes -= bytes;
        });
        return true;
    }

    get busy(): boolean {
        return this.#inFlight > 0;
    }

    limitBytes(firstByte: number): number {
        if (!this.#seenConnect) return firstByte === CONNECT_BYTE ? CONNECT_BYTES : 0;
        if (isPublish(firstByte)) return LIMITS.messageBytes + PUBLISH_OVERHEAD_BYTES;
        return CONTROL_BYTES;
    }

    admit(packet: Buffer): "pass" | "hold" | "taken" {
        if (!this.#seenConnect) {
            this.#seenConnect = true;
            return "pass";
        }
        const subject = this.subjectHex;
        if (!this.ready || subject === null) return "hold";
        if (packet[0] === ACKNOWLEDGE.pubrel) return this.#release(packet);
        if (!isPublish(packet[0] ?? 0)) return "pass";
        if (this.#isFull(packet.length)) return "hold";
        const publish = parsePublish(packet);
        if (publish === null) throw new PacketRefused("PUBLISH is malformed");
        const { topic, retain, payload } = publish;
        if (publishTopicKind(this.#options.tenant, subject, topic) !== "up") return "pass";
        if (retain) throw new PacketRefused("a message is not retained");
        if (payload.length > LIMITS.messageBytes) {
            throw new PacketRefused(`message of ${payload.length} bytes`);
        }
        this.#take(subject, publish, packet.length);
        return "taken";
    }

    #isFull(packetBytes: number): boolean {
        if (this.#inFlight >= this.#options.maxInFlight) return true;
        return this.#inFlightBytes + packetBytes > IN_FLIGHT_BYTES;
    }

    /** Takes a message; a copy of one at QoS 2 is acknowledged once more, and not taken. */
    #take(subjectHex: string, publish: Publish, packetBytes: number): void {
        const { id, payload, qos } = publish;
        const isCopy = qos === 2 && !this.#unreleased.add(id);
        this.#inFlight++;
        this.#inFlightBytes += packetBytes;
        const taken = isCopy
            ? Promise.resolve(null)
            : this.#options.receive(subjectHex, payload).then(() => null, asError);
        this.tail = Promise.all([this.tail, taken]).then(([before, own]) => {
            const failure = before ?? own;
            if (failure === null) this.#acknowledge(publish, packetBytes);
            else this.gate?.destroy(failure);
            return failure;
        });
    }

    /** Says that a message was taken, as its QoS has it: at QoS 0 nothing. */
    #acknowledge({ id, qos }: Publish, packetBytes: number): void {
        const done = (): void => {
            this.#inFlight--;
            this.#inFlightBytes -= packetBytes;
            this.gate?.wake();
        };
        if (qos === 0) done();
        else this.gate?.send(acknowledgement(qos === 1 ? "puback" : "pubrec", id), done);
    }

    /** Ends a message at QoS 2: its packet id may stand for another one. */
    #release(packet: Buffer): "taken" {
        const id = parsePubrel(packet);
        if (id === null) throw new PacketRefused("PUBREL is malformed");
        this.#unreleased.release(id);
        this.gate?.send(acknowledgement("pubcomp", id), () => {});
        return "taken";
    }
}

function asError(cause: unknown): Error {
    return cause instanceof Error ? cause : new Error(String(cause));
}
