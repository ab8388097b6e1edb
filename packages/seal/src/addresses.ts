import { error, fail, ok, type Result, unixOfSlot } from "@meterseal/core";
import {
    type AddressedBoundaries,
    type BoundaryAddress,
    coarseAddresses,
    exceptionsOf,
} from "@meterseal/record";
import { TREE_DEPTH, type TreeAddress } from "./stream.ts";

/**
 * What a usage body says of its boundaries' addresses (keys 7 and 13 of formats 4): the phase of its
 * hours and the boundaries that are not what they are by default.
 * @returns MS_BOUNDARY_ADDRESS where an index is not the one of the boundary's slot or hour, or an
 * address belongs to the event tree: neither can be written down.
 */
export function compactAddresses(
    slotSeconds: number,
    firstSlot: number,
    addresses: readonly TreeAddress[],
): Result<AddressedBoundaries> {
    const coarse: BoundaryAddress[] = [];
    for (let offset = 0; offset < addresses.length; offset++) {
        const { level, index } = addresses[offset] as TreeAddress;
        const slot = firstSlot + offset;
        const isFixed = level === 0 || level === 1;
        const fixed = level === 0 ? slot : Math.floor(unixOfSlot(slot, slotSeconds) / 3600);
        if (level === 4 || (isFixed && index !== fixed)) {
            const got = `level ${level}, index ${index}`;
            return fail(error("MS_BOUNDARY_ADDRESS", { where: `boundary ${offset}`, got }));
        }
        if (level !== 0) coarse.push({ offset, level, index });
    }
    const slots = { slotSeconds, firstSlot, count: addresses.length };
    return ok({ ...slots, ...exceptionsOf(slots, coarse) });
}

/**
 * Addresses of all boundaries of a usage body; inverse of {@link compactAddresses}. The record is
 * authoritative: no time zone is asked, so a change of the zone database changes nothing.
 * @param usage - a parsed body, whose exceptions stand in order.
 * @returns MS_BOUNDARY_ADDRESS where an index is no leaf of its tree.
 */
export function expandAddresses(usage: AddressedBoundaries): Result<TreeAddress[]> {
    const addresses: TreeAddress[] = [];
    for (let offset = 0; offset < usage.count; offset++) {
        addresses.push({ level: 0, index: usage.firstSlot + offset });
    }
    for (const { offset, level, index } of coarseAddresses(usage)) {
        const inTree = level === 1 || level === 2 || level === 3;
        if (!inTree || index >= 2 ** TREE_DEPTH[level]) {
            const got = `offset ${offset}, level ${level}, index ${index}`;
            return fail(error("MS_BOUNDARY_ADDRESS", { got }));
        }
        addresses[offset] = { level, index };
    }
    return ok(addresses);
}
