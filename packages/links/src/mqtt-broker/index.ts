/**
 * MQTT 3.1.1 through a broker of another program, of which collector and meters are clients.
 *
 * @packageDocumentation
 */
export { createMqttBrokerCollectorLink, createMqttBrokerMeterLink } from "./link.ts";
