import { hostOf, LIMITS, type Log } from "@meterseal/core";
import { isLoopback } from "../listen-address.ts";
import { badOption, requireSubjectHex } from "../meter-options.ts";
import { TRANSMISSION } from "./message-layer.ts";

/** Bounds and waits of the meter side; each can be set per link. */
const DEFAULT_COAP_METER = {
    ...TRANSMISSION,
    /** Silence in seconds that the other side may be given up after, half as long again. */
    keepaliveSeconds: 30,
    /** Time for the session. */
    connectTimeoutMs: 10_000,
    /** Time without any answer, while some are due, after which the session is dropped. */
    ackTimeoutMs: 30_000,
    /** Messages under way; beyond it {@link MeterLink.send} rejects with MS_BUSY. */
    maxInFlight: LIMITS.outboxInFlight,
} as const;

/** Options of `createCoapMeterLink`. */
export interface CoapMeterOptions extends Partial<Record<keyof typeof DEFAULT_COAP_METER, number>> {
    /** Address from `CollectorLink.listen`, such as `coap://127.0.0.1:5683`. */
    readonly url: string;
    /** Subject: 32 lower-case hexadecimal characters. */
    readonly subjectHex: string;
    /** Makes a link token; called for every attempt to connect. */
    readonly token: () => Promise<Uint8Array>;
    /** Source of jitter in [0, 1). */
    readonly random?: () => number;
    readonly log?: Log;
    /** Allows plain text beyond the loopback. */
    readonly insecure?: boolean;
}

/** Options with every default filled in, and the address taken apart. */
export type CoapMeterSettings = CoapMeterOptions & {
    readonly address: { readonly host: string; readonly port: number };
} & Record<keyof typeof DEFAULT_COAP_METER, number>;

const DEFAULT_PORT = 5_683;

/**
 * Fills in the defaults and checks the rest.
 * @throws MetersealError MS_USAGE for a bad option, plain text beyond the loopback among them.
 */
export function coapMeterSettings(options: CoapMeterOptions): CoapMeterSettings {
    const url = URL.canParse(options.url) ? new URL(options.url) : null;
    const isBare = url !== null && /^\/?$/.test(url.pathname) && url.search === "";
    if (url === null || url.protocol !== "coap:" || url.hostname === "" || !isBare) {
        throw badOption("url", "coap://HOST:PORT", options.url);
    }
    const host = hostOf(url);
    if (!isLoopback(host) && options.insecure !== true) {
        const expected = "a loopback address, or insecure set: CoAP is plain text";
        throw badOption("url", expected, options.url);
    }
    requireSubjectHex(options.subjectHex);
    const address = { host, port: Number(url.port || DEFAULT_PORT) };
    return { ...DEFAULT_COAP_METER, ...options, address };
}
