/**
 * HTTP/1.1 with or without TLS: messages up by POST, messages down as server-sent events.
 *
 * @packageDocumentation
 */
export { createHttpCollectorLink } from "./collector-link.ts";
export type { HttpCollectorOptions } from "./collector-options.ts";
export { createHttpMeterLink } from "./meter-link.ts";
export type { HttpMeterOptions } from "./meter-options.ts";
