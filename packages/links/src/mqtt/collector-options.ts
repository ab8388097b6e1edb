import { error, LIMITS, type Log } from "@meterseal/core";
import { requireLoopback } from "../listen-address.ts";
import { isTenant } from "./topics.ts";

/** Bounds and waits of the embedded broker; each can be set per link. */
const DEFAULT_MQTT_COLLECTOR = {
    /** Connections at one time; more are closed at once. */
    maxConnections: 1_000,
    /** Time for a connection to present itself (CONNECT), and again for its token's check. */
    connectTimeoutMs: 5_000,
    /** Time for `receive` to settle; after it the connection is closed and the meter sends again. */
    receiveTimeoutMs: 10_000,
    /** Time for a meter to read what was written to it. */
    drainTimeoutMs: 5_000,
    /** Longest keepalive granted; also applied where a client asks for none. */
    maxKeepaliveSeconds: 600,
    /** Messages of one connection under way to the handler; the rest waits at the meter. */
    maxInFlight: LIMITS.outboxInFlight,
    /** Messages to one meter that wait for its socket; beyond it it counts as not connected. */
    maxDeliveries: 256,
    /** Time that `close` leaves to messages under way. */
    closeTimeoutMs: 500,
} as const;

/** Options of `createMqttCollectorLink`. */
export interface MqttCollectorOptions
    extends Partial<Record<keyof typeof DEFAULT_MQTT_COLLECTOR, number>> {
    /** Host to listen on; only the loopback unless {@link MqttCollectorOptions.insecure} is set. */
    readonly host: string;
    /** Port to listen on; 0 takes any free one. */
    readonly port: number;
    /** Tenant in all topics: 1 … 64 letters, digits, `_`, `.` or `-`. */
    readonly tenant: string;
    readonly log: Log;
    /** Allows plain text beyond the loopback, such as inside a tunnel of another program. */
    readonly insecure?: boolean;
}

/** Options with every default filled in. */
export type MqttCollectorSettings = MqttCollectorOptions &
    Record<keyof typeof DEFAULT_MQTT_COLLECTOR, number>;

/**
 * Fills in the defaults.
 * @throws MetersealError MS_LISTEN_ADDRESS for a host beyond the loopback, MS_USAGE for a bad tenant.
 */
export function collectorSettings(options: MqttCollectorOptions): MqttCollectorSettings {
    requireLoopback(options, "MQTT");
    if (!isTenant(options.tenant)) {
        throw error("MS_USAGE", {
            where: "tenant",
            expected: "1 to 64 letters, digits, _ . or -",
            got: JSON.stringify(options.tenant),
        });
    }
    return { ...DEFAULT_MQTT_COLLECTOR, ...options };
}
