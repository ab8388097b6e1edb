import {
    aes128Blocks,
    bytesEqual,
    concatBytes,
    error,
    fail,
    ok,
    type Result,
    u32be,
} from "@meterseal/core";
import { cmac } from "@noble/ciphers/aes.js";

/** Session of a device that was activated by hand (LoRaWAN 1.0.4). */
export type LoraSession = {
    /** DevAddr, 32 bits. */
    readonly devAddr: number;
    /** NwkSKey, 16 bytes. */
    readonly networkKey: Uint8Array;
    /** AppSKey, 16 bytes. */
    readonly applicationKey: Uint8Array;
};

/** A data frame whose check is not made yet. */
export type DataFrame = {
    readonly devAddr: number;
    readonly isConfirmed: boolean;
    /** Lower 16 bits of the frame counter. */
    readonly counterLow: number;
    /** Null for a frame with options or an acknowledgement alone. */
    readonly port: number | null;
    /** Encrypted content. */
    readonly sealed: Uint8Array;
    /** What the check covers. */
    readonly signed: Uint8Array;
    readonly mic: Uint8Array;
};

/** Direction of a frame, as check and encryption count it. */
const DIRECTION = { up: 0, down: 1 } as const;

/** Message types of data frames (section 4.2.1), version of the format 0. */
const TYPE = { up: 0x40, down: 0x60, confirmedUp: 0x80, confirmedDown: 0xa0 } as const;
const MIC_BYTES = 4;
const BLOCK_BYTES = 16;
/** Header, address, control, counter, check. */
const FRAME_BYTES_MIN = 12;
const FRAME_BYTES_MAX = 255;
const FLAG = { acknowledged: 0x20, pending: 0x10, optionBytes: 0x0f } as const;
/** Longest step of a counter from one frame to the next (LoRaWAN 1.0.3, MAX_FCNT_GAP). */
const COUNTER_GAP = 16_384;

/**
 * Reads a data frame from a device; neither is its check made nor its content decrypted.
 * @returns MS_MALFORMED, also for a join request: sessions of a bridge are made by hand.
 */
export function parseUplink(bytes: Uint8Array): Result<DataFrame> {
    const [header = 0] = bytes;
    const isConfirmed = header === TYPE.confirmedUp;
    if (!isConfirmed && header !== TYPE.up) return malformed("a data frame from a device");
    if (bytes.length < FRAME_BYTES_MIN || bytes.length > FRAME_BYTES_MAX)
        return malformed(`${FRAME_BYTES_MIN} … ${FRAME_BYTES_MAX} bytes`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const end = bytes.length - MIC_BYTES;
    const content = 8 + (view.getUint8(5) & FLAG.optionBytes);
    if (content > end) return malformed("as many options as it says");
    const hasPort = content < end;
    return ok({
        devAddr: view.getUint32(1, true),
        isConfirmed,
        counterLow: view.getUint16(6, true),
        port: hasPort ? view.getUint8(content) : null,
        sealed: bytes.subarray(Math.min(content + 1, end), end),
        signed: bytes.subarray(0, end),
        mic: bytes.subarray(end),
    });
}

/**
 * The whole counter of a frame by its lower half: the next one above the last.
 * @returns null for one that is not within reach, so that it is old or another device's.
 */
export function counterAfter(last: number, low: number): number | null {
    if (last < 0) return low;
    const step = (low - (last & 0xffff) + 0x1_0000) % 0x1_0000;
    const counter = last + step;
    return step === 0 || step > COUNTER_GAP || counter > 0xffff_ffff ? null : counter;
}

/** Content of a frame under a session and its whole counter; null where the check does not fit. */
export function openUplink(
    frame: DataFrame,
    session: LoraSession,
    counter: number,
): Uint8Array | null {
    const place = { devAddr: session.devAddr, counter, direction: DIRECTION.up };
    if (!bytesEqual(micOf(frame.signed, session.networkKey, place), frame.mic)) return null;
    const key = frame.port === 0 ? session.networkKey : session.applicationKey;
    return crypt(frame.sealed, key, place);
}

/** What a frame to a device says. */
export type Downlink = {
    readonly counter: number;
    /** Absent where it says no more than that a frame came. */
    readonly port?: number;
    readonly content?: Uint8Array;
    /** Whether the device's last frame is acknowledged. */
    readonly acknowledges: boolean;
    /** Whether more waits, so that the device may ask for it soon. */
    readonly hasMore: boolean;
};

/** A frame to a device, unconfirmed. */
export function createDownlink(
    { acknowledges, content, counter, hasMore, port }: Downlink,
    { applicationKey, devAddr, networkKey }: LoraSession,
): Uint8Array {
    const place = { devAddr, counter, direction: DIRECTION.down };
    const control = (acknowledges ? FLAG.acknowledged : 0) | (hasMore ? FLAG.pending : 0);
    const low = Uint8Array.of(counter & 0xff, (counter >> 8) & 0xff);
    const signed = concatBytes(
        Uint8Array.of(TYPE.down),
        u32be(devAddr).reverse(),
        Uint8Array.of(control),
        low,
        port === undefined || content === undefined
            ? new Uint8Array()
            : concatBytes(Uint8Array.of(port), crypt(content, applicationKey, place)),
    );
    return concatBytes(signed, micOf(signed, networkKey, place));
}

type Place = { readonly devAddr: number; readonly counter: number; readonly direction: number };

/** Block of check and encryption (sections 4.3.3.1 and 4.4). */
function blockOf(first: number, { counter, devAddr, direction }: Place, last: number): Uint8Array {
    const [address, count] = [u32be(devAddr).reverse(), u32be(counter).reverse()];
    const head = Uint8Array.of(first, 0, 0, 0, 0, direction);
    return concatBytes(head, address, count, Uint8Array.of(0, last));
}

function micOf(signed: Uint8Array, networkKey: Uint8Array, place: Place): Uint8Array {
    const block = blockOf(0x49, place, signed.length);
    return cmac(concatBytes(block, signed), networkKey).subarray(0, MIC_BYTES);
}

/** Encrypts or decrypts: both are the same. */
function crypt(content: Uint8Array, key: Uint8Array, place: Place): Uint8Array {
    const count = Math.ceil(content.length / BLOCK_BYTES);
    const blocks = Array.from({ length: count }, (_, i) => blockOf(0x01, place, i + 1));
    const stream = aes128Blocks(key, concatBytes(...blocks));
    return content.map((byte, i) => byte ^ (stream[i] as number));
}

function malformed(expected: string): Result<never> {
    return fail(error("MS_MALFORMED", { where: "LoRaWAN frame", expected }));
}
