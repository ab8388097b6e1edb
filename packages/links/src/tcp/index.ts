/**
 * Raw TCP, for thin links: an EDHOC handshake (RFC 9528), then length-prefixed COSE_Encrypt0 frames.
 *
 * @packageDocumentation
 */
export type { KnownMeter } from "../stream/collector-options.ts";
export { createTcpCollectorLink } from "./collector-link.ts";
export type { TcpCollectorOptions } from "./collector-options.ts";
export { createTcpMeterLink } from "./meter-link.ts";
export type { TcpMeterOptions } from "./meter-options.ts";
