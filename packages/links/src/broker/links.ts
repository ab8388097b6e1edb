import type { CollectorLink, MeterLink } from "@meterseal/core";
import { SessionMeterLink } from "../meter-session.ts";
import { type BrokerAddress, type BrokerSchemes, requireBroker } from "./address.ts";
import { BrokerCollectorLink, type BrokerCollectorOptions } from "./collector-link.ts";
import {
    type BrokerMeterOptions,
    BrokerMeterSession,
    brokerMeterSettings,
} from "./meter-session.ts";
import type { BrokerEvents, BrokerPort } from "./port.ts";

/** A protocol that brokers speak. */
export type BrokerProtocol = BrokerSchemes & {
    /** For the log. */
    readonly name: string;
    /** Begins a connection of a meter, or with `+` of a collector, which hears all of them. */
    readonly open: (address: BrokerAddress, subjectHex: string, events: BrokerEvents) => BrokerPort;
};

/** Options of a collector behind a broker. */
export type BrokeredCollectorOptions = BrokerCollectorOptions & BrokerAddress;
/** Options of a meter behind a broker. */
export type BrokeredMeterOptions = BrokerMeterOptions & BrokerAddress;

/**
 * Collector as the client of a broker.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function brokeredCollectorLink(
    protocol: BrokerProtocol,
    options: BrokeredCollectorOptions,
): CollectorLink {
    const { name, open } = protocol;
    requireBroker(options, protocol);
    return new BrokerCollectorLink(
        name,
        () => options.url,
        options,
        (events) => open(options, "+", events),
    );
}

/**
 * Meter as the client of a broker.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function brokeredMeterLink(
    protocol: BrokerProtocol,
    options: BrokeredMeterOptions,
): MeterLink {
    const { name, open } = protocol;
    requireBroker(options, protocol);
    const settings = brokerMeterSettings(options);
    return new SessionMeterLink(name, settings, (token, events) => {
        return new BrokerMeterSession(settings, token, events, (portEvents) =>
            open(options, settings.subjectHex, portEvents),
        );
    });
}
