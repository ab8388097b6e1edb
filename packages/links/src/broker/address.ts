import { hostOf } from "@meterseal/core";
import { isLoopback } from "../listen-address.ts";
import { badOption } from "../meter-options.ts";
import { isTenant } from "../mqtt/topics.ts";

/** How a client finds and enters a broker. */
export type BrokerAddress = {
    /** `SCHEME://HOST:PORT`, without name and password. */
    readonly url: string;
    readonly username?: string;
    readonly password?: string;
    /** Certificates to trust instead of the well-known ones, PEM. */
    readonly ca?: string;
    /** Part of a broker that speaks AMQP, as RabbitMQ has them; without it the broker's own default. */
    readonly virtualHost?: string;
    /** Keeps operators on one broker apart: 1 … 64 letters, digits, `_`, `.` or `-`. */
    readonly tenant: string;
    /** Allows plain text beyond the loopback. */
    readonly insecure?: boolean;
};

/** Schemes of a protocol's addresses. */
export type BrokerSchemes = {
    /** Without TLS. */
    readonly plain: string;
    readonly secure: string;
    /** Whether the plain one turns to TLS by itself, beyond the loopback before anything else is said. */
    readonly upgrades?: boolean;
};

/**
 * Checks an address of a broker.
 * @throws MetersealError MS_USAGE
 */
export function requireBroker(
    address: BrokerAddress,
    { plain, secure, upgrades = false }: BrokerSchemes,
): void {
    const url = URL.canParse(address.url) ? new URL(address.url) : null;
    const isKnown = url?.protocol === `${plain}:` || url?.protocol === `${secure}:`;
    if (url === null || !isKnown || url.hostname === "" || url.username !== "") {
        throw badOption("url", `${plain}://HOST:PORT or ${secure}://HOST:PORT`, address.url);
    }
    if (url.protocol === `${plain}:` && !upgrades && !mayBePlain(address)) {
        const expected = `TLS, a loopback address, or --insecure: ${plain} is plain text`;
        throw badOption("url", expected, address.url);
    }
    if (isTenant(address.tenant)) return;
    throw badOption("tenant", "1 to 64 letters, digits, _ . or -", address.tenant);
}

/** Whether plain text may be spoken with a broker: on this machine, and where it is allowed. */
export function mayBePlain({ insecure, url }: BrokerAddress): boolean {
    return insecure === true || isLoopback(hostOf(new URL(url)));
}
