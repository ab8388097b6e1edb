import { toHex, unwrap } from "@meterseal/core";
import { describe, expect, test } from "vitest";
import {
    newSealState,
    openDifference,
    openRegisters,
    planBoundaries,
    type SealedBoundaries,
    sealBoundaries,
} from "../src/index.ts";
import { differenceOf } from "../src/open.ts";
import { codeOf, ladderOf, ownerOf } from "./fixtures.ts";

const GROUPS = [
    { group: 0, channels: 1 },
    { group: 15, channels: 2 },
] as const;
const WIDTH = 24;
const ladder = ladderOf("Europe/Berlin");

describe("a correction (invariant 9)", () => {
    const owner = ownerOf({ groups: GROUPS });
    const FIRST = 920_000;

    /** Registers of import, plus and minus, sealed from a state on. */
    function seal(state: ReturnType<typeof newSealState>, rows: readonly bigint[][]) {
        const plan = unwrap(planBoundaries(state, ladder, state.nextSlot || FIRST, rows.length));
        const { addresses } = plan;
        const sealed = unwrap(sealBoundaries(owner, { addresses, registers: rows.flat() }));
        return { boundaries: { addresses, sealed } satisfies SealedBoundaries, state: plan.state };
    }

    test("counts in group 15 from then on, and changes no byte that was sealed before", () => {
        // The meter counted 100 too much before the third boundary, and 40 too little before.
        const before = seal(newSealState(0), [
            [1_000n, 0n, 0n],
            [1_500n, 0n, 0n],
            [2_100n, 0n, 0n],
        ]);
        const kept = toHex(before.boundaries.sealed);
        const after = seal(before.state, [
            [2_400n, 40n, 100n],
            [2_600n, 40n, 100n],
        ]);
        expect(toHex(before.boundaries.sealed)).toBe(kept);
        expect([...unwrap(openRegisters(owner, 0, before.boundaries))]).toEqual([
            1_000n,
            1_500n,
            2_100n,
        ]);

        const from = before.boundaries.sealed.slice(0, WIDTH);
        const to = after.boundaries.sealed.slice(WIDTH);
        const difference = unwrap(differenceOf(from, to));
        const [first, last] = [before.boundaries.addresses[0], after.boundaries.addresses[1]];
        if (first === undefined || last === undefined) throw new Error("boundaries");
        const [main = 0n] = unwrap(openDifference(owner, 0, first, last, difference));
        const [plus = 0n, minus = 0n] = unwrap(openDifference(owner, 15, first, last, difference));
        expect(main).toBe(1_600n);
        expect(main + plus - minus).toBe(1_540n);
    });

    test("seals no boundary again: neither the plan nor the meter's order lets it", () => {
        const { boundaries, state } = seal(newSealState(0), [
            [1_000n, 0n, 0n],
            [1_500n, 0n, 0n],
        ]);
        expect(codeOf(planBoundaries(state, ladder, FIRST, 1))).toBe("MS_SEAL_ORDER");
        const twice = [boundaries.addresses[1], boundaries.addresses[1]] as const;
        const [one, two] = twice;
        if (one === undefined || two === undefined) throw new Error("boundaries");
        const registers = [1_500n, 0n, 0n, 1_400n, 0n, 0n];
        const again = sealBoundaries(owner, { addresses: [one, two], registers });
        expect(codeOf(again)).toBe("MS_SEAL_ORDER");
    });
});
