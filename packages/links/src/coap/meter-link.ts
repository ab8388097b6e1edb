import type { MeterLink } from "@meterseal/core";
import { SessionMeterLink } from "../meter-session.ts";
import { type CoapMeterOptions, coapMeterSettings } from "./meter-options.ts";
import { CoapMeterSession } from "./meter-session.ts";

/**
 * Meter side of CoAP over UDP: one message under way to its acknowledgement at a time (NSTART 1),
 * up to `maxInFlight` that wait for their answers.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createCoapMeterLink(options: CoapMeterOptions): MeterLink {
    const settings = coapMeterSettings(options);
    return new SessionMeterLink("coap", settings, (token, events) => {
        return new CoapMeterSession(settings, token, events);
    });
}
