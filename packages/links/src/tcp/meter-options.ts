import { LIMITS, type Log } from "@meterseal/core";
import { type FindCredential, type OwnCredential, requireHandshakeKey } from "../edhoc/index.ts";
import { hostOf } from "../listen-address.ts";
import { badOption, requireSubjectHex } from "../meter-options.ts";

/** Bounds and waits of the meter side; each can be set per link. */
const DEFAULT_TCP_METER = {
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

/** Options of `createTcpMeterLink`. */
export interface TcpMeterOptions extends Partial<Record<keyof typeof DEFAULT_TCP_METER, number>> {
    /** Address from `CollectorLink.listen`, such as `tcp://127.0.0.1:8482`. */
    readonly url: string;
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

/** Options with every default filled in, and the address taken apart. */
export type TcpMeterSettings = TcpMeterOptions & {
    readonly address: { readonly host: string; readonly port: number };
} & Record<keyof typeof DEFAULT_TCP_METER, number>;

/**
 * Fills in the defaults and checks the rest.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function tcpMeterSettings(options: TcpMeterOptions): TcpMeterSettings {
    const url = URL.canParse(options.url) ? new URL(options.url) : null;
    const isBare = url !== null && /^\/?$/.test(url.pathname) && url.search === "";
    if (
        url === null ||
        url.protocol !== "tcp:" ||
        url.hostname === "" ||
        url.port === "" ||
        !isBare
    ) {
        throw badOption("url", "tcp://HOST:PORT", options.url);
    }
    requireSubjectHex(options.subjectHex);
    requireHandshakeKey(options.own);
    const address = { host: hostOf(url), port: Number(url.port) };
    return { ...DEFAULT_TCP_METER, ...options, address };
}
