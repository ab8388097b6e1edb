import {
    type StreamLinkOptions,
    type StreamLinkSettings,
    streamLinkSettings,
} from "../stream/meter-options.ts";
import { type SerialPlace, serialPlaceOf } from "./address.ts";
import { serialWaits } from "./waits.ts";

/** Options of `createSerialMeterLink`. */
export interface SerialMeterOptions extends StreamLinkOptions {
    /** Address of the device, such as `serial:///dev/ttyUSB0?baud=9600&mtu=51`. */
    readonly url: string;
}

/** Options with every default filled in, and the address taken apart. */
export type SerialMeterSettings = StreamLinkSettings & { readonly place: SerialPlace };

/**
 * Fills in the defaults and checks the rest.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function serialMeterSettings(options: SerialMeterOptions): SerialMeterSettings {
    const place = serialPlaceOf(options.url);
    const { ackTimeoutMs, connectTimeoutMs } = serialWaits(place);
    return { ...streamLinkSettings({ ackTimeoutMs, connectTimeoutMs, ...options }), place };
}
