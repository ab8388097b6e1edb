import type { PublicKey } from "@meterseal/core";
import type { StreamDescriptor } from "../enrol.ts";

/** Ports of LoRaWAN, and what a frame on each of them is: 1 … 223 are an application's (LoRaWAN 1.0.4, 4.3.2). */
export const LORA_PORT = {
    /** Up: a signed record without what the port and the device imply. */
    compact: 10,
    /** Up: registers under the session key, which a checkpoint signs later. */
    light: 11,
    /** Either way: a part of what does not fit a frame. */
    fragment: 12,
    /** Either way: a message of the handshake that gives a new session key (RFC 9528). */
    handshake: 13,
    /** Up: the signature over light readings. Down: a signed receipt. */
    checkpoint: 20,
    /** Down: what the other side lacks. */
    ask: 21,
} as const;

/** What a device's address implies on a thin link: nothing of it is sent. */
export type LoraProfile = {
    /** Enrolled key of the meter: its algorithm and key id. ES256 or EdDSA. */
    readonly key: PublicKey;
    /** Pseudonym of the meter, 16 bytes. */
    readonly subject: Uint8Array;
    /** The meter's one stream, as enrolled. */
    readonly stream: StreamDescriptor;
};

/** Bytes of a signature, ES256 and EdDSA alike. */
export const SIGNATURE_BYTES = 64;
