/** Warning of a meter whose outbox was full: boundaries of slot level were left out. */
const KIND_THINNED = 1;

/** Body of the warning that boundaries were left out from a slot on; keys 0 and 1 as in a usage body. */
export function thinnedWarning(
    place: { readonly stream: Uint8Array; readonly sealEpoch: number },
    fromSlot: number,
): Map<number, unknown> {
    return new Map<number, unknown>([
        [0, place.stream],
        [1, place.sealEpoch],
        [2, KIND_THINNED],
        [3, fromSlot],
    ]);
}
