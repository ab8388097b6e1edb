import { attempt, type Decoded, refuse } from "../result.ts";

/**
 * AES-128-GCM with a tag of 12 bytes, from the platform (`node:crypto`, WebCrypto).
 * @returns the plaintext, or null where the tag does not fit.
 */
export type OpenGcm = (parts: {
    /** 16 bytes. */
    readonly key: Uint8Array;
    /** 12 bytes. */
    readonly nonce: Uint8Array;
    readonly additionalData: Uint8Array;
    readonly ciphertext: Uint8Array;
    /** 12 bytes. */
    readonly tag: Uint8Array;
}) => Uint8Array | null;

/** Keys of an encrypted P1 port (Luxembourg, Austria), from the grid operator. */
export type P1Keys = {
    /** Global unicast encryption key, 16 bytes. */
    readonly encryptionKey: Uint8Array;
    /** Authentication key, 16 bytes. */
    readonly authenticationKey: Uint8Array;
};

/** An opened frame: the telegram inside, and what to remember of the frame. */
export type OpenedFrame = {
    readonly telegram: Uint8Array;
    /** System title of the meter, 8 bytes. */
    readonly systemTitle: Uint8Array;
    /** Counter of the frame: the next one must be larger. */
    readonly frameCounter: number;
};

const TAG_GENERAL_GLO_CIPHERING = 0xdb;
const TITLE_BYTES = 8;
const TAG_BYTES = 12;
const COUNTER_BYTES = 4;
/** Security control: authenticated and encrypted, suite 0. */
const SECURITY_CONTROL = 0x30;

/** True where bytes begin like an encrypted frame and not like a telegram. */
export function isEncryptedP1(bytes: Uint8Array): boolean {
    return bytes[0] === TAG_GENERAL_GLO_CIPHERING;
}

/**
 * Opens an encrypted P1 frame: general-glo-ciphering of suite 0 (DLMS Green Book 9.2.7, Luxembourg
 * P1 1.1.3 section 3.2.5). The tag is always checked, and a counter that is not larger than the last
 * one is a replay.
 * @param lastCounter - of the frame before, or -1 at the first.
 * @returns faults `malformed`, `truncated`, `tag`, `replay`.
 */
export function openP1(
    frame: Uint8Array,
    keys: P1Keys,
    lastCounter: number,
    openGcm: OpenGcm,
): Decoded<OpenedFrame> {
    return attempt(() => {
        const { body, systemTitle } = unwrapFrame(frame);
        const view = new DataView(body.buffer, body.byteOffset, body.length);
        if (body[0] !== SECURITY_CONTROL)
            refuse("unsupported", "security control", "0x30: authenticated and encrypted, suite 0");
        const frameCounter = view.getUint32(1);
        const nonce = new Uint8Array(TITLE_BYTES + COUNTER_BYTES);
        nonce.set(systemTitle);
        nonce.set(body.subarray(1, 1 + COUNTER_BYTES), TITLE_BYTES);
        const additionalData = new Uint8Array(1 + keys.authenticationKey.length);
        additionalData[0] = SECURITY_CONTROL;
        additionalData.set(keys.authenticationKey, 1);
        const telegram = openGcm({
            key: keys.encryptionKey,
            nonce,
            additionalData,
            ciphertext: body.subarray(1 + COUNTER_BYTES, body.length - TAG_BYTES),
            tag: body.subarray(body.length - TAG_BYTES),
        });
        if (telegram === null) refuse("tag", "the last 12 bytes", "a tag that fits keys and frame");
        // Only now: a forged frame must not move the counter.
        if (frameCounter <= lastCounter)
            refuse("replay", "frame counter", `a counter above ${lastCounter}`);
        return { telegram, systemTitle, frameCounter };
    });
}

/** System title, and security control ‖ counter ‖ ciphertext ‖ tag. */
function unwrapFrame(frame: Uint8Array): { body: Uint8Array; systemTitle: Uint8Array } {
    if (!isEncryptedP1(frame) || frame[1] !== TITLE_BYTES)
        refuse("malformed", "byte 0", "0xdb, 0x08 and a system title of 8 bytes");
    const systemTitle = frame.slice(2, 2 + TITLE_BYTES);
    const { length, start } = readLength(frame, 2 + TITLE_BYTES);
    if (length < 1 + COUNTER_BYTES + TAG_BYTES)
        refuse("malformed", `byte ${start}`, "security control, counter, ciphertext and tag");
    if (start + length > frame.length)
        refuse("truncated", `byte ${frame.length}`, `${start + length} bytes`);
    return { body: frame.subarray(start, start + length), systemTitle };
}

/** Length in BER form, at most 65,535. */
function readLength(frame: Uint8Array, at: number): { length: number; start: number } {
    const first = frame[at] ?? 0;
    if (first < 0x80) return { length: first, start: at + 1 };
    if (first === 0x81) return { length: frame[at + 1] ?? 0, start: at + 2 };
    if (first === 0x82)
        return { length: (frame[at + 1] ?? 0) * 256 + (frame[at + 2] ?? 0), start: at + 3 };
    return refuse("malformed", `byte ${at}`, "a length of at most two bytes");
}
