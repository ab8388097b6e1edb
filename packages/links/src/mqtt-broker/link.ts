import type { CollectorLink, MeterLink } from "@meterseal/core";
import {
    type BrokeredCollectorOptions,
    type BrokeredMeterOptions,
    type BrokerProtocol,
    brokeredCollectorLink,
    brokeredMeterLink,
} from "../broker/links.ts";
import { openMqttPort } from "./port.ts";

const MQTT: BrokerProtocol = {
    ...{ name: "mqtt broker", plain: "mqtt", secure: "mqtts" },
    open: openMqttPort,
};

/**
 * Collector as the client of an MQTT broker of another program, such as Mosquitto.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createMqttBrokerCollectorLink(options: BrokeredCollectorOptions): CollectorLink {
    return brokeredCollectorLink(MQTT, options);
}

/**
 * Meter as the client of an MQTT broker of another program.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createMqttBrokerMeterLink(options: BrokeredMeterOptions): MeterLink {
    return brokeredMeterLink(MQTT, options);
}
