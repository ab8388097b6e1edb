import { LIMITS, type Result } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { attempt, MapReader, malformed, toArray, toBytes, toInteger } from "../parse.ts";
import { FLAG } from "../usage.ts";
import type { PortContent } from "./fragments.ts";
import type { LightReading } from "./light.ts";

/** Keys at one time: the one that is coming, and the one in use. */
const KEYS_MAX = 2;
const KEY_BYTES = 16;

/** A compact record or checkpoint whose turn has not come. */
export type WaitingPart = PortContent & { readonly seq: number };

/** A session key, and how far it was used. */
export type LightKey = {
    /** 16 bytes. */
    readonly key: Uint8Array;
    /** Highest counter of a light reading that was taken; −1 before the first. */
    readonly counter: number;
};

/** What a bridge remembers of one meter. */
export type LoraState = {
    readonly chainEpoch: number;
    /** Sequence number of the record that comes next. */
    readonly nextSeq: number;
    /** Hash of the record before it, or of the enrolment; 32 bytes. */
    readonly head: Uint8Array;
    /** Keys of light readings, the newest first: two until a reading came under the newer. */
    readonly keys: readonly LightKey[];
    /** One boundary each. */
    readonly lights: readonly LightReading[];
    readonly waiting: readonly WaitingPart[];
};

/** State before the first record of a chain epoch, under a first session key. */
export function newLoraState(chainEpoch: number, anchor: Uint8Array, key: Uint8Array): LoraState {
    const keys = [{ key, counter: -1 }];
    return { chainEpoch, nextSeq: 1, head: anchor, keys, lights: [], waiting: [] };
}

/** CBOR form for the bridge's disk. */
export function encodeLoraState(state: LoraState): Uint8Array {
    const lights = state.lights.map(fieldsOf);
    const waiting = state.waiting.map(({ content, port, seq }) => [seq, port, content]);
    return encodeCbor(
        new Map<number, unknown>([
            [0, state.chainEpoch],
            [1, state.nextSeq],
            [2, state.head],
            [3, state.keys.map(({ counter, key }) => [key, counter + 1])],
            [4, lights],
            [5, waiting],
        ]),
    );
}

/** CBOR form of readings that no signature covers yet, for whoever shows them. */
export function encodeProvisional(readings: readonly LightReading[]): Uint8Array {
    return encodeCbor(readings.map(fieldsOf));
}

/** Inverse of {@link encodeProvisional}, at most {@link LIMITS.loraLightReadings}; MS_MALFORMED. */
export function decodeProvisional(bytes: Uint8Array): Result<LightReading[]> {
    return attempt(() =>
        toArray(decodeCbor(bytes), "provisional", LIMITS.loraLightReadings).map(decodeLight),
    );
}

function fieldsOf({ firstSlot, flag, registers, sealEpoch }: LightReading): unknown[] {
    return [sealEpoch, firstSlot, registers, ...(flag === undefined ? [] : [flag])];
}

/** Inverse of {@link encodeLoraState}; MS_MALFORMED on anything else. */
export function decodeLoraState(bytes: Uint8Array): Result<LoraState> {
    return attempt(() => {
        const map = new MapReader(decodeCbor(bytes), "lora state");
        const state = {
            chainEpoch: map.integer(0, 0, 0xffff_ffff),
            nextSeq: map.integer(1, 1, Number.MAX_SAFE_INTEGER),
            head: map.bytes(2, 32),
            keys: map.array(3, KEYS_MAX).map(decodeKey),
            lights: map.array(4, LIMITS.loraLightReadings).map(decodeLight),
            waiting: map.array(5, LIMITS.pendingRecords).map(decodePart),
        };
        map.end();
        if (state.keys.length === 0) malformed(map.at(3), "a key");
        return state;
    });
}

function decodeKey(value: unknown): LightKey {
    const [key, next] = toArray(value, "key", 2);
    return {
        key: toBytes(key, "key", KEY_BYTES),
        counter: toInteger(next, "counter", 0, 2 ** 32) - 1,
    };
}

function decodeLight(value: unknown): LightReading {
    const fields = toArray(value, "light", 4);
    if (fields.length < 3) malformed("light", "seal epoch, slot, registers");
    return {
        sealEpoch: toInteger(fields[0], "light", 0, 0xffff_ffff),
        firstSlot: toInteger(fields[1], "light", 0, 0xffff_ffff),
        registers: toBytes(fields[2], "light", 8, LIMITS.loraLightBytes),
        ...(fields.length === 3
            ? {}
            : { flag: toInteger(fields[3], "light", FLAG.missing, FLAG.estimated) }),
    };
}

function decodePart(value: unknown): WaitingPart {
    const [seq, port, content] = toArray(value, "part", 3);
    return {
        seq: toInteger(seq, "part", 1, Number.MAX_SAFE_INTEGER),
        port: toInteger(port, "part", 1, 223),
        content: toBytes(content, "part", 1, LIMITS.recordBytes),
    };
}
