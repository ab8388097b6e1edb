import { error, LIMITS } from "@meterseal/core";
import { isOpenToOthers, readBounded } from "../files.ts";

/** Ways to a collector that is a client of somebody's broker, and the protocol and scheme behind each. */
export const BROKER_SCHEMES = {
    "mqtt+broker": { protocol: "mqtt", scheme: "mqtt" },
    "mqtts+broker": { protocol: "mqtt", scheme: "mqtts" },
    "amqp+broker": { protocol: "amqp10", scheme: "amqp" },
    "amqps+broker": { protocol: "amqp10", scheme: "amqps" },
    amqp091: { protocol: "amqp091", scheme: "amqp" },
    amqps091: { protocol: "amqp091", scheme: "amqps" },
    xmpp: { protocol: "xmpp", scheme: "xmpp" },
    xmpps: { protocol: "xmpp", scheme: "xmpps" },
} as const;

/** One of {@link BROKER_SCHEMES}. */
export type BrokerScheme = keyof typeof BROKER_SCHEMES;

/** What a broker speaks. */
export type BrokerProtocol = (typeof BROKER_SCHEMES)[BrokerScheme]["protocol"];

/** A broker of another program, and whose frames are meant on it. */
export type BrokerPlace = {
    readonly scheme: BrokerScheme;
    readonly host: string;
    readonly port: number;
    /** Keeps operators on one broker apart; of XMPP the name of the collector's account. */
    readonly tenant: string;
    /** Part of a broker that speaks AMQP. */
    readonly virtualHost?: string;
};

/** A name and its password. */
type BrokerLogin = { readonly username: string; readonly password: string };

/** What brokers are entered with. */
export type BrokerAccess = {
    /** By `HOST:PORT`; null where nobody logs in. */
    readonly logins: ReadonlyMap<string, BrokerLogin> | null;
    /** Certificates to trust instead of the well-known ones, PEM. */
    readonly ca?: string;
};

/**
 * Reads what brokers are entered with.
 * @param loginFile - lines of `HOST:PORT NAME PASSWORD`, for its owner alone; null without one.
 * @throws MetersealError MS_NOT_FOUND, MS_TOO_LARGE, MS_USAGE; none of them shows what the file holds.
 */
export function readBrokerAccess(loginFile: string | null, caFile: string | null): BrokerAccess {
    const ca =
        caFile === null ? {} : { ca: readBounded(caFile, LIMITS.configBytes).toString("utf8") };
    return { logins: loginFile === null ? null : readLogins(loginFile), ...ca };
}

function readLogins(path: string): ReadonlyMap<string, BrokerLogin> {
    const text = readBounded(path, LIMITS.configBytes).toString("utf8");
    if (isOpenToOthers(path)) {
        const todo = `Run: chmod 600 ${path}`;
        throw error("MS_USAGE", { where: path, expected: "a file for its owner alone", todo });
    }
    const logins = new Map<string, BrokerLogin>();
    for (const [i, line] of text.split(/\r?\n/).entries()) {
        if (line === "" || line.startsWith("#")) continue;
        const [, place, username, password] = /^(\S+:\d+) (\S+) (.+)$/.exec(line) ?? [];
        const where = `${path}, line ${i + 1}`;
        if (place === undefined || username === undefined || password === undefined) {
            throw error("MS_USAGE", { where, expected: "HOST:PORT NAME PASSWORD" });
        }
        if (logins.has(place.toLowerCase())) {
            throw error("MS_USAGE", { where, expected: "one line for each broker" });
        }
        logins.set(place.toLowerCase(), { username, password });
    }
    return logins;
}

/** `HOST:PORT` of a broker, an IPv6 address in brackets. */
function authorityOf({ host, port }: BrokerPlace): string {
    return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Address of a broker as it is written in full. */
export function brokerUrl(place: BrokerPlace): string {
    const { scheme, tenant, virtualHost } = place;
    const query = virtualHost === undefined ? "" : `?vhost=${encodeURIComponent(virtualHost)}`;
    return `${scheme}://${authorityOf(place)}/${tenant}${query}`;
}

/** How a link finds and enters a broker. */
type BrokerAddress = Partial<BrokerLogin> & {
    readonly url: string;
    readonly tenant: string;
    readonly virtualHost?: string;
    readonly insecure: boolean;
    readonly ca?: string;
};

/**
 * How a link finds and enters a broker.
 * @throws MetersealError MS_USAGE where others are logged in to and this one is not.
 */
export function brokerAddressOf(
    place: BrokerPlace,
    { logins, ...trust }: BrokerAccess,
    insecure: boolean,
): BrokerAddress {
    const authority = authorityOf(place);
    const login = logins?.get(authority.toLowerCase());
    if (logins !== null && login === undefined) {
        const expected = `a line for ${authority} in the file with logins`;
        throw error("MS_USAGE", { expected, got: "none" });
    }
    const { tenant, virtualHost } = place;
    const url = `${BROKER_SCHEMES[place.scheme].scheme}://${authority}`;
    const part = virtualHost === undefined ? {} : { virtualHost };
    return { url, tenant, ...part, insecure, ...trust, ...login };
}
