import { crc16X25 } from "../crc16.ts";
import { formatObis } from "../obis.ts";
import { attempt, type Decoded, refuse } from "../result.ts";
import { hex } from "../text.ts";
import type { Telegram, TelegramText, TelegramValue } from "../value.ts";
import { type SmlElement, SmlReader } from "./elements.ts";
import { SML_BODY, SML_UNITS } from "./tables.ts";
import { openFrame } from "./transport.ts";

/** A decoded SML file: the telegram, and the meter's own signature where it sent one. */
export type SmlTelegram = Telegram & {
    /** Signature over the list of values, kept as evidence and not checked here; null without one. */
    readonly listSignature: Uint8Array | null;
};

/**
 * Decodes one SML file with its transport frame (version 1): the values of its GetList responses, as
 * German household meters push them. A check that does not match, of the frame or of a message, is a
 * verdict and not a fault.
 * @returns faults `malformed`, `truncated`, `too-large`, `unsupported`.
 */
export function decodeSml(frame: Uint8Array): Decoded<SmlTelegram> {
    return attempt(() => {
        const { isIntact, messages } = openFrame(frame);
        const reader = new SmlReader(messages);
        const lists: ValueList[] = [];
        let isMatching = isIntact;
        while (!reader.isAtEnd) {
            const message = readMessage(reader, messages);
            isMatching &&= message.isIntact;
            if (message.list !== null) lists.push(message.list);
        }
        const [first] = lists;
        if (first === undefined) refuse("unsupported", "messages", "a GetList response");
        return {
            kind: "sml",
            identification: first.serverId,
            atUnix: first.atUnix,
            values: lists.flatMap(({ values }) => values),
            texts: lists.flatMap(({ texts }) => texts),
            check: isMatching ? "ok" : "mismatch",
            listSignature: first.signature,
        };
    });
}

type ValueList = {
    readonly serverId: string;
    readonly atUnix: number | null;
    readonly values: readonly TelegramValue[];
    readonly texts: readonly TelegramText[];
    readonly signature: Uint8Array | null;
};

/** A message is a list of six: transaction, group, abort, body, CRC, end (SML 1.05 section 5.1). */
function readMessage(
    reader: SmlReader,
    bytes: Uint8Array,
): { isIntact: boolean; list: ValueList | null } {
    const start = reader.at;
    reader.list(6);
    for (let i = 0; i < 3; i++) reader.element();
    const body = reader.element();
    const end = reader.at;
    const sent = reader.element();
    reader.endOfMessage();
    if (!Array.isArray(body) || body.length !== 2 || typeof sent !== "bigint")
        return refuse("malformed", `message at byte ${start}`, "a body and its CRC");
    const computed = crc16X25(bytes.subarray(start, end));
    const swapped = ((computed & 0xff) << 8) | (computed >> 8);
    const isList = body[0] === BigInt(SML_BODY.getListResponse);
    return {
        isIntact: sent === BigInt(swapped),
        list: isList ? readList(body[1], `message at byte ${start}`) : null,
    };
}

/** Client, server, list name, sensor time, values, signature, gateway time (section 5.1.15). */
function readList(body: SmlElement | undefined, where: string): ValueList {
    if (!Array.isArray(body) || body.length !== 7 || !Array.isArray(body[4]))
        return refuse("malformed", where, "a list of seven with its values");
    const [, server, , sensorTime, entries, signature] = body as readonly SmlElement[];
    const values: TelegramValue[] = [];
    const texts: TelegramText[] = [];
    for (const [index, entry] of (entries as readonly SmlElement[]).entries()) {
        const place = `${where}, value ${index + 1}`;
        const [name, , valueTime, unit, scaler, value] = fieldsOf(entry, place);
        if (!(name instanceof Uint8Array) || name.length !== 6)
            refuse("malformed", place, "an OBIS code of 6 bytes");
        const obis = formatObis(name);
        if (typeof value === "bigint") {
            const atUnix = unixOf(valueTime);
            const known = typeof unit === "bigint" ? SML_UNITS.get(Number(unit)) : undefined;
            const digits = { digits: value, scaler: scalerOf(scaler, place) };
            values.push({ obis, ...digits, unit: known ?? "", atUnix });
        } else if (value instanceof Uint8Array) texts.push({ obis, text: hex(value) });
    }
    return {
        serverId: server instanceof Uint8Array ? hex(server) : "",
        atUnix: unixOf(sensorTime),
        values,
        texts,
        signature: signature instanceof Uint8Array ? signature : null,
    };
}

/** Name, status, time, unit, scaler, value, signature of a list entry (section 5.1.15). */
function fieldsOf(entry: SmlElement, where: string): readonly SmlElement[] {
    if (Array.isArray(entry) && entry.length === 7) return entry as readonly SmlElement[];
    return refuse("malformed", where, "a list of seven");
}

function scalerOf(element: SmlElement | undefined, where: string): number {
    if (element === null) return 0;
    if (typeof element === "bigint" && element >= -32n && element <= 32n) return Number(element);
    return refuse("malformed", where, "a scaler -32 … 32");
}

/**
 * A time is a choice of seconds index (1, since some start and no time at all), timestamp (2) or
 * local timestamp with offsets (3), of which only the last two say when (section 5.1.3).
 */
function unixOf(element: SmlElement | undefined): number | null {
    if (!Array.isArray(element) || element.length !== 2) return null;
    const [choice, time] = element as readonly SmlElement[];
    if (choice === 2n && typeof time === "bigint") return Number(time);
    if (choice === 3n && Array.isArray(time) && typeof time[0] === "bigint") return Number(time[0]);
    return null;
}
