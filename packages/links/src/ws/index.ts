/**
 * WebSocket (RFC 6455), subprotocol `meterseal.v1`, at the port of the HTTP link: the meter's side.
 *
 * @packageDocumentation
 */
export { createWsMeterLink } from "./meter-link.ts";
export type { WsMeterOptions } from "./meter-options.ts";
