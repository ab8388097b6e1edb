import { connect } from "node:net";
import type { MeterLink } from "@meterseal/core";
import { createStreamMeterLink } from "../stream/meter-link.ts";
import { type TcpMeterOptions, tcpMeterSettings } from "./meter-options.ts";

/**
 * Meter side of raw TCP: mutual authentication by EDHOC, then messages in frames under its keys.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createTcpMeterLink(options: TcpMeterOptions): MeterLink {
    const settings = tcpMeterSettings(options);
    return createStreamMeterLink("tcp", settings, () =>
        connect({ ...settings.address, noDelay: true }),
    );
}
