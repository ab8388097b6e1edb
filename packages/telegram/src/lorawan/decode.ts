import { attempt, type Decoded, refuse, requireSize } from "../result.ts";
import { hex } from "../text.ts";
import type { Telegram, TelegramText, TelegramValue } from "../value.ts";
import { type Field, MILESIGHT, nameOf } from "./tables.ts";

/** Largest application payload of LoRaWAN. */
const PAYLOAD_BYTES = 242;

/**
 * Decodes the application payload of a Milesight plug, current meter or pulse counter, as its LoRaWAN
 * network server has decrypted it. A number of all ones ("read failed") is no value. What the device
 * says was protected to the network server and not beyond.
 * @returns faults `too-large`, `truncated`, and `unsupported` for a channel that is not known: how
 * long it is cannot be told.
 */
export function decodeMilesight(payload: Uint8Array): Decoded<Telegram> {
    return attempt(() => {
        requireSize(payload, PAYLOAD_BYTES);
        if (payload.length < 2) refuse("truncated", "byte 0", "a channel and a type");
        const values: TelegramValue[] = [];
        const texts: TelegramText[] = [];
        let offset = 0;
        while (offset < payload.length && !isFiller(payload.subarray(offset))) {
            const name = nameOf(payload[offset] as number, payload[offset + 1] ?? 0);
            const field = MILESIGHT.get(name);
            if (field === undefined)
                return refuse("unsupported", `byte ${offset}`, `a known channel, not ${name}`);
            const data = payload.subarray(offset + 2, offset + 2 + field.length);
            if (data.length < field.length)
                refuse("truncated", `byte ${payload.length}`, `${field.length} bytes of ${name}`);
            offset += 2 + field.length;
            if (field.kind === "text" && field.obis !== null)
                texts.push({ obis: field.obis, text: hex(data) });
            else values.push(...readValue(field, data));
        }
        const identification = texts[0]?.text ?? "";
        return { kind: "milesight", identification, atUnix: null, values, texts, check: "absent" };
    });
}

/** Zeros at the end of a payload, as the device fills it up. */
function isFiller(rest: Uint8Array): boolean {
    return rest.every((byte) => byte === 0);
}

function readValue({ factor, kind, obis, scaler, unit }: Field, data: Uint8Array): TelegramValue[] {
    if (obis === null || data.every((byte) => byte === 0xff)) return [];
    let number = 0n;
    for (const byte of [...data].reverse()) number = number * 256n + BigInt(byte);
    const signed = kind === "signed" ? BigInt.asIntN(8 * data.length, number) : number;
    return [{ obis, digits: signed * factor, scaler, unit, atUnix: null }];
}
