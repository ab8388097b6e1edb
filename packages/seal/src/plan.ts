import { error, fail, type Ladder, type Level, ok, type Result } from "@meterseal/core";
import { TREE_DEPTH, type TreeAddress } from "./stream.ts";
import { LEAF_END } from "./tree-leaves.ts";

/**
 * Which leaves of a stream's trees are used up in one seal epoch. All groups of a stream are sealed
 * together, so one state serves them all. Plain numbers: store it as JSON or CBOR.
 */
export type SealState = {
    readonly sealEpoch: number;
    /** First slot that may still be sealed. */
    readonly nextSlot: number;
    /** First unused leaf of each tree 0 … 4. */
    readonly nextIndex: readonly number[];
};

/** Addresses to seal under, and the state to persist before anything sealed leaves the meter. */
export type BoundaryPlan = {
    readonly addresses: readonly TreeAddress[];
    readonly state: SealState;
};

/** State of a seal epoch in which nothing was sealed yet. */
export function newSealState(sealEpoch: number): SealState {
    return { sealEpoch, nextSlot: 0, nextIndex: [0, 0, 0, 0, 0] };
}

/**
 * Addresses of `count` consecutive slot boundaries (formats 3). A boundary takes a leaf of its
 * coarsest tree; where that leaf is used up (a zone was changed, a clock jumped) it falls to the
 * next finer tree. **Persist the new state together with the sealed bytes before sending**: a leaf
 * that keys two registers gives away their difference (privacy 3.4).
 * @param ladder - of the stream's zone and slot length.
 * @returns MS_SEAL_ORDER where `fromSlot` is at or before the last sealed slot; MS_CLOCK where the
 * slots leave the ladder (2000 … 2099); MS_STREAM_RULE where the count is no positive integer.
 */
export function planBoundaries(
    state: SealState,
    ladder: Ladder,
    fromSlot: number,
    count: number,
): Result<BoundaryPlan> {
    if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(fromSlot)) {
        const expected = "a whole slot and at least one boundary";
        return fail(error("MS_STREAM_RULE", { expected, got: `${count} from slot ${fromSlot}` }));
    }
    if (fromSlot < state.nextSlot) {
        const expected = `a slot from ${state.nextSlot} on`;
        return fail(error("MS_SEAL_ORDER", { expected, got: `slot ${fromSlot}` }));
    }
    if (fromSlot + count > ladder.endSlot) {
        const got = `slot ${fromSlot + count - 1}`;
        return fail(error("MS_CLOCK", { expected: `a slot before ${ladder.endSlot}`, got }));
    }
    const nextIndex = [...state.nextIndex];
    const addresses: TreeAddress[] = [];
    for (let slot = fromSlot; slot < fromSlot + count; slot++) {
        let address = ladder.addressOf(slot);
        while (address.level > 0 && !isFree(nextIndex, address)) {
            const level = (address.level - 1) as Level;
            address = { level, index: ladder.indexAt(slot, level) };
        }
        if (!isFree(nextIndex, address)) {
            return fail(
                error("MS_SEAL_ORDER", { expected: "a leaf not used yet", got: `${slot}` }),
            );
        }
        nextIndex[address.level] = address.index + 1;
        addresses.push(address);
    }
    return ok({ addresses, state: { ...state, nextSlot: fromSlot + count, nextIndex } });
}

/**
 * Address of one register off the slot grid: meter exchange, opening, billing, command, tamper.
 * Tree 4 counts; it is never part of a grant (formats 3 and 9).
 * @returns MS_SEAL_ORDER where the 2^24 leaves of the seal epoch are used up.
 */
export function planEvent(state: SealState): Result<BoundaryPlan> {
    const index = state.nextIndex[4] ?? 0;
    if (index >= 2 ** TREE_DEPTH[4]) {
        return fail(error("MS_SEAL_ORDER", { todo: "Open a new seal epoch." }));
    }
    const nextIndex = [...state.nextIndex.slice(0, 4), index + 1];
    return ok({ addresses: [{ level: 4, index }], state: { ...state, nextIndex } });
}

function isFree(nextIndex: readonly number[], { level, index }: TreeAddress): boolean {
    return index >= (nextIndex[level] ?? 0) && index < (LEAF_END[level] as number);
}
