import {
    error,
    fail,
    fromBase64,
    fromHex,
    ok,
    type Result,
    toBase64,
    toHex,
    unwrap,
} from "@meterseal/core";
import { channelsOfGroup, mediumOfName, unitOfMedium } from "@meterseal/record";
import { checkStream, MASTER_BYTES, type SealedStream } from "@meterseal/seal";

/**
 * What a household keeps: the master secret that opens its stream, and the network id that pins
 * everything a server may claim. Whoever has this file reads the household's data.
 */
export type KeyFile = {
    /** Name that the household gave it. */
    readonly name: string;
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Subject of the meter, 16 bytes. */
    readonly meter: Uint8Array;
    readonly stream: SealedStream;
    /** IANA time zone of the stream. */
    readonly zone: string;
    /** Registers count in 10^scale Wh, or m³ of gas and water. */
    readonly scale: number;
    /** What is metered, one of MEDIUM; absent for electricity. */
    readonly medium?: number;
    /** 32 bytes; null for an open stream, which needs no key. */
    readonly master: Uint8Array | null;
};

const FORMAT = "meterseal-key/v1";
/** With a medium: who does not know of it must not take cubic metres for kilowatt-hours. */
const FORMAT_MEDIUM = "meterseal-key/v2";
const TEXT_MAX = 8192;
const FORMATS: readonly unknown[] = [FORMAT, FORMAT_MEDIUM];
/** Registers count in 10^-6 … 10^6 Wh (formats 4). */
const SCALE_MAX = 6;
/** Longest name of a zone. */
const ZONE_MAX = 64;

/** JSON text of a key file, to be written with mode 600. */
export function formatKeyFile(key: KeyFile): string {
    const { medium, stream } = key;
    const fields = {
        format: medium === undefined ? FORMAT : FORMAT_MEDIUM,
        name: key.name,
        network: toHex(key.network),
        meter: toHex(key.meter),
        stream: toHex(stream.streamId),
        sealEpoch: stream.sealEpoch,
        suite: stream.suite,
        slotSeconds: stream.slotSeconds,
        groups: stream.groups.map((member) => member.group),
        zone: key.zone,
        scale: key.scale,
        ...(medium === undefined ? {} : { medium: unitOfMedium(medium).name }),
        master: key.master === null ? null : toBase64(key.master),
    };
    return `${JSON.stringify(fields, null, 4)}\n`;
}

/**
 * Parses a key file.
 * @returns MS_KEY_FILE, which never quotes the file: it holds a secret.
 */
export function parseKeyFile(text: string): Result<KeyFile> {
    const refuse = (expected: string): Result<KeyFile> => fail(error("MS_KEY_FILE", { expected }));
    if (text.length > TEXT_MAX) return refuse(`at most ${TEXT_MAX} characters`);
    let fields: Record<string, unknown>;
    try {
        fields = JSON.parse(text) as Record<string, unknown>;
    } catch {
        return refuse("JSON");
    }
    if (typeof fields !== "object" || fields === null || !FORMATS.includes(fields.format)) {
        return refuse(`"format": "${FORMAT}"`);
    }
    try {
        return ok(readFields(fields));
    } catch {
        return refuse("all fields of a key file, unchanged");
    }
}

function readFields(fields: Record<string, unknown>): KeyFile {
    const groups = fields.groups;
    if (!Array.isArray(groups)) throw new TypeError("groups");
    return {
        name: text(fields.name),
        network: bytes(fromHex(text(fields.network)), 32),
        meter: bytes(fromHex(text(fields.meter)), 16),
        stream: readStream(fields, groups),
        zone: text(fields.zone, ZONE_MAX),
        scale: integer(fields.scale, -SCALE_MAX, SCALE_MAX),
        ...(fields.format === FORMAT_MEDIUM ? { medium: readMedium(fields.medium) } : {}),
        master:
            fields.master === null ? null : bytes(fromBase64(text(fields.master)), MASTER_BYTES),
    };
}

function readMedium(value: unknown): number {
    const medium = mediumOfName(text(value));
    if (medium === null) throw new TypeError("medium");
    return medium;
}

function readStream(fields: Record<string, unknown>, groups: readonly unknown[]): SealedStream {
    return unwrap(
        checkStream({
            streamId: bytes(fromHex(text(fields.stream)), 16),
            sealEpoch: integer(fields.sealEpoch, 0),
            suite: integer(fields.suite, 0),
            slotSeconds: integer(fields.slotSeconds, 1),
            groups: groups.map((value) => {
                const group = integer(value, 0);
                return { group, channels: channelsOfGroup(group) === 2 ? 2 : 1 };
            }),
        }),
    );
}

function text(value: unknown, max: number = TEXT_MAX): string {
    if (typeof value !== "string" || value.length > max) throw new TypeError("text");
    return value;
}

function integer(value: unknown, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
    if (!Number.isSafeInteger(value)) throw new TypeError("integer");
    const number = value as number;
    if (number < min || number > max) throw new RangeError("integer");
    return number;
}

function bytes(value: Uint8Array, length: number): Uint8Array {
    if (value.length !== length) throw new TypeError("length");
    return value;
}
