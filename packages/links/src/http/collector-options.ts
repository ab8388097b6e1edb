import { LIMITS, type Log } from "@meterseal/core";
import { isLoopbackHeader, requireLoopback } from "../listen-address.ts";

/** Bounds and waits of the HTTP listener; each can be set per link. */
const DEFAULT_HTTP_COLLECTOR = {
    /** Connections at one time; more are closed at once. A meter holds up to nine. */
    maxConnections: 9_216,
    /** Streams at one time; one more is told to wait. */
    maxSessions: 1_000,
    /** Messages of all meters being read or taken; one more is told to wait. */
    maxRequests: LIMITS.ingestMessages,
    /** Messages of one session being read or taken; the meter keeps to it. */
    maxSessionRequests: LIMITS.outboxInFlight,
    /** Time for the header of a request, and before it for a handshake of TLS. */
    headersTimeoutMs: 5_000,
    /** Time for a whole request, body included. */
    requestTimeoutMs: 10_000,
    /** Time for the check of a token. */
    connectTimeoutMs: 5_000,
    /** Time for `receive` to settle; after it the message counts as not taken. */
    receiveTimeoutMs: 10_000,
    /** Time for a meter to read what was written to its stream. */
    drainTimeoutMs: 5_000,
    /** Longest silence granted to a stream before it is probed, in seconds. */
    maxKeepaliveSeconds: 60,
    /** Bytes that may wait for a meter's stream; beyond it the meter counts as not connected. */
    maxStreamBytes: 16 * LIMITS.messageBytes,
    /** Time that `close` leaves to messages under way. */
    closeTimeoutMs: 500,
} as const;

/** Options of `createHttpCollectorLink`. */
export interface HttpCollectorOptions
    extends Partial<Record<keyof typeof DEFAULT_HTTP_COLLECTOR, number>> {
    /** Host to listen on; only the loopback without TLS. */
    readonly host: string;
    /** Port to listen on; 0 takes any free one. */
    readonly port: number;
    /** Certificate chain and private key, PEM: serves HTTPS. */
    readonly tls?: { readonly cert: string; readonly key: string };
    readonly log: Log;
    /** Allows plain text beyond the loopback, and any host name. */
    readonly insecure?: boolean;
}

/** Options with every default filled in. */
export type HttpCollectorSettings = HttpCollectorOptions &
    Record<keyof typeof DEFAULT_HTTP_COLLECTOR, number>;

/**
 * Fills in the defaults.
 * @throws MetersealError MS_LISTEN_ADDRESS for plain text beyond the loopback.
 */
export function httpCollectorSettings(options: HttpCollectorOptions): HttpCollectorSettings {
    if (options.tls === undefined) requireLoopback(options, "HTTP without a certificate");
    return { ...DEFAULT_HTTP_COLLECTOR, ...options };
}

/**
 * Whether a caller may come under a host name: on a plain listener of this machine by one of its own
 * alone, so that no page of another site whose name leads here (DNS rebinding) gets through.
 */
export function mayCall({ insecure, tls }: HttpCollectorSettings, host?: string): boolean {
    return tls !== undefined || insecure === true || isLoopbackHeader(host);
}
