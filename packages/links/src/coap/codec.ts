import { generate, type ParsedPacket, parse } from "coap-packet";

/** Largest datagram in bytes that is sent or taken: a block and its options in one Ethernet frame. */
const DATAGRAM_BYTES = 1_280;
/** Longest token in bytes (RFC 7252 section 3). */
const TOKEN_BYTES = 8;

/** Code of an empty message: an acknowledgement, a reset or a ping. */
export const EMPTY_CODE = "0.00";

/** How a message wants to be received (RFC 7252 section 3). */
type MessageType = "con" | "non" | "ack" | "rst";

/** An option by its name, or its number where the codec knows none. */
export type CoapOption = { readonly name: string; readonly value: Buffer };

/** One message of CoAP. */
export type CoapMessage = {
    readonly type: MessageType;
    /** Class and detail, such as `2.04`. */
    readonly code: string;
    readonly id: number;
    readonly token: Buffer;
    readonly options: readonly CoapOption[];
    readonly payload: Buffer;
};

/** What a request or an answer says, before it has its place in an exchange. */
export type CoapContent = {
    readonly code: string;
    readonly options?: readonly CoapOption[];
    readonly payload?: Uint8Array;
};

/** Bytes of a message; {@link decodeMessage} reads them back. */
export function encodeMessage(message: CoapMessage): Buffer {
    const { code, id, options, payload, token, type } = message;
    return generate({
        confirmable: type === "con",
        ack: type === "ack",
        reset: type === "rst",
        messageId: id,
        options: [...options],
        ...{ code, payload, token },
    });
}

/** Message of a datagram; null for anything that is not written as {@link encodeMessage} does. */
export function decodeMessage(datagram: Buffer): CoapMessage | null {
    if (datagram.length > DATAGRAM_BYTES) return null;
    let packet: ParsedPacket;
    try {
        packet = parse(datagram);
    } catch {
        return null; // the codec throws errors of all kinds for bytes that are no message
    }
    if (packet.token.length > TOKEN_BYTES) return null;
    const { ack, code, confirmable, messageId: id, options, payload, reset, token } = packet;
    const type = confirmable ? "con" : ack ? "ack" : reset ? "rst" : "non";
    const named = options.map(({ name, value }) => ({ name: String(name), value }));
    const message: CoapMessage = { type, code, id, token, options: named, payload };
    // The codec is lenient about lengths that reach beyond the end and markers without payload.
    return encodeMessage(message).equals(datagram) ? message : null;
}

/** Class of a code: 0 requests, 2 success, 4 and 5 refusals. */
export function classOf(code: string): number {
    return code.charCodeAt(0) - 48;
}
