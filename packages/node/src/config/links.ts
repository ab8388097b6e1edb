import { error } from "@meterseal/core";
import { BROKER_SCHEMES, type BrokerPlace, type BrokerScheme } from "./brokers.ts";

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

/** Where meters come to. */
export type LinkPlace = ListenerPlace | BrokerPlace;

/** Whether meters come by way of a broker of another program. */
export function isBroker(place: LinkPlace): place is BrokerPlace {
    return "tenant" in place;
}

/** Whether meters come to the server itself. */
export function isListener(place: LinkPlace): place is ListenerPlace {
    return !isBroker(place);
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

/** Everything that an address of a link may begin with. */
export const ALL_SCHEMES: readonly string[] = [...LINK_SCHEMES, ...Object.keys(BROKER_SCHEMES)];

const ADDRESS =
    /^([a-z][a-z0-9+]*):\/\/(\[[0-9a-fA-F:.]+\]|[^\s/:@?#[\]]+):(\d{1,5})(?:\/([A-Za-z0-9_.-]{1,64})?)?$/;

/**
 * Refuses names and passwords in an address: it is logged and shown, and a list of processes has it.
 * @throws MetersealError MS_USAGE, which does not show the address.
 */
export function refuseSecrets(text: string, where: string, todo: string): void {
    if (!/:\/\/[^\s/]*@/.test(text)) return;
    const expected = "an address without name and password";
    throw error("MS_USAGE", { where, expected, todo });
}

/**
 * Place of an address such as `coap://127.0.0.1:5683`: scheme, host and port, of a broker also a tenant;
 * null for any other text.
 */
export function linkPlaceOf(text: string): LinkPlace | null {
    const [, scheme = "", given = "", digits = "", tenant] = ADDRESS.exec(text) ?? [];
    const [host, port] = [given.replace(/^\[(.*)\]$/, "$1"), Number(digits)];
    if (port > 65_535) return null;
    const listener = LINK_SCHEMES.find((each) => each === scheme);
    if (listener !== undefined)
        return tenant === undefined ? { scheme: listener, host, port } : null;
    const isKnown = Object.hasOwn(BROKER_SCHEMES, scheme);
    if (!isKnown || port === 0) return null;
    return { scheme: scheme as BrokerScheme, host, port, tenant: tenant ?? TENANT };
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
            const schemes = ALL_SCHEMES.map((each) => `${each}://`).join(", ");
            const expected = `--link such as ${LINK_EXAMPLE}; one of ${schemes}`;
            throw error("MS_USAGE", { expected, got: word });
        }
        const kind = place.scheme.replace(/^ws/, "http");
        const key = `${kind} ${place.host} ${place.port} ${isBroker(place) ? place.tenant : ""}`;
        if (place.port === 0 || !places.has(key)) {
            places.set(place.port === 0 ? `${key} ${places.size}` : key, place);
        }
    }
    return [...places.values()];
}
