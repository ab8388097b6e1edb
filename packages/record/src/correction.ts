import { LIMITS, type Result } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { attempt, MapReader, malformed, toRegister } from "./parse.ts";
import { TIME_MAX_UNIX } from "./record.ts";

/** What a correction says, to the household alone: in a sealed stream it travels sealed. */
export type CorrectionNote = {
    /** What is added to the register of the plus adjustments, in stream units. */
    readonly plus: bigint;
    /** … and to that of the minus adjustments. */
    readonly minus: bigint;
    /** The interval that was metered wrong, seconds since 1970; ends after it begins. */
    readonly fromUnix: number;
    readonly toUnix: number;
    /** Why, 1 … {@link LIMITS.correctionCharacters} characters of one line. */
    readonly reason: string;
};

/** The note as it travels: sealed under a leaf of the event tree, or plain in an open stream. */
export type CorrectionValues =
    | { readonly mode: "sealed"; readonly index: number; readonly bytes: Uint8Array }
    | { readonly mode: "open"; readonly note: CorrectionNote };

/**
 * Body of a class-5 record by which a meter enters a correction: from a slot on the adjustment
 * registers (group 15) are higher by what the note says. Nothing that was sealed before changes
 * (privacy 3.4).
 */
export type Correction = {
    /** Stream, 16 bytes. */
    readonly stream: Uint8Array;
    readonly sealEpoch: number;
    /** First slot whose registers count the correction. */
    readonly fromSlot: number;
    readonly values: CorrectionValues;
};

/** Kind of a class-5 record that enters a correction; the kinds before it are those of warnings. */
const CORRECTION_KIND = 3;

/** Bytes of a sealed note: what a note needs at least and at most, and its tag. */
const SEALED_MIN = 16 + 12;
const SEALED_MAX = 16 + 64 + 4 * LIMITS.correctionCharacters;
const INDEX_MAX = 2 ** 24 - 1;

/** CBOR map of a correction; keys 0 … 3 mean the same as in a warning. */
export function encodeCorrection(correction: Correction): Map<number, unknown> {
    const { fromSlot, sealEpoch, stream, values } = correction;
    return new Map<number, unknown>([
        [0, stream],
        [1, sealEpoch],
        [2, CORRECTION_KIND],
        [3, fromSlot],
        ...(values.mode === "sealed"
            ? ([
                  [4, values.index],
                  [5, values.bytes],
              ] as const)
            : ([[6, noteMap(values.note)]] as const)),
    ]);
}

/** Parses the body of a class-5 record; MS_MALFORMED for one that enters no correction. */
export function decodeCorrection(value: unknown): Result<Correction> {
    return attempt(() => {
        const map = new MapReader(value, "correction");
        map.integer(2, CORRECTION_KIND, CORRECTION_KIND);
        const correction: Correction = {
            stream: map.bytes(0, 16),
            sealEpoch: map.integer(1, 0, 0xffff_ffff),
            fromSlot: map.integer(3, 0, Number.MAX_SAFE_INTEGER),
            values: map.has(6)
                ? { mode: "open", note: readNote(map.value(6)) }
                : {
                      mode: "sealed",
                      index: map.integer(4, 0, INDEX_MAX),
                      bytes: map.bytes(5, SEALED_MIN, SEALED_MAX),
                  },
        };
        map.end();
        return correction;
    });
}

/** CBOR of a note: what is sealed. */
export function encodeCorrectionNote(note: CorrectionNote): Uint8Array {
    return encodeCbor(noteMap(note));
}

/** Inverse of {@link encodeCorrectionNote}; MS_MALFORMED names the field, also of a reason that is none. */
export function decodeCorrectionNote(bytes: Uint8Array): Result<CorrectionNote> {
    return attempt(() => readNote(decodeCbor(bytes)));
}

function noteMap({ fromUnix, minus, plus, reason, toUnix }: CorrectionNote): Map<number, unknown> {
    return new Map<number, unknown>([
        [0, plus],
        [1, minus],
        [2, fromUnix],
        [3, toUnix],
        [4, reason],
    ]);
}

function readNote(value: unknown): CorrectionNote {
    const map = new MapReader(value, "correction note");
    const fromUnix = map.integer(2, 0, TIME_MAX_UNIX);
    const note = {
        plus: toRegister(map.value(0), map.at(0)),
        minus: toRegister(map.value(1), map.at(1)),
        fromUnix,
        toUnix: map.integer(3, fromUnix + 1, TIME_MAX_UNIX),
        reason: map.text(4, LIMITS.correctionCharacters),
    };
    if (note.plus === 0n && note.minus === 0n) malformed(map.at(0), "an amount above zero");
    if (!isReason(note.reason)) malformed(map.at(4), "a reason in one line");
    map.end();
    return note;
}

/** Whether a text says why: one line, not blank, within its limit. */
export function isReason(text: string): boolean {
    const fits = text.length <= LIMITS.correctionCharacters;
    return fits && text.trim() === text && text !== "" && !/\p{Cc}/u.test(text);
}
