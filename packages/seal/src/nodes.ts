import { NODE_BYTES } from "./suite.ts";

/** Distinct prefixes after division by a power of two, for an ascending list. */
export function ancestorsOf(prefixes: readonly number[], divisor: number): number[] {
    const ancestors: number[] = [];
    let previous = -1;
    for (const prefix of prefixes) {
        const ancestor = Math.floor(prefix / divisor);
        if (ancestor !== previous) ancestors.push(ancestor);
        previous = ancestor;
    }
    return ancestors;
}

/**
 * Those children of some nodes that are wanted, joined.
 * @param children - all left ones, then all right ones, 16 bytes each.
 * @param parents - prefixes of the nodes, ascending.
 * @param wanted - prefixes of children, ascending.
 */
export function pickChildren(
    children: Uint8Array,
    parents: readonly number[],
    wanted: readonly number[],
): Uint8Array {
    const picked = new Uint8Array(wanted.length * NODE_BYTES);
    let parent = 0;
    for (let i = 0; i < wanted.length; i++) {
        const prefix = wanted[i] as number;
        while (parents[parent] !== Math.floor(prefix / 2)) parent++;
        const at = (parent + (prefix % 2) * parents.length) * NODE_BYTES;
        picked.set(children.subarray(at, at + NODE_BYTES), i * NODE_BYTES);
    }
    return picked;
}

/** Reversed bits of a number below 2^8. */
const REVERSED_8 = Uint8Array.from({ length: 256 }, (_, value) => {
    let reversed = 0;
    for (let bit = 0; bit < 8; bit++) reversed |= ((value >> bit) & 1) << (7 - bit);
    return reversed;
});

/**
 * Place of each leaf after a subtree of some height (0 … 8) was expanded level by level with the
 * left children before the right ones: its number with the bits reversed.
 */
export function leafPlaces(height: number): Uint8Array {
    return REVERSED_8.slice(0, 2 ** height).map((reversed) => reversed >> (8 - height));
}
