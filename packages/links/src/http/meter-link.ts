import type { MeterLink } from "@meterseal/core";
import { SessionMeterLink } from "../meter-session.ts";
import { MeterConnection } from "./meter-connection.ts";
import { type HttpMeterOptions, httpMeterSettings } from "./meter-options.ts";

/**
 * Meter side of HTTP. Each session starts from nothing: what was not acknowledged is rejected with
 * MS_LINK, kept by nobody here, and sent again by the caller from its outbox.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createHttpMeterLink(options: HttpMeterOptions): MeterLink {
    const settings = httpMeterSettings(options);
    return new SessionMeterLink("http", settings, (token, events) => {
        return new MeterConnection(settings, token, events);
    });
}
