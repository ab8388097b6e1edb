import { LIMITS, type Log } from "@meterseal/core";
import { requireSubjectHex, requireWebUrl } from "../meter-options.ts";

/** Bounds and waits of the meter side; each can be set per link. */
const DEFAULT_WS_METER = {
    /** Silence in seconds that the other side may be given up after, half as long again. */
    keepaliveSeconds: 30,
    /** Time for the connection and its first frame. */
    connectTimeoutMs: 5_000,
    /** Time without any message taken, while some are due, after which the connection is dropped. */
    ackTimeoutMs: 30_000,
    /** Messages under way or waiting for credit; beyond it {@link MeterLink.send} rejects with MS_BUSY. */
    maxInFlight: LIMITS.outboxInFlight,
    /** Time that `close` leaves to a proper goodbye. */
    closeTimeoutMs: 300,
} as const;

/** Options of `createWsMeterLink`. */
export interface WsMeterOptions extends Partial<Record<keyof typeof DEFAULT_WS_METER, number>> {
    /** Address of the HTTP link, such as `wss://collector.example:8443`. */
    readonly url: string;
    /** Subject: 32 lower-case hexadecimal characters. */
    readonly subjectHex: string;
    /** Makes a link token; called for every attempt to connect. */
    readonly token: () => Promise<Uint8Array>;
    /** Certificates to trust instead of the well-known ones, PEM. */
    readonly ca?: string;
    /** Source of jitter in [0, 1). */
    readonly random?: () => number;
    readonly log?: Log;
    /** Allows plain text beyond the loopback. */
    readonly insecure?: boolean;
}

/** Options with every default filled in. */
export type WsMeterSettings = WsMeterOptions & Record<keyof typeof DEFAULT_WS_METER, number>;

/**
 * Fills in the defaults and checks the rest.
 * @throws MetersealError MS_USAGE for a bad option, plain text beyond the loopback among them.
 */
export function wsMeterSettings(options: WsMeterOptions): WsMeterSettings {
    requireWebUrl(options, "ws");
    requireSubjectHex(options.subjectHex);
    return { ...DEFAULT_WS_METER, ...options };
}
