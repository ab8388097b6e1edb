import { error, LIMITS, type Log, type MeterLink } from "@meterseal/core";
import { createAmqp10MeterLink } from "@meterseal/links/amqp10";
import { createCoapMeterLink } from "@meterseal/links/coap";
import type { FindCredential, OwnCredential } from "@meterseal/links/edhoc";
import { createHttpMeterLink } from "@meterseal/links/http";
import { createMqttMeterLink } from "@meterseal/links/mqtt";
import { createTcpMeterLink } from "@meterseal/links/tcp";
import { createWsMeterLink } from "@meterseal/links/ws";
import { type OptionSpec, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { LINK_SCHEMES, type LinkScheme } from "../config/links.ts";
import { readBounded } from "../files.ts";
import { TENANT } from "../server/links.ts";

/** Where a collector is, the certificates to trust there, PEM, and whether plain text may go far. */
export type CollectorAddress = {
    readonly url: string;
    readonly ca: string | undefined;
    readonly insecure?: boolean;
};

/** Options of a command that sends what a meter says. */
export function collectorOptions(help: string): Readonly<Record<string, OptionSpec>> {
    return {
        to: { kind: "value", value: "URL", help: `${help}: SCHEME://HOST:PORT` },
        ca: { kind: "value", value: "FILE", help: "certificates to trust for https and wss, PEM" },
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

/** What connects a meter by each scheme. */
const LINKS: Record<LinkScheme, (common: Common, trust: Trust) => MeterLink> = {
    mqtt: (common) => createMqttMeterLink({ ...common, tenant: TENANT }),
    http: (common) => createHttpMeterLink(common),
    https: (common, trust) => createHttpMeterLink({ ...common, ...trust }),
    ws: (common) => createWsMeterLink(common),
    wss: (common, trust) => createWsMeterLink({ ...common, ...trust }),
    coap: (common) => createCoapMeterLink(common),
    tcp: (common) => createTcpMeterLink(common),
    amqp: (common) => createAmqp10MeterLink({ ...common, tenant: TENANT }),
};

/**
 * The collector that `--to` and `--ca` name.
 * @throws MetersealError MS_USAGE; MS_NOT_FOUND, MS_TOO_LARGE for the certificates.
 */
export function collectorOf(options: Options): CollectorAddress {
    const text = requiredOption(options, "to", "URL");
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || schemeOf(text) === undefined || url.hostname === "") {
        const [last, ...others] = LINK_SCHEMES.map((scheme) => `${scheme}://HOST:PORT`).reverse();
        const expected = `--to ${others.reverse().join(", ")} or ${last}`;
        throw error("MS_USAGE", { expected, got: text });
    }
    const path = textOption(options, "ca");
    const ca =
        path === undefined ? undefined : readBounded(path, LIMITS.configBytes).toString("utf8");
    return { url: text, ca, insecure: options.insecure === true };
}

/**
 * Link of a meter to its collector; it is not connected yet.
 * @throws MetersealError MS_USAGE for an address that no link takes.
 */
export function createMeterLink(
    { ca, insecure = false, url }: CollectorAddress,
    meter: Omit<Common, "insecure" | "url">,
): MeterLink {
    const scheme = schemeOf(url);
    if (scheme === undefined) throw error("MS_USAGE", { got: url });
    return LINKS[scheme]({ ...meter, insecure, url }, ca === undefined ? {} : { ca });
}

function schemeOf(url: string): LinkScheme | undefined {
    return LINK_SCHEMES.find((scheme) => url.startsWith(`${scheme}:`));
}
