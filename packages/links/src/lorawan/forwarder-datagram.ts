import { concatBytes, toBase64, toHex, utf8 } from "@meterseal/core";
import { parseJson, recordOf } from "./json.ts";

/**
 * Datagrams of the packet forwarder's protocol, version 2 (Semtech, "Basic communication protocol between
 * Lora gateway and server"): a version, two bytes of a token, a kind, the gateway's EUI, JSON.
 */
const KIND = {
    pushData: 0,
    pushAck: 1,
    pullData: 2,
    pullResp: 3,
    pullAck: 4,
    txAck: 5,
} as const;
const VERSION = 2;
const TOKEN_END = 3;
const HEADER_BYTES = 4;
const EUI_BYTES = 8;
/** Largest datagram of a gateway; a frame takes about 500 bytes of it. */
const DATAGRAM_BYTES = 16_384;
/** Frames of one datagram. */
const PACKETS = 64;
const FRAME_BYTES = 255;

/** A frame as a gateway heard it. */
export type HeardFrame = {
    readonly frame: Uint8Array;
    /** The gateway's own clock, in microseconds, which wraps at 2^32. */
    readonly timestampUs: number;
    readonly frequencyMhz: number;
    /** Such as `SF7BW125`. */
    readonly dataRate: string;
    readonly codingRate: string;
};

/** What a gateway says. */
export type GatewayDatagram = { readonly token: Uint8Array; readonly gateway: string } & (
    | { readonly kind: "push"; readonly heard: readonly HeardFrame[] }
    | { readonly kind: "pull" }
    /** Why it did not send a frame; null where it did. */
    | { readonly kind: "txAck"; readonly fault: string | null }
);

/** Reads a datagram of a gateway; null for anything else. Frames whose check failed on air are left out. */
export function parseDatagram(bytes: Uint8Array): GatewayDatagram | null {
    const head = HEADER_BYTES + EUI_BYTES;
    if (bytes[0] !== VERSION || bytes.length < head || bytes.length > DATAGRAM_BYTES) return null;
    const token = bytes.slice(1, TOKEN_END);
    const gateway = toHex(bytes.subarray(HEADER_BYTES, head));
    const kind = bytes[TOKEN_END];
    if (kind === KIND.pullData) return { kind: "pull", token, gateway };
    const text = bytes.subarray(head);
    if (kind === KIND.txAck) {
        const fault = recordOf(parseJson(text)?.txpk_ack)?.error;
        const isSent = typeof fault !== "string" || fault === "NONE";
        return { kind: "txAck", token, gateway, fault: isSent ? null : fault.slice(0, 40) };
    }
    if (kind !== KIND.pushData) return null;
    const json = parseJson(text);
    if (json === null) return null;
    const packets = Array.isArray(json.rxpk) ? json.rxpk.slice(0, PACKETS) : [];
    return { kind: "push", token, gateway, heard: packets.flatMap((each) => heardOf(each) ?? []) };
}

function heardOf(value: unknown): HeardFrame | null {
    const packet = recordOf(value);
    const isGood = packet?.modu === "LORA" && packet.stat === 1;
    if (!isGood || typeof packet.data !== "string" || packet.data.length > 2 * FRAME_BYTES)
        return null;
    const { codr, data, datr, freq, tmst } = packet;
    if (typeof datr !== "string" || !/^SF\d{1,2}BW\d{3}$/.test(datr)) return null;
    if (typeof freq !== "number" || !Number.isSafeInteger(tmst)) return null;
    const frame = base64Of(data);
    if (frame === null) return null;
    const codingRate = typeof codr === "string" ? codr : "4/5";
    return { frame, timestampUs: tmst as number, frequencyMhz: freq, dataRate: datr, codingRate };
}

function base64Of(text: string): Uint8Array | null {
    // Some forwarders leave the padding out.
    return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? new Uint8Array(Buffer.from(text, "base64")) : null;
}

/** Answer to a push or a pull. */
export function acknowledge(datagram: GatewayDatagram): Uint8Array {
    const kind = datagram.kind === "push" ? KIND.pushAck : KIND.pullAck;
    return concatBytes(Uint8Array.of(VERSION), datagram.token, Uint8Array.of(kind));
}

/** How and when a gateway sends a frame. */
export type Transmission = Pick<HeardFrame, "codingRate" | "dataRate" | "frequencyMhz"> & {
    readonly frame: Uint8Array;
    readonly timestampUs: number;
    readonly powerDbm: number;
};

/** Asks a gateway to send a frame at a time of its clock. */
export function pullResponse(token: Uint8Array, transmission: Transmission): Uint8Array {
    const { codingRate, dataRate, frame, frequencyMhz, powerDbm, timestampUs } = transmission;
    const txpk = {
        imme: false,
        tmst: timestampUs,
        freq: frequencyMhz,
        rfch: 0,
        powe: powerDbm,
        modu: "LORA",
        datr: dataRate,
        codr: codingRate,
        ipol: true,
        size: frame.length,
        data: toBase64(frame),
    };
    const head = concatBytes(Uint8Array.of(VERSION), token, Uint8Array.of(KIND.pullResp));
    return concatBytes(head, utf8(JSON.stringify({ txpk })));
}
