import { hostOf, isLoopback } from "../listen-address.ts";
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
    /** Keeps operators on one broker apart: 1 … 64 letters, digits, `_`, `.` or `-`. */
    readonly tenant: string;
    /** Allows plain text beyond the loopback. */
    readonly insecure?: boolean;
};

/**
 * Checks an address of a broker.
 * @param plain, secure - schemes without and with TLS.
 * @throws MetersealError MS_USAGE
 */
export function requireBroker(address: BrokerAddress, plain: string, secure: string): void {
    const url = URL.canParse(address.url) ? new URL(address.url) : null;
    const isKnown = url?.protocol === `${plain}:` || url?.protocol === `${secure}:`;
    if (url === null || !isKnown || url.hostname === "" || url.username !== "") {
        throw badOption("url", `${plain}://HOST:PORT or ${secure}://HOST:PORT`, address.url);
    }
    const isPlain = url.protocol === `${plain}:`;
    if (isPlain && !isLoopback(hostOf(url)) && address.insecure !== true) {
        const expected = `${secure}, or a loopback address: ${plain} is plain text`;
        throw badOption("url", expected, address.url);
    }
    if (isTenant(address.tenant)) return;
    throw badOption("tenant", "1 to 64 letters, digits, _ . or -", address.tenant);
}
