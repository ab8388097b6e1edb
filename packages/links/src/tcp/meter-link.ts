import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import type { MeterLink } from "@meterseal/core";
import { METHOD } from "../edhoc/index.ts";
import { SessionMeterLink } from "../meter-session.ts";
import { StreamMeterSession } from "../stream/meter-session.ts";
import { type TcpMeterOptions, tcpMeterSettings } from "./meter-options.ts";

/** Cipher suite with P-256, the curve of enrolled keys. */
const SUITE = 2;

/**
 * Meter side of raw TCP: mutual authentication by EDHOC, then messages in frames under its keys.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createTcpMeterLink(options: TcpMeterOptions): MeterLink {
    const settings = tcpMeterSettings(options);
    const { address, find, own } = settings;
    return new SessionMeterLink("tcp", settings, (token, events) => {
        const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
        const connection = random.bytes(1);
        const handshake = {
            own,
            find,
            random,
            connection,
            method: METHOD.signatures,
            suites: [SUITE],
        };
        const socket = connect({ ...address, noDelay: true });
        return new StreamMeterSession(socket, { ...settings, handshake, token }, events);
    });
}
