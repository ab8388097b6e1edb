import { type Result, toBase64, toHex } from "@meterseal/core";
import {
    decodeCoseKey,
    encodeCoseKey,
    mediumOfName,
    STREAM_MODE,
    type StreamDescriptor,
    unitOfMedium,
} from "@meterseal/record";
import { formatJson } from "../files.ts";
import {
    arrayField,
    base64Field,
    type Fields,
    hexField,
    integerField,
    isFields,
    readJson,
    stringField,
    WrongField,
} from "../json-fields.ts";
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
export function formatRequest(request: EnrolRequest): string {
    const { chainEpoch = 0, key, medium, observed, streams, subject } = request;
    return formatJson({
        format: REQUEST,
        subject: toHex(subject),
        ...(observed === true ? { observed } : {}),
        ...(medium === undefined ? {} : { medium: unitOfMedium(medium).name }),
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
    return readJson(text, { format: REQUEST, max: REQUEST_MAX, where: "request" }, (fields) => ({
        subject: hexField(fields, "subject", 16),
        ...(fields.observed === undefined ? {} : { observed: readObserved(fields) }),
        ...(fields.medium === undefined ? {} : { medium: readMedium(fields) }),
        ...(fields.chainEpoch === undefined ? {} : { chainEpoch: readEpoch(fields) }),
        key: decodeCoseKey(base64Field(fields, "key")),
        streams: arrayField(fields, "streams", STREAMS_MAX).map(readStream),
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
    return readJson(text, { format: ANSWER, max: ANSWER_MAX, where: "enrolment" }, (fields) => ({
        network: hexField(fields, "network", 32),
        genesis: base64Field(fields, "genesis"),
        enrolment: base64Field(fields, "enrolment"),
        collector: base64Field(fields, "collector"),
    }));
}

function readGroup(value: unknown): number {
    if (Number.isSafeInteger(value)) return value as number;
    throw new WrongField('whole numbers in "groups"');
}

function readObserved({ observed }: Fields): boolean {
    if (observed === true) return true; // absent where it is not
    throw new WrongField('true, or nothing, in "observed"');
}

function readMedium(fields: Fields): number {
    const medium = mediumOfName(stringField(fields, "medium"));
    if (medium !== null) return medium; // absent for electricity
    throw new WrongField('"gas", "water" or "heat" in "medium"');
}

function readEpoch(fields: Fields): number {
    const epoch = integerField(fields, "chainEpoch");
    if (epoch >= 1 && epoch <= EPOCH_MAX) return epoch;
    throw new WrongField('1 … 2^32 - 1 in "chainEpoch"');
}

function readStream(value: unknown): StreamDescriptor {
    if (!isFields(value)) throw new WrongField('streams in "streams"');
    const mode = MODES.indexOf(stringField(value, "mode"));
    if (mode < 0) throw new WrongField('"sealed" or "open" in "mode"');
    return {
        stream: hexField(value, "stream", 16),
        sealEpoch: integerField(value, "sealEpoch"),
        suite: integerField(value, "suite"),
        slotSeconds: integerField(value, "slotSeconds"),
        zone: stringField(value, "zone"),
        groups: arrayField(value, "groups", STREAMS_MAX).map(readGroup),
        mode: mode === STREAM_MODE.open ? STREAM_MODE.open : STREAM_MODE.sealed,
        scale: integerField(value, "scale"),
        ...(value.committed === undefined ? {} : { committed: integerField(value, "committed") }),
    };
}
