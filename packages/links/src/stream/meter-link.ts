import type { Duplex } from "node:stream";
import { bytesEqual } from "@meterseal/core";
import {
    COLLECTOR_NAME,
    type Credential,
    drawExchangeCredential,
    exchangeCredential,
    type InitiatorOptions,
    METHOD,
} from "../edhoc/index.ts";
import { SessionMeterLink } from "../meter-session.ts";
import type { StreamLinkSettings } from "./meter-options.ts";
import { StreamMeterSession } from "./meter-session.ts";
import { handshakeRandom } from "./randomness.ts";

/** Cipher suite with P-256, the curve of enrolled keys. */
const SUITE = 2;

/**
 * Meter side of a link with sessions over streams: mutual authentication by EDHOC, then messages in
 * frames under its keys. The first handshake is one of signatures; in its session both sides show
 * static keys for the shorter handshakes of those to come, and begin anew where one is not known.
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
    const own = drawExchangeCredential(settings.subjectHex, handshakeRandom);
    let collector: Credential | null = null;
    const parts = partBytes === undefined ? {} : { partBytes };
    return new SessionMeterLink(protocol, settings, (token, events) => {
        const known = collector;
        collector = null; // until its session stands
        const handshake: InitiatorOptions = {
            ...{ random: handshakeRandom, connection: handshakeRandom.bytes(1), suites: [SUITE] },
            ...(known === null
                ? { method: METHOD.signatures, own: settings.own, find: settings.find }
                : {
                      method: METHOD.staticKeys,
                      own,
                      find: (id) => (bytesEqual(id, known.id) ? known : null),
                  }),
        };
        const options = {
            ...{ ...settings, ...parts, handshake, token },
            exchangeKey: known === null ? own.exchangeKey : null,
            onIntroduction: (exchangeKey: Uint8Array) => {
                collector = exchangeCredential(COLLECTOR_NAME, exchangeKey);
            },
        };
        const up = (): void => {
            collector = known;
            events.up();
        };
        return new StreamMeterSession(connect(), options, { ...events, up });
    });
}
