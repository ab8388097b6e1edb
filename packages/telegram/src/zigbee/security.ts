import { attempt, type Decoded, refuse, requireSize } from "../result.ts";

/** Opens AES-128-CCM by the platform; null where the tag does not fit. */
export type OpenCcm = (parts: {
    /** 16 bytes. */
    readonly key: Uint8Array;
    /** 13 bytes. */
    readonly nonce: Uint8Array;
    readonly additionalData: Uint8Array;
    readonly ciphertext: Uint8Array;
    /** 4, 8 or 16 bytes. */
    readonly tag: Uint8Array;
}) => Uint8Array | null;

/** A secured frame that was opened. */
export type OpenedZigbee = {
    readonly payload: Uint8Array;
    /** Of this key and source; the receiver refuses one that is not above the last. */
    readonly frameCounter: number;
    /** IEEE address of the sender, 8 bytes as on the air. */
    readonly source: Uint8Array;
};

/** Lengths of the integrity codes by security level (Zigbee specification table 4-30). */
const TAG_BYTES: Readonly<Record<number, number>> = { 5: 4, 6: 8, 7: 16 };
const CONTROL = { level: 0x07, keyId: 0x18, extendedNonce: 0x20 };
/** Key identifiers: data key, network key; the others are for the transport of keys. */
const NETWORK_KEY = 1;
const FRAME_BYTES = 1_280;
/** Networks send level 0 on the air and mean this one (Zigbee specification 4.3.1.1). */
const NETWORK_LEVEL = 5;

/**
 * Opens a frame of the network or application layer that is secured by AES-CCM* (Zigbee specification
 * sections 4.3 and 4.4, annex A): header, auxiliary header with its counter and source, ciphertext,
 * integrity code. The counter must be above the last one of its sender.
 *
 * @param headerBytes - length of the header in front of the auxiliary header; the layer below knows it.
 * @param source - the sender's IEEE address, 8 bytes as on the air, where the frame does not say it.
 * @param lastCounter - last counter of this sender under this key, -1 before the first.
 * @returns faults `too-large`, `truncated`, `unsupported`, `key-needed` without a source, `replay`, `tag`.
 */
export function openZigbee(
    frame: Uint8Array,
    headerBytes: number,
    {
        key,
        lastCounter,
        open,
        source: givenSource = null,
    }: {
        readonly key: Uint8Array;
        readonly lastCounter: number;
        readonly open: OpenCcm;
        readonly source?: Uint8Array | null;
    },
): Decoded<OpenedZigbee> {
    return attempt(() => {
        requireSize(frame, FRAME_BYTES);
        const control = frame[headerBytes];
        if (control === undefined)
            return refuse("truncated", `byte ${frame.length}`, "a security header");
        const hasSource = (control & CONTROL.extendedNonce) !== 0;
        const hasKeyNumber = (control & CONTROL.keyId) >> 3 === NETWORK_KEY;
        const auxiliaryBytes = 5 + (hasSource ? 8 : 0) + (hasKeyNumber ? 1 : 0);
        const level = control & CONTROL.level || NETWORK_LEVEL;
        const tagBytes = TAG_BYTES[level];
        if (tagBytes === undefined)
            return refuse("unsupported", "security control", "encryption with an integrity code");
        const dataStart = headerBytes + auxiliaryBytes;
        if (frame.length < dataStart + tagBytes)
            refuse("truncated", `byte ${frame.length}`, `${dataStart + tagBytes} bytes`);
        const counterBytes = frame.slice(headerBytes + 1, headerBytes + 5);
        const frameCounter = new DataView(counterBytes.buffer).getUint32(0, true);
        const source = hasSource ? frame.slice(headerBytes + 5, headerBytes + 13) : givenSource;
        if (source === null) return refuse("key-needed", "security header", "the sender's address");
        if (frameCounter <= lastCounter)
            refuse("replay", "frame counter", `more than ${lastCounter}`);
        const additionalData = frame.slice(0, dataStart);
        const withLevel = (control & ~CONTROL.level) | level; // as the sender computed it
        additionalData[headerBytes] = withLevel;
        const nonce = Uint8Array.of(...source, ...counterBytes, withLevel);
        const tagStart = frame.length - tagBytes;
        const payload = open({
            ...{ key, nonce, additionalData },
            ciphertext: frame.subarray(dataStart, tagStart),
            tag: frame.subarray(tagStart),
        });
        if (payload === null) return refuse("tag", "integrity code", "one that fits key and frame");
        return { payload, frameCounter, source };
    });
}
