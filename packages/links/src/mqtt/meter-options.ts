import { hostOf, LIMITS, type Log } from "@meterseal/core";
import { isLoopback } from "../listen-address.ts";
import { badOption, requireSubjectHex } from "../meter-options.ts";
import { isTenant, type UpChannel } from "./topics.ts";

/** Bounds and waits of the meter side; each can be set per link. */
const DEFAULT_MQTT_METER = {
    /** Silence in seconds after which the connection is probed; given up after half as long again. */
    keepaliveSeconds: 30,
    /** Time for the connection and its acknowledgement. */
    connectTimeoutMs: 5_000,
    /** Time without any acknowledgement, while some are due, after which the connection is dropped. */
    ackTimeoutMs: 30_000,
    /** Messages under way; beyond it {@link MeterLink.send} rejects with MS_BUSY. */
    maxInFlight: LIMITS.outboxInFlight,
    /** Time that `close` leaves to a proper goodbye. */
    closeTimeoutMs: 300,
} as const;

/** Options of `createMqttMeterLink`. */
export interface MqttMeterOptions extends Partial<Record<keyof typeof DEFAULT_MQTT_METER, number>> {
    /** Address from `CollectorLink.listen`, such as `mqtt://127.0.0.1:1883`. */
    readonly url: string;
    /** Subject: 32 lower-case hexadecimal characters. */
    readonly subjectHex: string;
    /** Tenant in all topics, as the collector has it. */
    readonly tenant: string;
    /** Makes a link token; called for every attempt to connect. */
    readonly token: () => Promise<Uint8Array>;
    /** Topic that a message goes to; `usage` unless given. A hint for brokers, nothing depends on it. */
    readonly channel?: (message: Uint8Array) => UpChannel;
    /** Source of jitter in [0, 1). */
    readonly random?: () => number;
    readonly log?: Log;
    /** Allows plain text beyond the loopback. */
    readonly insecure?: boolean;
}

/** Options with every default filled in, and the address taken apart. */
export type MqttMeterSettings = MqttMeterOptions & {
    readonly address: { host: string; port: number };
} & Record<keyof typeof DEFAULT_MQTT_METER, number>;

/**
 * Fills in the defaults and checks the rest.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function meterSettings(options: MqttMeterOptions): MqttMeterSettings {
    const url = URL.canParse(options.url) ? new URL(options.url) : null;
    if (url === null || url.protocol !== "mqtt:" || url.hostname === "") {
        throw badOption("url", "mqtt://HOST:PORT", options.url);
    }
    const host = hostOf(url);
    if (!isLoopback(host) && options.insecure !== true) {
        throw badOption(
            "url",
            "a loopback address, or insecure set: MQTT is plain text",
            options.url,
        );
    }
    requireSubjectHex(options.subjectHex);
    if (!isTenant(options.tenant)) {
        throw badOption("tenant", "1 to 64 letters, digits, _ . or -", options.tenant);
    }
    const address = { host, port: Number(url.port || 1883) };
    return { ...DEFAULT_MQTT_METER, ...options, address };
}
