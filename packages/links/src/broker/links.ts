import type { CollectorLink, MeterLink } from "@meterseal/core";
import { SessionMeterLink } from "../meter-session.ts";
import { type BrokerAddress, requireBroker } from "./address.ts";
import { BrokerCollectorLink, type BrokerCollectorOptions } from "./collector-link.ts";
import {
    type BrokerMeterOptions,
    BrokerMeterSession,
    brokerMeterSettings,
} from "./meter-session.ts";
import type { BrokerEvents, BrokerPort } from "./port.ts";

/** A protocol that brokers speak. */
export type BrokerProtocol = {
    /** For the log. */
    readonly name: string;
    /** Schemes of addresses without and with TLS. */
    readonly plain: string;
    readonly secure: string;
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
    { name, open, plain, secure }: BrokerProtocol,
    options: BrokeredCollectorOptions,
): CollectorLink {
    requireBroker(options, plain, secure);
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
    { name, open, plain, secure }: BrokerProtocol,
    options: BrokeredMeterOptions,
): MeterLink {
    requireBroker(options, plain, secure);
    const settings = brokerMeterSettings(options);
    return new SessionMeterLink(name, settings, (token, events) => {
        return new BrokerMeterSession(settings, token, events, (portEvents) =>
            open(options, settings.subjectHex, portEvents),
        );
    });
}
