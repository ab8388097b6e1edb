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
import { openXmppPort, requireAccount } from "./port.ts";

const XMPP: BrokerProtocol = {
    ...{ name: "xmpp", plain: "xmpp", secure: "xmpps", upgrades: true },
    open: openXmppPort,
};

/**
 * Collector with an account on a server; its name is the tenant.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createXmppCollectorLink(options: BrokeredCollectorOptions): CollectorLink {
    requireAccount(options, options.tenant);
    return brokeredCollectorLink(XMPP, options);
}

/**
 * Meter with an account on a server; its name is the subject.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createXmppMeterLink(options: BrokeredMeterOptions): MeterLink {
    requireAccount(options, options.subjectHex);
    return brokeredMeterLink(XMPP, options);
}
