import { ALGORITHM, bytesEqual, concatBytes, error, LIMITS, type Result } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { STREAM_MODE } from "../enrol.ts";
import { attempt, malformed, toBytes, toInteger } from "../parse.ts";
import { type MeterRecord, parseRecord, RECORD_CLASS, usageOf } from "../record.ts";
import { assembleSign1, MESSAGE_TYPE } from "../sign1.ts";
import { channelCount } from "../usage.ts";
import { type LoraProfile, SIGNATURE_BYTES } from "./profile.ts";

/** Keys of a record that its chain and its device imply: prev and subject. */
const PREV = 5;
const SUBJECT = 8;
const CLASS = 0;
const BODY = 3;
/** Keys of a usage body: sealed and open registers. */
const SEALED = 6;
const OPEN = 12;
const SCALE = 10;
const REGISTER_BYTES = 8;

type Fields = Map<unknown, unknown>;

/** Where registers belong that a checkpoint signs. */
export type Checkpoint = {
    readonly chainEpoch: number;
    readonly seq: number;
    readonly sealEpoch: number;
    readonly firstSlot: number;
    /** Boundaries, 1 … {@link LIMITS.usageBoundaries}. */
    readonly count: number;
};

/**
 * A signed record without what port and device imply: deterministic CBOR of its payload without prev and
 * subject, in a usage body without stream, slot length, groups and scale, and the signature behind it.
 * At most {@link LIMITS.loraCompactBytes} go in one frame; what is longer goes in fragments.
 * @returns MS_MALFORMED for a record of another device, stream or algorithm.
 */
export function compactRecord(record: MeterRecord, profile: LoraProfile): Result<Uint8Array> {
    return attempt(() => join(impliedAway(record, profile), record));
}

/**
 * The checkpoint of a usage record: its compact form without the registers, which light readings brought.
 * @returns MS_MALFORMED for a record of another device or stream, or none of usage.
 */
export function checkpointOf(record: MeterRecord, profile: LoraProfile): Result<Uint8Array> {
    return attempt(() => {
        if (record.recordClass !== RECORD_CLASS.usage) malformed("record[0]", "a usage record");
        const fields = impliedAway(record, profile);
        const body = fields.get(BODY) as Fields;
        body.delete(SEALED);
        body.delete(OPEN);
        return join(fields, record);
    });
}

/**
 * The record whose compact form this is, byte for byte as the meter signed it, if `prev` is the hash
 * of the record before. Its signature is not checked: with another `prev` it does not fit.
 * @param prev - 32 bytes.
 * @returns MS_MALFORMED, MS_TOO_LARGE.
 */
export function rebuildRecord(
    compact: Uint8Array,
    profile: LoraProfile,
    prev: Uint8Array,
): Result<MeterRecord> {
    return attempt(() => rebuild(split(compact), profile, prev));
}

/** Place of a compact record in its chain, before anything else of it is looked at; MS_MALFORMED. */
export function compactPlace(compact: Uint8Array): Result<Pick<Checkpoint, "chainEpoch" | "seq">> {
    return attempt(() => placeOf(split(compact).fields));
}

/** What a checkpoint signs; MS_MALFORMED. */
export function parseCheckpoint(bytes: Uint8Array): Result<Checkpoint> {
    return attempt(() => checkpointFields(split(bytes).fields));
}

/**
 * The usage record that a checkpoint signs, as {@link rebuildRecord}.
 * @param registers - of its boundaries, 8 bytes a channel, as light readings brought them.
 * @returns MS_MALFORMED.
 */
export function rebuildCovered(
    checkpoint: Uint8Array,
    registers: Uint8Array,
    profile: LoraProfile,
    prev: Uint8Array,
): Result<MeterRecord> {
    return attempt(() => {
        const parts = split(checkpoint);
        const { count } = checkpointFields(parts.fields);
        const { groups, mode } = profile.stream;
        const length = count * channelCount(groups) * REGISTER_BYTES;
        const bytes = toBytes(registers, "registers", length);
        const body = parts.fields.get(BODY) as Fields;
        if (mode === STREAM_MODE.sealed) body.set(SEALED, bytes);
        else body.set(OPEN, plainRegisters(bytes));
        return rebuild(parts, profile, prev);
    });
}

function impliedAway(record: MeterRecord, profile: LoraProfile): Fields {
    const { key, stream, subject } = profile;
    if (key.algorithm === ALGORITHM.ps256) malformed("signature", `${SIGNATURE_BYTES} bytes`);
    const expected = restored(withoutImplied(record), profile, record.prev);
    const again = assembleSign1(
        key,
        MESSAGE_TYPE.record,
        encodeCbor(expected),
        record.message.signature,
    );
    if (!bytesEqual(again, record.message.bytes) || !bytesEqual(record.subject, subject))
        malformed("record", "a record of this device, and of its stream");
    if (stream.committed !== undefined) malformed("stream", "a stream without commitments");
    return withoutImplied(record);
}

function withoutImplied({ message }: MeterRecord): Fields {
    const fields = decodeCbor(message.payload) as Fields;
    fields.delete(PREV);
    fields.delete(SUBJECT);
    const body = fields.get(BODY);
    if (fields.get(CLASS) === RECORD_CLASS.usage && body instanceof Map)
        for (const key of impliedOfUsage()) body.delete(key);
    return fields;
}

function impliedOfUsage(): number[] {
    return [0, 2, 5, SCALE];
}

/** Puts back what is implied. */
function restored(fields: Fields, { stream, subject }: LoraProfile, prev: Uint8Array): Fields {
    if (fields.has(PREV) || fields.has(SUBJECT)) malformed("compact", "no prev, no subject");
    const body = fields.get(BODY);
    if (fields.get(CLASS) === RECORD_CLASS.usage) {
        if (!(body instanceof Map)) return malformed("compact[3]", "a map");
        if (impliedOfUsage().some((key) => body.has(key)))
            malformed("compact[3]", "nothing that the stream implies");
        body.set(0, stream.stream).set(2, stream.slotSeconds).set(5, stream.groups);
        if (stream.scale !== 0) body.set(SCALE, stream.scale);
    }
    return fields.set(PREV, toBytes(prev, "prev", 32)).set(SUBJECT, subject);
}

function rebuild(
    { fields, signature }: Parts,
    profile: LoraProfile,
    prev: Uint8Array,
): MeterRecord {
    const payload = encodeCbor(restored(fields, profile, prev));
    const record = parseRecord(assembleSign1(profile.key, MESSAGE_TYPE.record, payload, signature));
    if (!record.ok) throw record.error;
    if (record.value.recordClass === RECORD_CLASS.usage) {
        const usage = usageOf(record.value);
        if (!usage.ok) throw usage.error;
    }
    return record.value;
}

type Parts = { readonly fields: Fields; readonly signature: Uint8Array };

function join(fields: Fields, { message }: MeterRecord): Uint8Array {
    return concatBytes(encodeCbor(fields), message.signature);
}

function split(compact: Uint8Array): Parts {
    if (compact.length > LIMITS.recordBytes) throw error("MS_TOO_LARGE");
    const end = compact.length - SIGNATURE_BYTES;
    if (end < 1) malformed("compact", "a record and its signature");
    const fields = decodeCbor(compact.subarray(0, end));
    if (!(fields instanceof Map)) return malformed("compact", "a map");
    return { fields, signature: compact.subarray(end) };
}

function placeOf(fields: Fields): Pick<Checkpoint, "chainEpoch" | "seq"> {
    return {
        chainEpoch: toInteger(fields.get(4), "compact[4]", 0, 0xffff_ffff),
        seq: toInteger(fields.get(1), "compact[1]", 1, Number.MAX_SAFE_INTEGER),
    };
}

function checkpointFields(fields: Fields): Checkpoint {
    const body = fields.get(BODY);
    if (fields.get(CLASS) !== RECORD_CLASS.usage || !(body instanceof Map))
        return malformed("checkpoint", "a usage record");
    if (body.has(SEALED) || body.has(OPEN)) malformed("checkpoint", "no registers");
    return {
        ...placeOf(fields),
        sealEpoch: toInteger(body.get(1), "checkpoint[3][1]", 0, 0xffff_ffff),
        firstSlot: toInteger(
            body.get(3),
            "checkpoint[3][3]",
            0,
            0xffff_ffff - LIMITS.usageBoundaries,
        ),
        count: toInteger(body.get(4), "checkpoint[3][4]", 1, LIMITS.usageBoundaries),
    };
}

function plainRegisters(bytes: Uint8Array): bigint[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: bytes.length / REGISTER_BYTES }, (_, i) =>
        view.getBigUint64(i * REGISTER_BYTES),
    );
}
