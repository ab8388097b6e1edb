/**
 * XMPP through a server such as Prosody, on which collector and meters have accounts. Needs the package
 * @xmpp/client.
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
import { domainOf, openXmppPort } from "./port.ts";

const XMPP: BrokerProtocol = {
    ...{ name: "xmpp", plain: "xmpp", secure: "xmpps" },
    open: openXmppPort,
};

/**
 * Collector with an account on a server; its name is the tenant.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createXmppCollectorLink(options: BrokeredCollectorOptions): CollectorLink {
    domainOf(options);
    return brokeredCollectorLink(XMPP, options);
}

/**
 * Meter with an account on a server; its name is the subject.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createXmppMeterLink(options: BrokeredMeterOptions): MeterLink {
    domainOf(options);
    return brokeredMeterLink(XMPP, options);
}
