import { LIMITS, type Result } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    MapReader,
    malformed,
    toArray,
    toBytes,
    toInteger,
    toRegister,
} from "@meterseal/record";
import { newSealState, type SealState, TREE_DEPTH } from "@meterseal/seal";
import { adjustmentCount } from "./adjustments.ts";
import type { MeterProfile } from "./profile.ts";

/** A correction that a meter entered. */
export type EnteredCorrection = {
    /** Sequence number of its record. */
    readonly seq: number;
    /** Hash of its note, 32 bytes. */
    readonly hash: Uint8Array;
};

/** What a meter must remember to go on with its chain and never to seal a boundary twice. */
export type MeterState = {
    readonly chainEpoch: number;
    /** Sequence number of the next record. */
    readonly nextSeq: number;
    /** Hash of the last record, or of the enrolment; 32 bytes. */
    readonly headHash: Uint8Array;
    readonly seal: SealState;
    /** Registers of the last boundary or event, one a channel; empty before the first. */
    readonly registers: readonly bigint[];
    /**
     * Registers of the adjustments, plus and minus, as the next boundary has them; empty in a stream
     * without. Corrections that were entered since the last boundary are in.
     */
    readonly adjustments: readonly bigint[];
    /**
     * Corrections of this seal epoch, the oldest first: the last
     * {@link LIMITS.rememberedCorrections}, final or not.
     */
    readonly corrections: readonly EnteredCorrection[];
    /** True once the closing record was written: nothing follows it. */
    readonly ended: boolean;
    /** True once a record of this seal epoch says that what is missing is lost. */
    readonly lossNoted: boolean;
    /** Starts on this memory, as the counter beside it counts them; 0 without a counter. */
    readonly starts: number;
};

/** State of a meter that has written nothing yet. */
export function newMeterState(profile: MeterProfile): MeterState {
    return {
        chainEpoch: profile.chainEpoch,
        nextSeq: 1,
        headHash: profile.anchor,
        seal: newSealState(profile.stream.sealEpoch),
        registers: [],
        adjustments: Array(adjustmentCount(profile.stream)).fill(0n),
        corrections: [],
        ended: false,
        lossNoted: false,
        starts: 0,
    };
}

/** CBOR form for the meter's store. */
export function encodeMeterState(state: MeterState): Uint8Array {
    return encodeCbor(
        new Map<number, unknown>([
            [0, state.chainEpoch],
            [1, state.nextSeq],
            [2, state.headHash],
            [3, state.seal.sealEpoch],
            [4, state.seal.nextSlot],
            [5, state.seal.nextIndex],
            [6, state.registers],
            ...(state.ended ? ([[7, 1]] as const) : []),
            ...(state.lossNoted ? ([[8, 1]] as const) : []),
            ...(state.starts === 0 ? [] : ([[9, state.starts]] as const)),
            ...(state.adjustments.length === 0 ? [] : ([[10, state.adjustments]] as const)),
            ...(state.corrections.length === 0
                ? []
                : ([[11, state.corrections.map(({ hash, seq }) => [seq, hash])]] as const)),
        ]),
    );
}

/** Inverse of {@link encodeMeterState}; MS_MALFORMED on anything else. */
export function decodeMeterState(bytes: Uint8Array): Result<MeterState> {
    return attempt(() => {
        const map = new MapReader(decodeCbor(bytes), "meter state");
        const max = Number.MAX_SAFE_INTEGER;
        const state = {
            chainEpoch: map.integer(0, 0, 0xffff_ffff),
            nextSeq: map.integer(1, 1, max),
            headHash: map.bytes(2, 32),
            seal: {
                sealEpoch: map.integer(3, 0, 0xffff_ffff),
                nextSlot: map.integer(4, 0, max),
                nextIndex: readIndices(map),
            },
            registers: map.array(6, 32).map((value) => toRegister(value, map.at(6))),
            ended: map.has(7) && map.integer(7, 1, 1) === 1,
            lossNoted: map.has(8) && map.integer(8, 1, 1) === 1,
            starts: map.has(9) ? map.integer(9, 1, max) : 0,
            adjustments: map.has(10)
                ? map.array(10, 2).map((value) => toRegister(value, map.at(10)))
                : [],
            corrections: map.has(11) ? readCorrections(map) : [],
        };
        map.end();
        return state;
    });
}

function readCorrections(map: MapReader): EnteredCorrection[] {
    const where = map.at(11);
    return map.array(11, LIMITS.rememberedCorrections).map((value) => {
        const [seq, hash] = toArray(value, where, 2);
        return {
            seq: toInteger(seq, where, 1, Number.MAX_SAFE_INTEGER),
            hash: toBytes(hash, where, 32),
        };
    });
}

/** One unused leaf for each tree: a tree without one would begin anew, and seal twice. */
function readIndices(map: MapReader): number[] {
    const indices = map
        .array(5, TREE_DEPTH.length)
        .map((value) => toInteger(value, map.at(5), 0, Number.MAX_SAFE_INTEGER));
    if (indices.length !== TREE_DEPTH.length) malformed(map.at(5), `${TREE_DEPTH.length} indices`);
    return indices;
}
