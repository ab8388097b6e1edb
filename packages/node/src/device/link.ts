import { error, type Log, type MeterLink } from "@meterseal/core";
import { createAmqp10MeterLink } from "@meterseal/links/amqp10";
import { createCoapMeterLink } from "@meterseal/links/coap";
import type { FindCredential, OwnCredential } from "@meterseal/links/edhoc";
import { createHttpMeterLink } from "@meterseal/links/http";
import { createMqttMeterLink } from "@meterseal/links/mqtt";
import { createSerialMeterLink } from "@meterseal/links/serial";
import { createTcpMeterLink } from "@meterseal/links/tcp";
import { createWsMeterLink } from "@meterseal/links/ws";
import { brokerMeterLink } from "../brokered.ts";
import { type OptionSpec, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { type BrokerAccess, type BrokerPlace, readBrokerAccess } from "../config/brokers.ts";
import {
    ADDRESS_FORMS,
    isBroker,
    isLine,
    LINE_SCHEME,
    LINK_SCHEMES,
    type LinkScheme,
    linkPlaceOf,
    refuseSecrets,
    TENANT,
} from "../config/links.ts";

/** Where a collector is, and how the way there is taken. */
export type CollectorAddress = {
    readonly url: string;
    /** The broker that the way leads over; null where it is direct. */
    readonly broker: BrokerPlace | null;
    /** Certificates to trust, PEM, and logins where the way leads over a broker. */
    readonly access: BrokerAccess;
    /** Whether plain text may go far. */
    readonly insecure: boolean;
};

/** Options of a command that sends what a meter says. */
export function collectorOptions(help: string): Readonly<Record<string, OptionSpec>> {
    return {
        to: {
            kind: "value",
            value: "URL",
            help: `${help}: SCHEME://HOST:PORT, or serial:///dev/DEVICE`,
        },
        ca: {
            kind: "value",
            value: "FILE",
            help: "certificates to trust for https, wss and brokers, PEM",
        },
        login: {
            kind: "value",
            value: "FILE",
            help: "name and password for a broker, as a line HOST:PORT NAME PASSWORD, for its owner alone",
        },
        insecure: { kind: "flag", help: "allows plain text beyond this machine" },
    };
}

type Common = {
    readonly url: string;
    readonly subjectHex: string;
    readonly token: () => Promise<Uint8Array>;
    readonly log: Log;
    readonly insecure: boolean;
    /** The meter's own credential. */
    readonly own: OwnCredential;
    /** Finds the collector's credential. */
    readonly find: FindCredential;
};
type Trust = { readonly ca?: string };

/** How a meter comes to a collector without a broker. */
type DirectScheme = LinkScheme | typeof LINE_SCHEME;

/** What connects a meter by each scheme. */
const LINKS: Record<DirectScheme, (common: Common, trust: Trust) => MeterLink> = {
    mqtt: (common) => createMqttMeterLink({ ...common, tenant: TENANT }),
    http: (common) => createHttpMeterLink(common),
    https: (common, trust) => createHttpMeterLink({ ...common, ...trust }),
    ws: (common) => createWsMeterLink(common),
    wss: (common, trust) => createWsMeterLink({ ...common, ...trust }),
    coap: (common) => createCoapMeterLink(common),
    tcp: (common) => createTcpMeterLink(common),
    serial: (common) => createSerialMeterLink(common),
    amqp: (common) => createAmqp10MeterLink({ ...common, tenant: TENANT }),
};

/**
 * The collector that `--to`, `--ca` and `--login` name.
 * @throws MetersealError MS_USAGE; MS_NOT_FOUND, MS_TOO_LARGE for the files.
 */
export function collectorOf(options: Options): CollectorAddress {
    const url = requiredOption(options, "to", "URL");
    refuseSecrets(url, "--to", "Put them into a file and name it with --login.");
    const place = linkPlaceOf(url);
    const broker = place !== null && isBroker(place) ? place : null;
    const isHost = URL.canParse(url) && new URL(url).hostname !== "";
    const isDirect = schemeOf(url) !== undefined && (isHost || (place !== null && isLine(place)));
    if (broker === null && !isDirect) {
        const [last, ...others] = ADDRESS_FORMS.toReversed();
        const expected = `--to ${others.reverse().join(", ")} or ${last}`;
        throw error("MS_USAGE", { expected, got: url });
    }
    const loginFile = textOption(options, "login") ?? null;
    if (loginFile !== null && broker === null) {
        const expected = "--login with a broker, such as mqtts+broker://HOST:PORT";
        throw error("MS_USAGE", { expected, got: url });
    }
    const access = readBrokerAccess(loginFile, textOption(options, "ca") ?? null);
    return { url, broker, access, insecure: options.insecure === true };
}

/**
 * Link of a meter to its collector; it is not connected yet.
 * @throws MetersealError MS_USAGE for an address that no link takes.
 */
export function createMeterLink(
    { access, broker, insecure, url }: CollectorAddress,
    meter: Omit<Common, "insecure" | "url">,
): MeterLink {
    if (broker !== null) return brokerMeterLink(broker, { ...meter, access, insecure });
    const scheme = schemeOf(url);
    if (scheme === undefined) throw error("MS_USAGE", { got: url });
    const { ca } = access;
    return LINKS[scheme]({ ...meter, insecure, url }, ca === undefined ? {} : { ca });
}

function schemeOf(url: string): DirectScheme | undefined {
    const schemes: readonly DirectScheme[] = [...LINK_SCHEMES, LINE_SCHEME];
    return schemes.find((scheme) => url.startsWith(`${scheme}:`));
}
