import { LIMITS, type Log } from "@meterseal/core";
import type { Credential, OwnCredential } from "../edhoc/index.ts";

/** Bounds and waits of the collector's side of sessions over streams; each can be set per link. */
const DEFAULT_STREAM_COLLECTOR = {
    /** Sessions at one time; one more is told to wait. */
    maxSessions: 1_000,
    /** Messages of all meters under way to the handler; one more is told to wait. */
    maxRequests: LIMITS.ingestMessages,
    /** Time for the handshake and the check of a token. */
    connectTimeoutMs: 5_000,
    /** Time for `receive` to settle; after it the message counts as not taken. */
    receiveTimeoutMs: 10_000,
    /** Time for a meter to read what was written to it. */
    drainTimeoutMs: 5_000,
    /** Longest silence granted to a meter, in seconds. */
    maxKeepaliveSeconds: 600,
    /** Bytes that may wait for a meter; beyond it it counts as not connected. */
    maxStreamBytes: 16 * LIMITS.messageBytes,
    /** Time that `close` leaves to messages under way. */
    closeTimeoutMs: 500,
    /** Time for what was sent last in a session that ends. */
    goodbyeMs: 200,
} as const;

/** A meter that may begin a session: its credential, and its subject in hexadecimal digits. */
export type KnownMeter = { readonly credential: Credential; readonly subjectHex: string };

/** Options of the collector's side of every link with sessions over streams. */
export interface StreamCollectorOptions
    extends Partial<Record<keyof typeof DEFAULT_STREAM_COLLECTOR, number>> {
    /** The collector's own credential, with its private key. */
    readonly own: OwnCredential;
    /** Finds a meter by its credential id; null for one that is not enrolled. */
    readonly find: (id: Uint8Array) => KnownMeter | null;
    readonly log: Log;
}

/** Options with every default filled in. */
export type StreamCollectorSettings = StreamCollectorOptions &
    Record<keyof typeof DEFAULT_STREAM_COLLECTOR, number>;

/** Fills in the defaults. */
export function streamCollectorSettings<T extends StreamCollectorOptions>(
    options: T,
): T & StreamCollectorSettings {
    return { ...DEFAULT_STREAM_COLLECTOR, ...options };
}
