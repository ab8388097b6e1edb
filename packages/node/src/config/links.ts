import { error, hostOf } from "@meterseal/core";
import { type SerialPlace, serialPlaceOf } from "@meterseal/links/serial";
import { BROKER_SCHEMES, type BrokerPlace, type BrokerScheme, brokerUrl } from "./brokers.ts";

/** What speaks on a listener: the first word of its address. */
export const LINK_SCHEMES = ["mqtt", "http", "https", "ws", "wss", "coap", "amqp", "tcp"] as const;

/** One of {@link LINK_SCHEMES}. */
export type LinkScheme = (typeof LINK_SCHEMES)[number];

/** A listener of the server's own. */
export type ListenerPlace = {
    readonly scheme: LinkScheme;
    readonly host: string;
    /** 0 takes any free one. */
    readonly port: number;
};

/** A serial device with a meter at its other end. */
export type LinePlace = SerialPlace & { readonly scheme: typeof LINE_SCHEME };

/** First word of the address of a serial device. */
export const LINE_SCHEME = "serial";

/** Where meters come to. */
export type LinkPlace = ListenerPlace | BrokerPlace | LinePlace;

/** Whether meters come by way of a broker of another program. */
export function isBroker(place: LinkPlace): place is BrokerPlace {
    return "tenant" in place;
}

/** Whether a meter comes by a serial device. */
export function isLine(place: LinkPlace): place is LinePlace {
    return place.scheme === LINE_SCHEME;
}

/** Whether meters come to a port of the server itself. */
export function isListener(place: LinkPlace): place is ListenerPlace {
    return !isBroker(place) && !isLine(place);
}

/** Whether what goes over a link is encrypted, so that it may leave the loopback. */
export function isSecure(scheme: LinkScheme): boolean {
    return scheme === "https" || scheme === "wss" || scheme === "tcp";
}

/** Whether a link listens for datagrams. */
export function isDatagram(scheme: LinkScheme): boolean {
    return scheme === "coap";
}

/** Examples of addresses, for messages and help. */
export const LINK_EXAMPLE = "coap://127.0.0.1:5683";

/** Tenant of a server that serves one operator. */
export const TENANT = "local";

/** How addresses of links begin, and where they lead, for messages. */
export const ADDRESS_FORMS: readonly string[] = [
    ...[...LINK_SCHEMES, ...Object.keys(BROKER_SCHEMES)].map((scheme) => `${scheme}://HOST:PORT`),
    `${LINE_SCHEME}:///dev/DEVICE`,
];

const ADDRESS =
    /^([a-z][a-z0-9+]*):\/\/(\[[0-9a-fA-F:.]+\]|[^\s/:@?#[\]]+):(\d{1,5})(?:\/([A-Za-z0-9_.-]{1,64})?)?(?:\?vhost=([A-Za-z0-9_.~%-]{1,255}))?$/;

/**
 * Refuses names and passwords in an address: it is logged and shown, and a list of processes has it. No
 * address of a host has an `@` elsewhere, so that one behind a password of any characters is found.
 * @throws MetersealError MS_USAGE, which does not show the address.
 */
export function refuseSecrets(text: string, where: string, todo: string): void {
    if (!/:\/\/(?!\/).*@/s.test(text)) return;
    const expected = "an address without name and password";
    throw error("MS_USAGE", { where, expected, todo });
}

/**
 * Place of an address such as `coap://127.0.0.1:5683`: scheme, host and port, of a broker also a tenant,
 * and where it speaks AMQP a virtual host; or such as `serial:///dev/ttyUSB0`; null for any other text.
 * @throws MetersealError MS_USAGE for an address of a serial device that is none.
 */
export function linkPlaceOf(text: string): LinkPlace | null {
    if (text.startsWith(`${LINE_SCHEME}:`)) return { scheme: LINE_SCHEME, ...serialPlaceOf(text) };
    const [, scheme = "", given = "", digits = "", tenant, vhost] = ADDRESS.exec(text) ?? [];
    const [host, port] = [hostOf({ hostname: given }), Number(digits)];
    if (port > 65_535) return null;
    const listener = LINK_SCHEMES.find((each) => each === scheme);
    if (listener !== undefined) {
        const isBare = tenant === undefined && vhost === undefined;
        return isBare ? { scheme: listener, host, port } : null;
    }
    if (!isBrokerScheme(scheme) || port === 0) return null;
    const place = { scheme, host, port, tenant: tenant ?? TENANT };
    if (vhost === undefined) return place;
    const virtualHost = decoded(vhost);
    const hasOnes = BROKER_SCHEMES[scheme].protocol.startsWith("amqp");
    return hasOnes && virtualHost !== null ? { ...place, virtualHost } : null;
}

function isBrokerScheme(text: string): text is BrokerScheme {
    return Object.hasOwn(BROKER_SCHEMES, text);
}

/** Text behind its percent signs; null for what is none. */
function decoded(text: string): string | null {
    try {
        return decodeURIComponent(text);
    } catch {
        return null;
    }
}

/**
 * Places of addresses that stand behind one another; of those for one listener, `http` and `ws` at one
 * place, the first.
 * @throws MetersealError MS_USAGE
 */
export function linkPlacesOf(text: string): LinkPlace[] {
    const places = new Map<string, LinkPlace>();
    for (const word of text.split(/\s+/).filter((each) => each !== "")) {
        const place = linkPlaceOf(word);
        if (place === null) {
            const expected = `--link such as ${LINK_EXAMPLE}; one of ${ADDRESS_FORMS.join(", ")}`;
            throw error("MS_USAGE", { expected, got: word });
        }
        const isAnyPort = isListener(place) && place.port === 0;
        const key = isAnyPort ? `${places.size}` : keyOf(place);
        if (!places.has(key)) places.set(key, place);
    }
    return [...places.values()];
}

/** What two places of one listener, account or device have in common. */
function keyOf(place: LinkPlace): string {
    if (isLine(place)) return place.path;
    if (isBroker(place)) return brokerUrl(place);
    return `${place.scheme.replace(/^ws/, "http")} ${place.host} ${place.port}`;
}
