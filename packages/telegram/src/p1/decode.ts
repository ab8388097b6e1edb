import { unixOfWallTime, type WallTime } from "../civil-time.ts";
import { crc16Arc } from "../crc16.ts";
import { normalizeObis } from "../obis.ts";
import { attempt, type Decoded, refuse, requireSize } from "../result.ts";
import { latin1 } from "../text.ts";
import {
    type CheckVerdict,
    parseQuantity,
    type Telegram,
    type TelegramText,
    type TelegramValue,
} from "../value.ts";
import { type P1Object, type P1Text, splitP1 } from "./lines.ts";
import { P1_CLOCK, P1_STANDARD_OFFSET_SECONDS, P1_TELEGRAM_BYTES, P1_TEXT } from "./tables.ts";

/**
 * Decodes one P1 telegram, from the slash to the line of the exclamation mark: DSMR 2 to 5, ESMR 5,
 * and the Belgian, Luxembourg, Swedish and Austrian variants. Values are exact integers with scaler
 * and unit; a check that does not match is a verdict, not a fault, so that a telegram can be looked at.
 *
 * A telegram without any carriage return was saved as a text file: its check is computed over lines
 * that end as the meter sent them.
 *
 * @example
 * const telegram = decodeP1(bytes);
 * if (telegram.ok) console.log(telegram.value.check, telegram.value.values);
 */
export function decodeP1(bytes: Uint8Array): Decoded<Telegram> {
    return attempt(() => {
        requireSize(bytes, P1_TELEGRAM_BYTES);
        const text = latin1(bytes).replace(/^[\r\n]+/, "");
        const { checkDigits, identification, objects } = splitP1(text);
        const contents = objects.map(readObject);
        return {
            kind: "p1",
            identification,
            atUnix: contents.find(({ clockUnix }) => clockUnix !== undefined)?.clockUnix ?? null,
            values: contents.flatMap(({ values }) => values),
            texts: contents.flatMap(({ texts }) => texts),
            check: verdictOf(text, checkDigits),
        };
    });
}

/** CRC-16/ARC from the slash to the exclamation mark (P1 companion 5.2). */
function verdictOf(text: string, checkDigits: P1Text["checkDigits"]): CheckVerdict {
    if (checkDigits === "absent" || checkDigits === "truncated") return checkDigits;
    const covered = text.slice(0, text.indexOf("\n!") + 2);
    const sent = covered.includes("\r") ? covered : covered.replaceAll("\n", "\r\n");
    const crc = crc16Arc(Uint8Array.from(sent, (character) => character.charCodeAt(0)));
    return crc === Number.parseInt(checkDigits, 16) ? "ok" : "mismatch";
}

type Content = {
    readonly values: readonly TelegramValue[];
    readonly texts: readonly TelegramText[];
    readonly clockUnix?: number | null;
};

/** Reads the brackets of an object from left to right: codes, times and units hold for what follows. */
function readObject({ code, parts }: P1Object): Content {
    const obis = normalizeObis(code) ?? refuse("malformed", code, "an OBIS code");
    const [first = ""] = parts;
    if (obis === P1_CLOCK) return { values: [], texts: [], clockUnix: timeOf(first) };
    if (P1_TEXT.test(obis)) return { values: [], texts: [{ obis, text: parts.join(" ") }] };
    const values: TelegramValue[] = [];
    const texts: TelegramText[] = [];
    let [current, unit] = [obis, ""];
    let atUnix: number | null = null;
    for (const part of parts) {
        const [number = "", name] = part.split("*", 2);
        const quantity = parseQuantity(number, name ?? unit);
        if (TIME.test(part)) atUnix = timeOf(part);
        else if (part.includes(":")) current = normalizeObis(part) ?? current;
        else if (parseQuantity("0", part) !== null && part !== "") unit = part;
        else if (quantity === null) texts.push({ obis: current, text: part });
        else if (name !== undefined || unit !== "" || parts.length === 1)
            values.push({ obis: current, ...quantity, atUnix });
    }
    return { values, texts: texts.filter(({ text }) => text !== "") };
}

const TIME = /^(\d{12})([SW]?)$/;

/** Time `YYMMDDhhmmss` and S (summer) or W (winter); null for a filler, or without that letter. */
function timeOf(text: string): number | null {
    const match = TIME.exec(text);
    if (match === null || match[2] === "") return null;
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (
        match[1]?.match(/\d\d/g) ?? []
    ).map(Number);
    const wall: WallTime = [2000 + year, month, day, hour, minute, second];
    const summer = match[2] === "S" ? 3600 : 0;
    return unixOfWallTime(wall, P1_STANDARD_OFFSET_SECONDS + summer);
}
