import { error, fail, ok, type Result } from "@meterseal/core";
import type { BoundaryAddress } from "@meterseal/record";
import { TREE_DEPTH, type TreeAddress } from "./stream.ts";

/**
 * The boundaries that a usage body names (key 7 of formats 4): all above slot; a slot's leaf is its own number.
 * @returns MS_BOUNDARY_ADDRESS where a slot-level index is not first slot + offset, or an address
 * belongs to the event tree: neither can be written down.
 */
export function compactAddresses(
    firstSlot: number,
    addresses: readonly TreeAddress[],
): Result<BoundaryAddress[]> {
    const coarse: BoundaryAddress[] = [];
    for (const [offset, { level, index }] of addresses.entries()) {
        if (level === 4 || (level === 0 && index !== firstSlot + offset)) {
            const got = `level ${level}, index ${index}`;
            return fail(error("MS_BOUNDARY_ADDRESS", { where: `boundary ${offset}`, got }));
        }
        if (level !== 0) coarse.push({ offset, level, index });
    }
    return ok(coarse);
}

/**
 * Addresses of all boundaries of a usage body; inverse of {@link compactAddresses}. The record is
 * authoritative: no time zone is asked, so a change of the zone database changes nothing.
 * @returns MS_BOUNDARY_ADDRESS where offsets do not increase or leave the record, or an index is no
 * leaf of its tree.
 */
export function expandAddresses(
    firstSlot: number,
    count: number,
    coarse: readonly BoundaryAddress[],
): Result<TreeAddress[]> {
    const addresses: TreeAddress[] = [];
    for (let offset = 0; offset < count; offset++) {
        addresses.push({ level: 0, index: firstSlot + offset });
    }
    let previous = -1;
    for (const { offset, level, index } of coarse) {
        const inOrder = Number.isInteger(offset) && offset > previous && offset < count;
        const inTree = level === 1 || level === 2 || level === 3;
        const isLeaf = inTree && Number.isInteger(index) && index >= 0;
        if (!inOrder || !isLeaf || index >= 2 ** TREE_DEPTH[level]) {
            const got = `offset ${offset}, level ${level}, index ${index}`;
            return fail(error("MS_BOUNDARY_ADDRESS", { got }));
        }
        addresses[offset] = { level, index };
        previous = offset;
    }
    return ok(addresses);
}
