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
import { CONTROL, READOUT_BYTES, READOUT_SETS, READOUT_TEXT } from "./tables.ts";

/**
 * Decodes the readout of a meter with an optical or current-loop port: the data block of mode A or C
 * with its block check character, or the push of mode D (IEC 62056-21 sections 5.6 and 6.5), with or
 * without the identification before it. Short codes such as `1.8.0` come back as `1-0:1.8.0`, those
 * of heat, water and gas meters as they are.
 *
 * A block check that does not match is a verdict and not a fault; mode D, and a readout saved
 * without its frame, have none.
 * @returns faults `too-large`, `malformed`.
 */
export function decodeReadout(bytes: Uint8Array): Decoded<Telegram> {
    return attempt(() => {
        requireSize(bytes, READOUT_BYTES);
        const text = latin1(bytes);
        const identification = /^[^/]{0,16}\/([\x20-\x7e]{4,63})\r?\n/.exec(text);
        const stx = bytes.indexOf(CONTROL.stx);
        const begin = stx >= 0 ? stx + 1 : (identification?.[0].length ?? 0);
        const { end, sets } = splitSets(text, begin);
        const contents = sets.map((set) => readSet(set, isElectricity(sets)));
        if (contents.length === 0) refuse("malformed", `byte ${begin}`, "a data set");
        return {
            kind: "iec62056-21",
            identification: identification?.[1] ?? "",
            atUnix: null,
            values: contents.flatMap(({ values }) => values),
            texts: contents.flatMap(({ texts }) => texts),
            check: verdictOf(bytes, stx, end),
        };
    });
}

type DataSet = { readonly address: string; readonly content: string };

const SET = /[\r\n]*([0-9A-Z][0-9A-Z\-:.*&]{0,31})?\(([^()\r\n]{0,2048})\)/y;

/** Data sets up to the exclamation mark; a bracket without an address belongs to the one before. */
function splitSets(text: string, begin: number): { sets: DataSet[]; end: number } {
    const sets: DataSet[] = [];
    SET.lastIndex = begin;
    let end = begin;
    for (let match = SET.exec(text); match !== null; match = SET.exec(text)) {
        if (sets.length === READOUT_SETS)
            refuse("too-large", `byte ${end}`, `at most ${READOUT_SETS} data sets`);
        const address = match[1] ?? sets.at(-1)?.address;
        if (address === undefined) refuse("malformed", `byte ${end}`, "an address");
        sets.push({ address, content: match[2] as string });
        end = SET.lastIndex;
    }
    const mark = /^[\r\n]*!/.exec(text.slice(end));
    const isAtEnd = /^[\r\n]*$/.test(text.slice(end));
    if (mark === null && !isAtEnd)
        refuse("malformed", `byte ${end}`, "an address and a value in brackets");
    return { sets, end: mark === null ? -1 : end + mark[0].length };
}

/** XOR of everything behind STX up to and with ETX (ISO 1155). */
function verdictOf(bytes: Uint8Array, stx: number, end: number): CheckVerdict {
    if (end < 0) return "truncated";
    if (stx < 0) return "absent";
    const etx = bytes.indexOf(CONTROL.etx, end);
    const sent = bytes[etx + 1];
    if (etx < 0 || sent === undefined) return "truncated";
    let check = 0;
    for (const byte of bytes.subarray(stx + 1, etx + 1)) check ^= byte;
    return check === sent ? "ok" : "mismatch";
}

/** Short codes lack the medium: where volumes or heat are read out, they are not electricity's. */
function isElectricity(sets: readonly DataSet[]): boolean {
    return !sets.some(({ content }) => /\*(?:m3|m3ph|m3\/h|[MG]J)\b/i.test(content));
}

/** Values of a data set: one, or several joined by `&` such as a flow and a return temperature. */
function readSet(
    { address, content }: DataSet,
    electricity: boolean,
): {
    readonly values: readonly TelegramValue[];
    readonly texts: readonly TelegramText[];
} {
    const hasMedium = address.includes(":") || electricity;
    const obis = (hasMedium ? normalizeObis(address) : null) ?? address;
    const parts = content.split("&");
    const quantities = parts.map((part) => {
        const [number = "", unit = ""] = part.split("*", 2);
        return parseQuantity(number, unit);
    });
    const isText = READOUT_TEXT.test(obis) || quantities.includes(null);
    if (content === "") return { values: [], texts: [] };
    if (isText) return { values: [], texts: [{ obis, text: content }] };
    const values = quantities.filter((quantity) => quantity !== null);
    return { values: values.map((value) => ({ obis, ...value, atUnix: null })), texts: [] };
}
