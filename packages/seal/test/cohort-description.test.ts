import { unixOfSlot } from "@meterseal/core";
import { expect, test } from "vitest";
import { type Cohort, describeCohort, type MemberPart } from "../src/index.ts";

const cohort = { groups: [0, 15], slotSeconds: 900 } as unknown as Cohort;
const boundaries = { slots: [100, 104, 108], addresses: [], indices: [25, 26] };

/** Two windows of one member. */
const part = (differences: bigint[], ...isPresent: boolean[]): MemberPart => ({
    differences: BigUint64Array.from(differences),
    isPresent,
    tokens: null,
});

test("a store's sum over a cohort is that of all members modulo 2^64, or none", () => {
    const parts = [
        [part([2n ** 64n - 1n, 5n], true, true), part([3n, 9n], true, true)],
        [part([1n, 2n, 0n, 0n], true, true), part([10n, 20n, 0n, 0n], true, false)],
    ];
    expect(describeCohort(cohort, boundaries, parts, [0, 1])).toEqual([
        {
            fromUnix: unixOfSlot(100, 900),
            toUnix: unixOfSlot(104, 900),
            missing: [],
            groups: [
                { group: 0, sums: ["2"] },
                { group: 15, sums: ["11", "22"] },
            ],
        },
        {
            fromUnix: unixOfSlot(104, 900),
            toUnix: unixOfSlot(108, 900),
            missing: [1],
            groups: null,
        },
    ]);
    expect(describeCohort(cohort, boundaries, parts, [])).toEqual([]);
});
