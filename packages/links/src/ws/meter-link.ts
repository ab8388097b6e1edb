import type { MeterLink } from "@meterseal/core";
import { SessionMeterLink } from "../meter-session.ts";
import { type WsMeterOptions, wsMeterSettings } from "./meter-options.ts";
import { WsMeterSession } from "./meter-session.ts";

/**
 * Meter side of WebSocket: one connection, on which the collector says how many messages it took and
 * how many may be under way; the others wait here.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createWsMeterLink(options: WsMeterOptions): MeterLink {
    const settings = wsMeterSettings(options);
    return new SessionMeterLink("ws", settings, (token, events) => {
        return new WsMeterSession(settings, token, events);
    });
}
