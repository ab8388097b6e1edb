import { error } from "@meterseal/core";

/** What speaks on a listener: the first word of its address. */
export const LINK_SCHEMES = ["mqtt", "http", "https", "ws", "wss", "coap", "amqp", "tcp"] as const;

/** One of {@link LINK_SCHEMES}. */
export type LinkScheme = (typeof LINK_SCHEMES)[number];

/** Where meters come to. */
export type LinkPlace = {
    readonly scheme: LinkScheme;
    readonly host: string;
    /** 0 takes any free one. */
    readonly port: number;
};

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

/**
 * Place of an address such as `coap://127.0.0.1:5683`: scheme, host and port, nothing else.
 * @throws MetersealError MS_USAGE
 */
function linkPlaceOf(text: string): LinkPlace {
    const match = /^([a-z]+):\/\/(\[[0-9a-fA-F:.]+\]|[^\s/:@?#[\]]+):(\d{1,5})\/?$/.exec(text);
    const scheme = LINK_SCHEMES.find((each) => each === match?.[1]);
    const [, , host = "", port = ""] = match ?? [];
    if (scheme === undefined || Number(port) > 65_535) {
        const schemes = LINK_SCHEMES.map((each) => `${each}://`).join(", ");
        const expected = `--link such as ${LINK_EXAMPLE}; one of ${schemes}`;
        throw error("MS_USAGE", { expected, got: text });
    }
    return { scheme, host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
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
        const kind = place.scheme.replace(/^ws/, "http");
        const key = `${kind} ${place.host} ${place.port}`;
        if (place.port === 0 || !places.has(key)) {
            places.set(place.port === 0 ? `${key} ${places.size}` : key, place);
        }
    }
    return [...places.values()];
}
