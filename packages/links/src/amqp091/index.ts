/**
 * AMQP 0-9-1 through a broker such as RabbitMQ, of which collector and meters are clients. Needs the
 * package amqplib.
 *
 * @packageDocumentation
 */
import type { CollectorLink, MeterLink } from "@meterseal/core";
import {
    type BrokeredCollectorOptions,
    type BrokeredMeterOptions,
    type BrokerProtocol,
    brokeredCollectorLink,
    brokeredMeterLink,
} from "../broker/links.ts";
import { openAmqpPort } from "./port.ts";

const AMQP: BrokerProtocol = {
    ...{ name: "amqp 0-9-1", plain: "amqp", secure: "amqps" },
    open: openAmqpPort,
};

/**
 * Collector as the client of a broker.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createAmqp091CollectorLink(options: BrokeredCollectorOptions): CollectorLink {
    return brokeredCollectorLink(AMQP, options);
}

/**
 * Meter as the client of a broker.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createAmqp091MeterLink(options: BrokeredMeterOptions): MeterLink {
    return brokeredMeterLink(AMQP, options);
}
