import {
    error,
    fail,
    fromBase64,
    fromHex,
    ok,
    type Result,
    toBase64,
    toHex,
} from "@meterseal/core";
import {
    decodeCoseKey,
    encodeCoseKey,
    STREAM_MODE,
    type StreamDescriptor,
} from "@meterseal/record";
import { formatJson } from "../files.ts";
import type { EnrolRequest } from "../server/server.ts";

/**
 * What the operator answers to a request: all that a meter needs to find out by itself, offline, which
 * network it is in (`checkAnswer`). Nothing in it is believed before.
 */
export type EnrolmentAnswer = {
    /** Network id, 32 bytes: what people compare. */
    readonly network: Uint8Array;
    /** Genesis of the network. */
    readonly genesis: Uint8Array;
    /** The meter's enrolment, signed by the operator. */
    readonly enrolment: Uint8Array;
    /** Enrolment of the collector whose receipts the meter believes, signed by the operator. */
    readonly collector: Uint8Array;
};

const REQUEST = "meterseal-request/v1";
const ANSWER = "meterseal-enrolment/v2";
const REQUEST_MAX = 4096;
const ANSWER_MAX = 16_384;
const MODES = ["sealed", "open"];
const STREAMS_MAX = 16;
const EPOCH_MAX = 0xffff_ffff;

/** JSON text of a request; nothing in it is secret. */
export function formatRequest({ chainEpoch = 0, key, streams, subject }: EnrolRequest): string {
    return formatJson({
        format: REQUEST,
        subject: toHex(subject),
        ...(chainEpoch === 0 ? {} : { chainEpoch }),
        key: toBase64(encodeCoseKey(key)),
        streams: streams.map((stream) => ({
            ...stream,
            stream: toHex(stream.stream),
            mode: MODES[stream.mode],
        })),
    });
}

/** Parses a request; MS_MALFORMED names the field. What it asks for is judged at enrolment. */
export function parseRequest(text: string): Result<EnrolRequest> {
    return read(text, { format: REQUEST, max: REQUEST_MAX, where: "request" }, (fields) => ({
        subject: hex(fields, "subject", 16),
        ...(fields.chainEpoch === undefined ? {} : { chainEpoch: readEpoch(fields) }),
        key: decodeCoseKey(base64(fields, "key")),
        streams: array(fields, "streams", STREAMS_MAX).map(readStream),
    }));
}

/** JSON text of an answer; nothing in it is secret. */
export function formatAnswer(answer: EnrolmentAnswer): string {
    return formatJson({
        format: ANSWER,
        network: toHex(answer.network),
        genesis: toBase64(answer.genesis),
        enrolment: toBase64(answer.enrolment),
        collector: toBase64(answer.collector),
    });
}

/** Parses an answer; MS_MALFORMED names the field. What it says is judged by `checkAnswer`. */
export function parseAnswer(text: string): Result<EnrolmentAnswer> {
    return read(text, { format: ANSWER, max: ANSWER_MAX, where: "enrolment" }, (fields) => ({
        network: hex(fields, "network", 32),
        genesis: base64(fields, "genesis"),
        enrolment: base64(fields, "enrolment"),
        collector: base64(fields, "collector"),
    }));
}

type Fields = Readonly<Record<string, unknown>>;

function read<T>(
    text: string,
    {
        format,
        max,
        where,
    }: { readonly format: string; readonly max: number; readonly where: string },
    reader: (fields: Fields) => T,
): Result<T> {
    const refuse = (expected: string): Result<T> =>
        fail(error("MS_MALFORMED", { where, expected }));
    if (text.length > max) return refuse(`at most ${max} characters`);
    try {
        const fields: unknown = JSON.parse(text);
        if (!isFields(fields) || fields.format !== format) return refuse(`"format": "${format}"`);
        return ok(reader(fields));
    } catch (cause) {
        if (cause instanceof WrongField) return refuse(cause.message);
        return refuse("all fields, unchanged");
    }
}

class WrongField extends Error {}

function isFields(value: unknown): value is Fields {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function string(fields: Fields, name: string): string {
    const value = fields[name];
    if (typeof value === "string") return value;
    throw new WrongField(`a text in "${name}"`);
}

function base64(fields: Fields, name: string): Uint8Array {
    return fromBase64(string(fields, name));
}

function hex(fields: Fields, name: string, length: number): Uint8Array {
    const text = string(fields, name);
    if (/^[0-9a-f]*$/.test(text) && text.length === 2 * length) return fromHex(text);
    throw new WrongField(`${2 * length} hexadecimal digits in "${name}"`);
}

function array(fields: Fields, name: string, max: number): readonly unknown[] {
    const value = fields[name];
    if (Array.isArray(value) && value.length <= max) return value;
    throw new WrongField(`a list of at most ${max} in "${name}"`);
}

function integer(fields: Fields, name: string): number {
    const value = fields[name];
    if (Number.isSafeInteger(value)) return value as number;
    throw new WrongField(`a whole number in "${name}"`);
}

function readGroup(value: unknown): number {
    if (Number.isSafeInteger(value)) return value as number;
    throw new WrongField('whole numbers in "groups"');
}

function readEpoch(fields: Fields): number {
    const epoch = integer(fields, "chainEpoch");
    if (epoch >= 1 && epoch <= EPOCH_MAX) return epoch;
    throw new WrongField('1 … 2^32 - 1 in "chainEpoch"');
}

function readStream(value: unknown): StreamDescriptor {
    if (!isFields(value)) throw new WrongField('streams in "streams"');
    const mode = MODES.indexOf(string(value, "mode"));
    if (mode < 0) throw new WrongField('"sealed" or "open" in "mode"');
    return {
        stream: hex(value, "stream", 16),
        sealEpoch: integer(value, "sealEpoch"),
        suite: integer(value, "suite"),
        slotSeconds: integer(value, "slotSeconds"),
        zone: string(value, "zone"),
        groups: array(value, "groups", STREAMS_MAX).map(readGroup),
        mode: mode === STREAM_MODE.open ? STREAM_MODE.open : STREAM_MODE.sealed,
        scale: integer(value, "scale"),
        ...(value.committed === undefined ? {} : { committed: integer(value, "committed") }),
    };
}
