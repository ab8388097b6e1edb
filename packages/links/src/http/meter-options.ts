import { LIMITS, type Log } from "@meterseal/core";
import { requireSubjectHex, requireWebUrl } from "../meter-options.ts";

/** Bounds and waits of the meter side; each can be set per link. */
const DEFAULT_HTTP_METER = {
    /** Silence in seconds that the other side may be given up after, half as long again. */
    keepaliveSeconds: 30,
    /** Time for the connection and the session. */
    connectTimeoutMs: 5_000,
    /** Silence of a connection on which an answer is due, after which the session is dropped. */
    ackTimeoutMs: 30_000,
    /** Messages under way; beyond it {@link MeterLink.send} rejects with MS_BUSY. */
    maxInFlight: LIMITS.outboxInFlight,
    /** Connections for messages up, beside the one of the stream. */
    maxConnections: 8,
} as const;

/** Options of `createHttpMeterLink`. */
export interface HttpMeterOptions extends Partial<Record<keyof typeof DEFAULT_HTTP_METER, number>> {
    /** Address from `CollectorLink.listen`, such as `https://collector.example:8443`. */
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
export type HttpMeterSettings = HttpMeterOptions & Record<keyof typeof DEFAULT_HTTP_METER, number>;

/**
 * Fills in the defaults and checks the rest.
 * @throws MetersealError MS_USAGE for a bad option, plain text beyond the loopback among them.
 */
export function httpMeterSettings(options: HttpMeterOptions): HttpMeterSettings {
    requireWebUrl(options, "http");
    requireSubjectHex(options.subjectHex);
    return { ...DEFAULT_HTTP_METER, ...options };
}
