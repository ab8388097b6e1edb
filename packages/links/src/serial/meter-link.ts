import { Duplex } from "node:stream";
import type { MeterLink } from "@meterseal/core";
import { createStreamMeterLink } from "../stream/meter-link.ts";
import { handshakeRandom } from "../stream/randomness.ts";
import { lineMs, type SerialPlace } from "./address.ts";
import { LineConnection } from "./connection.ts";
import { type OpenDevice, openSerialDevice } from "./device.ts";
import { LinePort } from "./line-port.ts";
import { type SerialMeterOptions, serialMeterSettings } from "./meter-options.ts";
import { PART_BYTES } from "./waits.ts";

/**
 * Meter side of a serial line, or of a radio that passes for one: mutual authentication by EDHOC, then
 * messages in frames under its keys. A device that is not there is tried again, like a collector.
 * @param openDevice of the line, for tests.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createSerialMeterLink(
    options: SerialMeterOptions,
    openDevice: OpenDevice = openSerialDevice,
): MeterLink {
    const settings = serialMeterSettings(options);
    const connect = (): Duplex => connectOver(settings.place, openDevice);
    return createStreamMeterLink("serial", settings, connect, PART_BYTES);
}

function connectOver(place: SerialPlace, openDevice: OpenDevice): Duplex {
    let device: Duplex;
    try {
        device = openDevice(place);
    } catch (cause) {
        return new Duplex().destroy(cause instanceof Error ? cause : new Error(String(cause)));
    }
    const [high = 0, low = 0] = handshakeRandom.bytes(2);
    const connection = new LineConnection({
        side: "meter",
        connection: (high << 8) | low,
        frameBytes: place.mtu,
        frameMs: lineMs(place.mtu, place),
        send: (segment) => port.send(segment),
        nowMs: () => performance.now(),
    });
    const port = new LinePort(device, "meter", {
        segment: (segment) => {
            if (segment.connection === connection.name) connection.hear(segment);
        },
        closed: (reason) => connection.destroy(new Error(reason)),
    });
    connection.once("close", () => void port.close());
    return connection;
}
