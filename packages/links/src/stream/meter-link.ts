import type { Duplex } from "node:stream";
import { METHOD } from "../edhoc/index.ts";
import { SessionMeterLink } from "../meter-session.ts";
import type { StreamLinkSettings } from "./meter-options.ts";
import { StreamMeterSession } from "./meter-session.ts";
import { handshakeRandom } from "./sessions.ts";

/** Cipher suite with P-256, the curve of enrolled keys. */
const SUITE = 2;

/**
 * Meter side of a link with sessions over streams: mutual authentication by EDHOC, then messages in
 * frames under its keys.
 * @param protocol for the log.
 * @param connect begins a stream to the collector; one that cannot be had ends with an error.
 * @param partBytes - bytes of a message in one frame; as many as fit where none are given.
 */
export function createStreamMeterLink(
    protocol: string,
    settings: StreamLinkSettings,
    connect: () => Duplex,
    partBytes?: number,
): SessionMeterLink {
    const { find, own } = settings;
    return new SessionMeterLink(protocol, settings, (token, events) => {
        const handshake = {
            ...{ own, find, random: handshakeRandom, connection: handshakeRandom.bytes(1) },
            method: METHOD.signatures,
            suites: [SUITE],
        };
        const parts = partBytes === undefined ? {} : { partBytes };
        const options = { ...settings, ...parts, handshake, token };
        return new StreamMeterSession(connect(), options, events);
    });
}
