import { readFileSync, statSync } from "node:fs";
import { error, fromHex, LIMITS, MetersealError, unixOfSlot } from "@meterseal/core";
import { parseItem } from "@meterseal/ledger";
import {
    type MeterRecord,
    parseReceipt,
    parseRecord,
    RECORD_CLASS,
    splitSequence,
    usageOf,
} from "@meterseal/record";
import { type Command, textOption } from "../cli/arguments.ts";
import { jsonValue, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { describeEntry } from "./decode-entry.ts";
import { decodeTelegrams, NAMED_KINDS } from "./decode-telegram.ts";

/** `meterseal decode`: what the bytes of a message say, for engineers. */
export const decodeCommand: Command = {
    name: "decode",
    positional: "HEX|FILE",
    summary: "shows what the bytes of a message, or a meter's telegram, say",
    options: {
        keys: {
            kind: "value",
            value: "FILE",
            help: "keys of an encrypted telegram, 32 digits a line: encryption and authentication key (P1), or the meter's (M-Bus)",
        },
        as: {
            kind: "value",
            value: "KIND",
            help: `what bytes are that do not say it: ${NAMED_KINDS}`,
        },
        json: { kind: "flag", help: "one JSON object a message, without indentation" },
    },
    examples: [
        "meterseal decode d28458…",
        "meterseal decode record.cbor --json",
        "meterseal decode telegram.txt      # P1, SML, IEC 62056-21, M-Bus, or lines of our sensor",
        "meterseal decode message.json      # of Zigbee2MQTT, Tasmota or Shelly",
        "meterseal decode 068309660000048007000000 --as milesight",
    ],
    // biome-ignore lint/suspicious/useAwait: every command is asynchronous to its caller
    async run(options, [source]) {
        if (source === undefined) throw error("MS_USAGE", { expected: "HEX or FILE" });
        try {
            const bytes = readSource(source);
            const asJson = options.json === true;
            const keysPath = textOption(options, "keys");
            const kind = textOption(options, "as");
            if (!decodeTelegrams(bytes, { asJson, keysPath, kind }))
                decodeAll(bytes, asJson ? 0 : 2);
            return EXIT.ok;
        } catch (cause) {
            if (!(cause instanceof MetersealError)) throw cause;
            say(cause.message); // what it was given is bad input, whatever the fault is called
            return EXIT.usage;
        }
    },
};

function decodeAll(bytes: Uint8Array, indent: number): void {
    const items = splitSequence(bytes, LIMITS.messageRecords);
    if (!items.ok) throw items.error;
    if (items.value.length === 0) throw error("MS_MALFORMED", { expected: "a message" });
    for (const item of items.value) out(JSON.stringify(describeMessage(item), jsonValue, indent));
}

function readSource(source: string): Uint8Array {
    const text = source.replaceAll(/\s/g, "");
    if (text.length > 0 && text.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(text))
        return fromHex(text);
    if (!statSync(source, { throwIfNoEntry: false })?.isFile())
        throw error("MS_NOT_FOUND", { where: source, expected: "hexadecimal digits or a file" });
    const content = new Uint8Array(readFileSync(source));
    const asText = new TextDecoder().decode(content.subarray(0, 8));
    return /^[0-9a-fA-F][0-9a-fA-F\s]+$/.test(asText)
        ? fromHex(new TextDecoder().decode(content).replaceAll(/\s/g, ""))
        : content;
}

/** Plain description of a message; sealed registers stay what they are: bytes. */
function describeMessage(bytes: Uint8Array): unknown {
    const record = parseRecord(bytes);
    if (record.ok) return { message: "record", ...describeRecord(record.value) };
    if (record.error.code !== "MS_VERSION") throw record.error;
    const receipt = parseReceipt(bytes);
    if (receipt.ok)
        return { ...receipt.value, message: "receipt", signedBy: receipt.value.message.kid };
    const item = parseItem(bytes);
    if (!item.ok) throw item.error;
    if (item.value.kind !== "vertex") return describeEntry(item.value);
    const { message, id, parents, ...vertex } = item.value.vertex;
    return {
        message: "vertex",
        id: String(id),
        ...vertex,
        parents: parents.map(String),
        signedBy: message.kid,
    };
}

function describeRecord({ message, body, ...record }: MeterRecord): Record<string, unknown> {
    const className = Object.entries(RECORD_CLASS).find(
        ([, value]) => value === record.recordClass,
    );
    const usage =
        record.recordClass === RECORD_CLASS.usage ? usageOf({ message, body, ...record }) : null;
    return {
        ...record,
        recordClass: className?.[0] ?? record.recordClass,
        time: new Date(record.timeUnix * 1000).toISOString(),
        hash: message.hash,
        signedBy: message.kid,
        algorithm: message.algorithm,
        bytes: message.bytes.length,
        ...(usage?.ok
            ? {
                  usage: {
                      from: instantOf(usage.value.firstSlot, usage.value.slotSeconds),
                      to: instantOf(
                          usage.value.firstSlot + usage.value.count - 1,
                          usage.value.slotSeconds,
                      ),
                      ...usage.value,
                  },
              }
            : { body }),
    };
}

function instantOf(slot: number, slotSeconds: number): string {
    return new Date(unixOfSlot(slot, slotSeconds) * 1000).toISOString();
}
