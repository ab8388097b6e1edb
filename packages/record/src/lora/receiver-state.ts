import { LIMITS, type Result } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { attempt, MapReader, malformed, toArray, toBytes, toInteger } from "../parse.ts";
import { FLAG } from "../usage.ts";
import type { PortContent } from "./fragments.ts";
import type { LightReading } from "./light.ts";

/** A compact record or checkpoint whose turn has not come. */
export type WaitingPart = PortContent & { readonly seq: number };

/** What a bridge remembers of one meter. */
export type LoraState = {
    readonly chainEpoch: number;
    /** Sequence number of the record that comes next. */
    readonly nextSeq: number;
    /** Hash of the record before it, or of the enrolment; 32 bytes. */
    readonly head: Uint8Array;
    /** Highest counter of a light reading; −1 before the first. */
    readonly counter: number;
    /** One boundary each. */
    readonly lights: readonly LightReading[];
    readonly waiting: readonly WaitingPart[];
};

/** State before the first record of a chain epoch. */
export function newLoraState(chainEpoch: number, anchor: Uint8Array): LoraState {
    return { chainEpoch, nextSeq: 1, head: anchor, counter: -1, lights: [], waiting: [] };
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
            [3, state.counter + 1],
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
            counter: map.integer(3, 0, 2 ** 32) - 1,
            lights: map.array(4, LIMITS.loraLightReadings).map(decodeLight),
            waiting: map.array(5, LIMITS.pendingRecords).map(decodePart),
        };
        map.end();
        return state;
    });
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
