import { LIMITS, type Log } from "@meterseal/core";
import { type FindCredential, type OwnCredential, requireHandshakeKey } from "../edhoc/index.ts";
import { requireSubjectHex } from "../meter-options.ts";

/** Bounds and waits of the meter's side of sessions over streams; each can be set per link. */
const DEFAULT_STREAM_METER = {
    /** Silence in seconds that the other side may be given up after, half as long again. */
    keepaliveSeconds: 30,
    /** Time for the connection, the handshake and the collector's first word. */
    connectTimeoutMs: 5_000,
    /** Time without any message taken, while some are due, after which the session is dropped. */
    ackTimeoutMs: 30_000,
    /** Messages under way or waiting for credit; beyond it {@link MeterLink.send} rejects with MS_BUSY. */
    maxInFlight: LIMITS.outboxInFlight,
    /** Time that `close` leaves to what was sent last. */
    closeTimeoutMs: 300,
} as const;

/** Options of the meter's side of every link with sessions over streams. */
export interface StreamLinkOptions
    extends Partial<Record<keyof typeof DEFAULT_STREAM_METER, number>> {
    /** Subject: 32 lower-case hexadecimal characters. */
    readonly subjectHex: string;
    /** The meter's own credential, with its private key. */
    readonly own: OwnCredential;
    /** Finds the collector's credential by its id; null for any other. */
    readonly find: FindCredential;
    /** Makes a link token; called for every attempt to connect. */
    readonly token: () => Promise<Uint8Array>;
    /** Source of jitter in [0, 1). */
    readonly random?: () => number;
    readonly log?: Log;
}

/** Options with every default filled in. */
export type StreamLinkSettings = StreamLinkOptions &
    Record<keyof typeof DEFAULT_STREAM_METER, number>;

/**
 * Fills in the defaults and checks who speaks.
 * @throws MetersealError MS_USAGE for a subject that is none, or a key that takes part in no handshake.
 */
export function streamLinkSettings<T extends StreamLinkOptions>(
    options: T,
): T & StreamLinkSettings {
    requireSubjectHex(options.subjectHex);
    requireHandshakeKey(options.own);
    return { ...DEFAULT_STREAM_METER, ...options };
}
