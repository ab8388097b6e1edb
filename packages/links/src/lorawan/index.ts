/**
 * LoRaWAN: devices behind gateways with a packet forwarder, or behind a network server. What devices say
 * is for whoever opens a network here; the forms of ours stand in `@meterseal/record/lora`.
 *
 * @packageDocumentation
 */
export { createForwarderNetwork, type ForwardedDevice } from "./forwarder.ts";
export type { LoraSession } from "./mac-frame.ts";
export {
    type FrameCounters,
    type LoraHandler,
    type LoraNetwork,
    type LoraUplink,
    Refusals,
} from "./network.ts";
export { createServerNetwork, type ServerNetworkOptions } from "./server-network.ts";
