/**
 * MQTT 3.1.1: an embedded broker on the collector side, a reconnecting client on the meter side.
 *
 * @packageDocumentation
 */
export { createMqttCollectorLink } from "./collector-link.ts";
export type { MqttCollectorOptions } from "./collector-options.ts";
export { createMqttMeterLink } from "./meter-link.ts";
export type { MqttMeterOptions } from "./meter-options.ts";
export { type MeterTopics, meterTopics, type UpChannel } from "./topics.ts";
