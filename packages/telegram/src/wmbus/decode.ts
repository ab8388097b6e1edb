import { type MbusTelegram, manufacturerOf, telegramOf } from "../mbus/decode.ts";
import { readRecords } from "../mbus/records.ts";
import { attempt, type Decoded } from "../result.ts";
import { readLayers } from "./layers.ts";
import { openWirelessFrame } from "./link.ts";
import { openData, type WirelessKey } from "./protection.ts";

/** What a wireless M-Bus meter says. */
export type WirelessTelegram = MbusTelegram & {
    /**
     * Whether a MAC under the meter's key covers the data, and fits: mode 7 alone has one. Anybody
     * within reach of the radio can send, and alter, what is not authenticated.
     */
    readonly isAuthenticated: boolean;
    /** Counter of the message, below 2^32, which the MAC covers; null where there is none. */
    readonly messageCounter: number | null;
};

/**
 * Decodes a frame of a wireless M-Bus meter (EN 13757-4 and -7, OMS): frame format A with or without
 * its CRCs; data in the open, or encrypted in mode 5 or 7 under the meter's key. Mode 7 checks the
 * message's MAC; mode 5 has none, so altered data may come back as other values.
 * @param key - with one, data in the open are refused: anybody could send them.
 * @param lastCounter - of the meter's last message of mode 7, or -1 before the first; after one, no
 * less is taken.
 * @returns faults `malformed`, `truncated`, `unsupported`, `key-needed`, `unprotected`, `tag`, `replay`.
 */
export function decodeWmbus(
    bytes: Uint8Array,
    key: WirelessKey | null = null,
    lastCounter = -1,
): Decoded<WirelessTelegram> {
    return attempt(() => {
        const frame = openWirelessFrame(bytes);
        const layers = readLayers(frame.data);
        const { transport } = layers;
        const address = transport.address ?? frame.address;
        const { data, messageCounter } = openData(layers, address, key, lastCounter);
        const read = readRecords(data);
        const [low = 0, high = 0, , , , , version = 0, medium = 0] = address;
        const { accessNumber, status } = transport;
        const manufacturer = manufacturerOf(low + 256 * high);
        const header = { manufacturer, version, medium, accessNumber, status };
        const telegram = telegramOf("wmbus", address.subarray(2, 6), frame.check, header, read);
        return { ...telegram, isAuthenticated: messageCounter !== null, messageCounter };
    });
}
