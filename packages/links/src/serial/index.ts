/**
 * Serial lines, and radios that pass for one: an EDHOC handshake (RFC 9528) and COSE_Encrypt0 frames
 * over numbered segments, which make up for what a line loses, garbles or doubles.
 *
 * @packageDocumentation
 */
export { type SerialPlace, serialPlaceOf, serialUrlOf } from "./address.ts";
export { createSerialCollectorLink } from "./collector-link.ts";
export type { SerialCollectorOptions } from "./collector-options.ts";
export { openTerminal, setTerminal } from "./device.ts";
export { createSerialMeterLink } from "./meter-link.ts";
export type { SerialMeterOptions } from "./meter-options.ts";
