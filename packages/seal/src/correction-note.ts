import {
    concatBytes,
    error,
    fail,
    ok,
    openAes128Gcm,
    type Result,
    sealAes128Gcm,
    u32be,
    u64be,
    utf8,
} from "@meterseal/core";
import {
    type CorrectionNote,
    decodeCorrectionNote,
    encodeCorrectionNote,
    GROUP,
    LEVEL,
} from "@meterseal/record";
import type { OwnerKeys } from "./key-source.ts";

/** What is public about a sealed note, and bound to it. */
export type NotePlace = {
    /** Leaf of the event tree; one that seals nothing else in its seal epoch. */
    readonly index: number;
    /** First slot whose registers count the correction. */
    readonly fromSlot: number;
};

/** Each key is used once, so its nonce may be the same. */
const NONCE = new Uint8Array(12);

/**
 * Seals the note of a correction to the household: AES-128-GCM under the key block of a leaf of the
 * event tree of group 15, nonce zero, bound to "meterseal/v1/correction" ‖ stream ‖ u32be seal epoch ‖
 * u32be leaf ‖ u64be first slot.
 * @returns MS_NOT_ALLOWED for a stream without group 15; MS_BOUNDARY_ADDRESS for a number that is no
 * leaf.
 */
export function sealNote(
    owner: OwnerKeys,
    place: NotePlace,
    note: CorrectionNote,
): Result<Uint8Array> {
    const key = owner.keysOf(GROUP.adjustments, LEVEL.event, [place.index]);
    if (!key.ok) return key;
    const text = encodeCorrectionNote(note);
    return ok(sealAes128Gcm(key.value, NONCE, boundOf(owner, place), text));
}

/**
 * Opens the note of a correction.
 * @returns MS_UNSEAL where it was sealed under another key, for another place, or altered;
 * MS_MALFORMED for a note without a reason or amount; and as {@link sealNote}.
 */
export function openNote(
    owner: OwnerKeys,
    place: NotePlace,
    sealed: Uint8Array,
): Result<CorrectionNote> {
    const key = owner.keysOf(GROUP.adjustments, LEVEL.event, [place.index]);
    if (!key.ok) return key;
    const text = openAes128Gcm(key.value, NONCE, boundOf(owner, place), sealed);
    if (text !== null) return decodeCorrectionNote(text);
    return fail(
        error("MS_UNSEAL", { where: `the note of a correction from slot ${place.fromSlot}` }),
    );
}

function boundOf({ stream }: OwnerKeys, { fromSlot, index }: NotePlace): Uint8Array {
    const place = [u32be(stream.sealEpoch), u32be(index), u64be(BigInt(fromSlot))];
    return concatBytes(utf8("meterseal/v1/correction"), stream.streamId, ...place);
}
