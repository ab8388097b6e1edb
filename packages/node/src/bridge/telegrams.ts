import {
    type Decoded,
    decodeDeviceJson,
    decodeMbus,
    decodeP1,
    decodeReadout,
    decodeSensorLine,
    decodeSml,
    decodeWmbus,
    MbusSplitter,
    openP1,
    P1CipherSplitter,
    type P1Keys,
    P1Splitter,
    ReadoutSplitter,
    SensorLineSplitter,
    SmlSplitter,
    type Telegram,
    WmbusLineSplitter,
} from "@meterseal/telegram";
import { openGcm, wirelessCrypto } from "../commands/telegram-keys.ts";
import type { ByteSource } from "./source.ts";

/** Cuts a meter's bytes into telegrams and decodes them. */
export type TelegramReader = {
    /** Takes the next bytes; returns what they complete. */
    push(chunk: Uint8Array): Decoded<Telegram>[];
};

/** Where telegrams come from. */
export type TelegramSource = {
    /** True for what was recorded, which ends; false for a line that goes on. */
    readonly isFinite: boolean;
    /** Gives what is read, one after the other, until the end or the signal. */
    read(
        take: (results: readonly Decoded<Telegram>[]) => Promise<void>,
        signal: AbortSignal,
    ): Promise<void>;
};

/** Telegrams in the bytes of a source. */
export function telegramsOf(source: ByteSource, reader: TelegramReader): TelegramSource {
    return {
        isFinite: source.isFinite,
        read: (take, signal) => source.read((chunk) => take(reader.push(chunk)), signal),
    };
}

type Splitter = { push(chunk: Uint8Array): Uint8Array[] };

/** Protocols of a meter's local port, by the option that names them. */
export const PROTOCOLS = {
    p1: () => readerOf(new P1Splitter(), decodeP1),
    sml: () => readerOf(new SmlSplitter(), decodeSml),
    iec62056: () => readerOf(new ReadoutSplitter(), decodeReadout),
    mbus: () => readerOf(new MbusSplitter(), decodeMbus),
    serial: () => readerOf(new SensorLineSplitter(), decodeSensorLine),
    // Whole messages of a device in the home, one at a time.
    zigbee2mqtt: () => ({ push: (message: Uint8Array) => [decodeDeviceJson(message)] }),
} as const satisfies Readonly<Record<string, () => TelegramReader>>;

function readerOf(
    splitter: Splitter,
    decode: (bytes: Uint8Array) => Decoded<Telegram>,
): TelegramReader {
    return { push: (chunk) => splitter.push(chunk).map(decode) };
}

/** Counter of the last authenticated frame of a meter: kept, or old frames could be played again. */
export type FrameCounter = { value: number };

/**
 * Frames of one meter that a receiver hears. With a key none in the open counts, and once one had a
 * MAC, none without a MAC and a counter above the last.
 * @param key - 16 bytes; null for a meter that does not encrypt.
 */
export function wirelessReader(
    number: string,
    key: Uint8Array | null,
    counter: FrameCounter,
): TelegramReader {
    const receiver = key === null ? null : { key, crypto: wirelessCrypto };
    return readerOf(new WmbusLineSplitter(number), (frame) => {
        const result = decodeWmbus(frame, receiver, counter.value);
        if (result.ok && result.value.messageCounter !== null)
            counter.value = result.value.messageCounter;
        return result;
    });
}

/** Frames of an encrypted P1 port; each must have its tag and a counter above the last. */
export function encryptedReader(keys: P1Keys, counter: FrameCounter): TelegramReader {
    return readerOf(new P1CipherSplitter(), (frame) => {
        const opened = openP1(frame, keys, counter.value, openGcm);
        if (!opened.ok) return opened;
        counter.value = opened.value.frameCounter;
        return decodeP1(opened.value.telegram);
    });
}
