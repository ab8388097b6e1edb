import type { CollectorLink, Log, MeterLink } from "@meterseal/core";
import { createAmqp10CollectorLink, createAmqp10MeterLink } from "@meterseal/links/amqp10";
import { createAmqp091CollectorLink, createAmqp091MeterLink } from "@meterseal/links/amqp091";
import {
    createMqttBrokerCollectorLink,
    createMqttBrokerMeterLink,
} from "@meterseal/links/mqtt-broker";
import { createXmppCollectorLink, createXmppMeterLink } from "@meterseal/links/xmpp";
import {
    BROKER_SCHEMES,
    type BrokerAccess,
    type BrokerPlace,
    type BrokerProtocol,
    brokerAddressOf,
} from "./config/brokers.ts";

type CollectorOptions = Parameters<typeof createMqttBrokerCollectorLink>[0];
type MeterOptions = Parameters<typeof createMqttBrokerMeterLink>[0];

/** The two ends of each protocol. */
const ENDS: Record<
    BrokerProtocol,
    {
        readonly collector: (options: CollectorOptions) => CollectorLink;
        readonly meter: (options: MeterOptions) => MeterLink;
    }
> = {
    mqtt: { collector: createMqttBrokerCollectorLink, meter: createMqttBrokerMeterLink },
    amqp10: { collector: createAmqp10CollectorLink, meter: createAmqp10MeterLink },
    amqp091: { collector: createAmqp091CollectorLink, meter: createAmqp091MeterLink },
    xmpp: { collector: createXmppCollectorLink, meter: createXmppMeterLink },
};

/** How the broker of a link is entered, and whether plain text may go far. */
type Entry = { readonly access: BrokerAccess; readonly insecure: boolean };

/**
 * Link of a collector that is the client of a broker.
 * @throws MetersealError MS_USAGE
 */
export function brokerCollectorLink(
    place: BrokerPlace,
    { access, insecure, log }: Entry & { readonly log: Log },
): CollectorLink {
    const { protocol } = BROKER_SCHEMES[place.scheme];
    return ENDS[protocol].collector({ ...brokerAddressOf(place, access, insecure), log });
}

/**
 * Link of a meter that is the client of a broker; it is not connected yet.
 * @throws MetersealError MS_USAGE
 */
export function brokerMeterLink(
    place: BrokerPlace,
    { access, insecure, ...meter }: Entry & Omit<MeterOptions, "tenant" | "url">,
): MeterLink {
    const { protocol } = BROKER_SCHEMES[place.scheme];
    return ENDS[protocol].meter({ ...meter, ...brokerAddressOf(place, access, insecure) });
}
