import { hostOf } from "@meterseal/core";
import { badOption } from "../meter-options.ts";
import {
    type StreamLinkOptions,
    type StreamLinkSettings,
    streamLinkSettings,
} from "../stream/meter-options.ts";

/** Options of `createTcpMeterLink`. */
export interface TcpMeterOptions extends StreamLinkOptions {
    /** Address from `CollectorLink.listen`, such as `tcp://127.0.0.1:8482`. */
    readonly url: string;
}

/** Options with every default filled in, and the address taken apart. */
export type TcpMeterSettings = StreamLinkSettings & {
    readonly address: { readonly host: string; readonly port: number };
};

/**
 * Fills in the defaults and checks the rest.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function tcpMeterSettings(options: TcpMeterOptions): TcpMeterSettings {
    const url = URL.canParse(options.url) ? new URL(options.url) : null;
    const isBare = url !== null && /^\/?$/.test(url.pathname) && url.search === "";
    if (
        url === null ||
        url.protocol !== "tcp:" ||
        url.hostname === "" ||
        url.port === "" ||
        !isBare
    ) {
        throw badOption("url", "tcp://HOST:PORT", options.url);
    }
    const address = { host: hostOf(url), port: Number(url.port) };
    return { ...streamLinkSettings(options), address };
}
