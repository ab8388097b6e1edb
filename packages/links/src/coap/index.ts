/**
 * CoAP over UDP (RFC 7252, 7641, 7959, 9175): messages up by POST, messages down by observation.
 *
 * @packageDocumentation
 */
export { createCoapCollectorLink } from "./collector-link.ts";
export type { CoapCollectorOptions } from "./collector-options.ts";
export { createCoapMeterLink } from "./meter-link.ts";
export type { CoapMeterOptions } from "./meter-options.ts";
