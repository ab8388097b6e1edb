/**
 * AMQP 1.0: a collector that listens itself, or with its meters is a client of a broker such as RabbitMQ
 * with its plugin. Needs the package rhea.
 *
 * @packageDocumentation
 */
import type { CollectorLink, MeterLink } from "@meterseal/core";
import { BrokerCollectorLink, type BrokerCollectorOptions } from "../broker/collector-link.ts";
import {
    type BrokeredCollectorOptions,
    type BrokeredMeterOptions,
    type BrokerProtocol,
    brokeredCollectorLink,
    brokeredMeterLink,
} from "../broker/links.ts";
import { requireLoopback, urlHost } from "../listen-address.ts";
import { badOption } from "../meter-options.ts";
import { isTenant } from "../mqtt/topics.ts";
import { openAmqp10Port } from "./client-port.ts";
import { type Amqp10Place, Amqp10ServerPort } from "./server-port.ts";

const AMQP: BrokerProtocol = {
    ...{ name: "amqp 1.0", plain: "amqp", secure: "amqps" },
    open: openAmqp10Port,
};
/** Bounds of a listener; each can be set. */
const BOUNDS = { maxConnections: 1_000, connectTimeoutMs: 5_000 };

/** Options of `createAmqp10Listener`. */
export type Amqp10ListenerOptions = BrokerCollectorOptions &
    Omit<Amqp10Place, "connectTimeoutMs" | "maxConnections"> & {
        readonly maxConnections?: number;
        /** Allows plain text beyond the loopback. */
        readonly insecure?: boolean;
    };

/**
 * Collector that listens for meters itself.
 * @throws MetersealError MS_LISTEN_ADDRESS for a host beyond the loopback, MS_USAGE for a bad tenant.
 */
export function createAmqp10Listener(options: Amqp10ListenerOptions): CollectorLink {
    requireLoopback(options, "AMQP");
    if (!isTenant(options.tenant)) {
        throw badOption("tenant", "1 to 64 letters, digits, _ . or -", options.tenant);
    }
    let port = options.port;
    const address = (): string => `amqp://${urlHost(options.host)}:${port}`;
    return new BrokerCollectorLink("amqp 1.0", address, options, (events) => {
        const place = { ...BOUNDS, ...options };
        const server = new Amqp10ServerPort(place, {
            ...events,
            up: () => {
                port = server.port;
                events.up();
            },
        });
        return server;
    });
}

/**
 * Collector as the client of a broker.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createAmqp10CollectorLink(options: BrokeredCollectorOptions): CollectorLink {
    return brokeredCollectorLink(AMQP, options);
}

/**
 * Meter of a collector that listens, or of one behind a broker: it does not know which.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createAmqp10MeterLink(options: BrokeredMeterOptions): MeterLink {
    return brokeredMeterLink(AMQP, options);
}
