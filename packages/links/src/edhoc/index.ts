/**
 * EDHOC (RFC 9528), methods 0 and 3, cipher suites 0 and 2: mutual authentication and a session key for
 * thin links, in three or four messages. Pure but for randomness: bytes in, bytes out.
 *
 * @packageDocumentation
 */
export { CONTENT_BYTES, SecureChannel } from "./channel.ts";
export {
    COLLECTOR_NAME,
    type Credential,
    drawExchangeCredential,
    enrolledCredential,
    enrolledKidOf,
    exchangeCredential,
    type FindCredential,
    type OwnCredential,
    requireHandshakeKey,
} from "./credentials.ts";
export { type EdhocOptions, Initiator, type InitiatorOptions } from "./initiator.ts";
export { METHOD, type Method } from "./messages.ts";
export { errorMessageOf, Responder, type ResponderOptions } from "./responder.ts";
