import { type Clock, LIMITS, type Log } from "@meterseal/core";
import { requireLoopback } from "../listen-address.ts";
import { TRANSMISSION } from "./message-layer.ts";

/** Bounds and waits of the CoAP listener; each can be set per link. */
const DEFAULT_COAP_COLLECTOR = {
    ...TRANSMISSION,
    /** Sessions at one time; one more is told to wait. */
    maxSessions: 1_000,
    /** Addresses without a session that are remembered, for the copies of what they send. */
    maxStrangers: 1_024,
    /** Messages of all meters under way to the handler; one more is told to wait. */
    maxRequests: LIMITS.ingestMessages,
    /** Messages of one session under way to the handler; one more is told to wait. */
    maxSessionRequests: LIMITS.outboxInFlight,
    /** Time after which a request is acknowledged whose answer is not there yet. */
    ackDelayMs: 2,
    /** Time for the check of a token. */
    connectTimeoutMs: 5_000,
    /** Time for `receive` to settle; after it the message counts as not taken. */
    receiveTimeoutMs: 10_000,
    /** Time for all blocks of a message to come. */
    uploadTimeoutMs: 30_000,
    /** Time between two blocks of a message that a meter fetches. */
    drainTimeoutMs: 5_000,
    /** Longest silence granted to a meter, in seconds. */
    maxKeepaliveSeconds: 600,
    /** Messages to one meter that wait; beyond it it counts as not connected. */
    maxDeliveries: 256,
    /** Bytes of messages to one meter that wait. */
    maxQueueBytes: 16 * LIMITS.messageBytes,
    /** Time that `close` leaves to messages under way. */
    closeTimeoutMs: 500,
} as const;

/** Options of `createCoapCollectorLink`. */
export interface CoapCollectorOptions
    extends Partial<Record<keyof typeof DEFAULT_COAP_COLLECTOR, number>> {
    /** Host to listen on; only the loopback unless {@link CoapCollectorOptions.insecure} is set. */
    readonly host: string;
    /** Port to listen on; 0 takes any free one. */
    readonly port: number;
    readonly log: Log;
    /** Time that `GET /t` tells; without it there is no such resource. */
    readonly clock?: Clock;
    /** Allows plain text beyond the loopback. */
    readonly insecure?: boolean;
}

/** Options with every default filled in. */
export type CoapCollectorSettings = CoapCollectorOptions &
    Record<keyof typeof DEFAULT_COAP_COLLECTOR, number>;

/**
 * Fills in the defaults.
 * @throws MetersealError MS_LISTEN_ADDRESS for a host beyond the loopback.
 */
export function coapCollectorSettings(options: CoapCollectorOptions): CoapCollectorSettings {
    requireLoopback(options, "CoAP");
    return { ...DEFAULT_COAP_COLLECTOR, ...options };
}
