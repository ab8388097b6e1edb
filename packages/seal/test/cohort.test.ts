import { createCipheriv } from "node:crypto";
import { createLadder, fromHex, type Level, LIMITS, unwrap } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
    type Cohort,
    type CohortBoundaries,
    cohortBoundaries,
    cohortTokens,
    differenceOf,
    type MemberPart,
    masksOf,
    openCohort,
    pairSecrets,
} from "../src/index.ts";
import { bytesOf, cohortOf, sealUse, type TestMember } from "./cohort-members.ts";
import { codeOf } from "./fixtures.ts";

const TWO_64 = 2n ** 64n;

function secretsOf(cohort: Cohort, hash: Uint8Array, own: number, member: TestMember) {
    return unwrap(pairSecrets(cohort, hash, own, member.privateKey));
}

/** Words of masks as numbers mod 2^64. */
function numbersOf(masks: Uint32Array): bigint[] {
    return Array.from({ length: masks.length / 2 }, (_, i) => {
        const [high = 0, low = 0] = masks.subarray(2 * i);
        return (BigInt(high) << 32n) | BigInt(low);
    });
}

describe("masks (invariant 11)", () => {
    test("of every window cancel over all members, for n = 2 … 200", () => {
        const indices = [113_568, 113_569, 4_000_000_000];
        const { cohort } = cohortOf(8);
        const secretOf = (u: number, v: number): Uint8Array | null =>
            u === v ? null : bytesOf(`${Math.min(u, v)} ${Math.max(u, v)}`, 16);
        for (const count of [2, 3, 8, 13, 64, 200]) {
            const sums: bigint[] = new Array(2 * indices.length).fill(0n);
            for (let own = 0; own < count; own++) {
                const secrets = Array.from({ length: count }, (_, other) => secretOf(own, other));
                const masks = numbersOf(masksOf(cohort, 15, indices, own, secrets));
                expect(masks).not.toContain(0n);
                for (const [i, mask] of masks.entries()) sums[i] = (sums[i] as bigint) + mask;
            }
            expect(sums.map((sum) => sum % TWO_64)).toEqual(sums.map(() => 0n));
        }
    });

    test("come from a secret that both of a pair make, and no other pair", () => {
        const { cohort, hash, members } = cohortOf(8);
        const all = members.map((member, own) => secretsOf(cohort, hash, own, member));
        const texts = new Set<string>();
        for (let u = 0; u < 8; u++) {
            for (let v = 0; v < u; v++) {
                expect(all[u]?.[v]).toEqual(all[v]?.[u]);
                texts.add(String(all[u]?.[v]));
            }
        }
        expect(texts.size).toBe(28);
    });

    test("are AES-128-CTR under the secret of a pair: plus for the earlier, minus for the later", () => {
        const { cohort } = cohortOf(8);
        const key = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
        const first = fromHex("010f0000000000000000000000001234");
        const stream = createCipheriv("aes-128-ctr", key, first).update(new Uint8Array(48));
        const expected = [0, 8, 16, 24, 32, 40].map((at) => stream.readBigUInt64BE(at));
        const indices = [0x1234, 0x1235, 0x1236];
        const earlier = numbersOf(masksOf(cohort, 15, indices, 0, [null, key]));
        const later = numbersOf(masksOf(cohort, 15, indices, 1, [key, null]));
        expect(earlier).toEqual(expected);
        expect(later).toEqual(expected.map((value) => (TWO_64 - value) % TWO_64));
    });

    test("differ by level, group, window, pair and cohort", () => {
        const { cohort, hash, members } = cohortOf(8);
        const [member] = members as [TestMember];
        const secrets = secretsOf(cohort, hash, 0, member);
        const of = (change: Partial<Cohort>, group = 0, index = 7, other = secrets): string =>
            String(masksOf({ ...cohort, ...change }, group, [index], 0, other));
        const masks = [
            of({}),
            of({ level: 2 }),
            of({}, 1),
            of({}, 0, 8),
            of({}, 0, 7, secretsOf(cohort, fromHex("00".repeat(32)), 0, member)),
            of({}, 0, 7, secrets.with(1, null)),
        ];
        expect(new Set(masks).size).toBe(masks.length);
    });

    test("need a key that a secret can be shared with", () => {
        const { cohort, hash, members } = cohortOf(8);
        const [member] = members as [TestMember];
        const zero = cohort.members.map((other, i) =>
            i === 3 ? { ...other, key: new Uint8Array(32) } : other,
        );
        const result = pairSecrets({ ...cohort, members: zero }, hash, 0, member.privateKey);
        expect(codeOf(result)).toBe("MS_COHORT");
    });
});

/** Parts of all members over the month, each with use of its own. */
function partsOf(made: ReturnType<typeof cohortOf>, boundaries: CohortBoundaries): MemberPart[] {
    const { cohort, hash, members } = made;
    const first = boundaries.slots[0] as number;
    const last = boundaries.slots.at(-1) as number;
    return members.map((member, own) => {
        const secrets = secretsOf(cohort, hash, own, member);
        const made = unwrap(cohortTokens(cohort, boundaries, member.keys, own, secrets));
        const sealed = sealUse(member, cohort.zone, first, last - first + 1, (slot) =>
            useOf(own, slot),
        );
        const at = (slot: number): Uint8Array =>
            sealed.subarray((slot - first) * 8, (slot - first + 1) * 8);
        const differences = boundaries.indices.map((_, i) => {
            const [from = 0, to = 0] = boundaries.slots.slice(i, i + 2);
            return unwrap(differenceOf(at(from), at(to)))[0] as bigint;
        });
        return {
            tokens: made[0]?.tokens ?? null,
            differences: BigUint64Array.from(differences),
            isPresent: boundaries.indices.map(() => true),
        };
    });
}

/** What a member uses in a slot. */
function useOf(member: number, slot: number): bigint {
    return BigInt((member * 7919 + slot * 104_729) % 2_000);
}

/** What all members use from one slot to another, without any key. */
function loadOf(count: number, from: number, to: number): bigint {
    let sum = 0n;
    for (let member = 0; member < count; member++) {
        for (let slot = from; slot < to; slot++) sum += useOf(member, slot);
    }
    return sum;
}

describe("a neighbourhood's load", () => {
    test("of 100 members is the sum of what they used, in every window of every level", () => {
        for (const [level, windows] of [
            [1, 744],
            [2, 31],
            [3, 1],
        ] as const) {
            const made = cohortOf(level === 2 ? 100 : 9, { level });
            const count = made.members.length;
            const ladder = unwrap(createLadder("Europe/London", 900));
            const boundaries = unwrap(cohortBoundaries(made.cohort, ladder));
            expect(boundaries.indices).toHaveLength(windows);
            const parts = partsOf(made, boundaries);
            const sums = unwrap(openCohort(made.cohort, boundaries, 0, parts));
            expect(sums).toEqual(
                boundaries.indices.map((_, i) => {
                    const [from = 0, to = 0] = boundaries.slots.slice(i, i + 2);
                    return { status: "measured", sums: [loadOf(count, from, to)] };
                }),
            );
        }
    });

    test("is missing where a member is, and is never the sum of the others", () => {
        const made = cohortOf(8, { level: 2 });
        const boundaries = unwrap(
            cohortBoundaries(made.cohort, unwrap(createLadder("Europe/London", 900))),
        );
        const parts = partsOf(made, boundaries);
        const gaps = parts.map((part, i) =>
            i === 2 || i === 5
                ? { ...part, isPresent: part.isPresent.map((_, window) => window !== 10) }
                : part,
        );
        const sums = unwrap(openCohort(made.cohort, boundaries, 0, gaps));
        expect(sums[10]).toEqual({ status: "missing", members: [2, 5] });
        expect(sums.filter(({ status }) => status === "missing")).toHaveLength(1);

        const silent = parts.with(4, { ...(parts[4] as MemberPart), tokens: null });
        const all = unwrap(openCohort(made.cohort, boundaries, 0, silent));
        expect(all).toEqual(all.map(() => ({ status: "missing", members: [4] })));
    });

    test("comes out wrong, and says so, with a token or a reading that is another's", () => {
        const made = cohortOf(8, { level: 2 });
        const boundaries = unwrap(
            cohortBoundaries(made.cohort, unwrap(createLadder("Europe/London", 900))),
        );
        const parts = partsOf(made, boundaries);
        const [first, second] = parts as [MemberPart, MemberPart];
        for (const changed of [
            { ...first, tokens: second.tokens },
            { ...first, differences: second.differences },
            { ...first, tokens: new BigUint64Array(31) },
        ]) {
            const sums = unwrap(openCohort(made.cohort, boundaries, 0, parts.with(0, changed)));
            expect(sums).toEqual(sums.map(() => ({ status: "wrong" })));
        }
    });

    test("is refused for parts that are not one per member and window", () => {
        const made = cohortOf(8, { level: 3 });
        const boundaries = unwrap(
            cohortBoundaries(made.cohort, unwrap(createLadder("Europe/London", 900))),
        );
        const parts = partsOf(made, boundaries);
        const [first] = parts as [MemberPart];
        for (const wrong of [
            parts.slice(1),
            parts.with(0, { ...first, tokens: new BigUint64Array(2) }),
            parts.with(0, { ...first, differences: new BigUint64Array(2) }),
            parts.with(0, { ...first, isPresent: [] }),
        ]) {
            expect(codeOf(openCohort(made.cohort, boundaries, 0, wrong))).toBe("MS_COHORT");
        }
    });

    test("needs the keys of the stream and seal epoch that the cohort names", () => {
        const made = cohortOf(8, { level: 3 });
        const { cohort, hash, members } = made;
        const boundaries = unwrap(
            cohortBoundaries(cohort, unwrap(createLadder("Europe/London", 900))),
        );
        const [first, second] = members as [TestMember, TestMember];
        const secrets = secretsOf(cohort, hash, 0, first);
        const next = cohort.members.map((member) => ({ ...member, sealEpoch: 1 }));
        for (const result of [
            cohortTokens(cohort, boundaries, second.keys, 0, secrets),
            cohortTokens({ ...cohort, members: next }, boundaries, first.keys, 0, secrets),
            cohortTokens({ ...cohort, groups: [1] }, boundaries, first.keys, 0, secrets),
            cohortTokens(cohort, boundaries, first.keys, 8, secrets),
        ]) {
            expect(codeOf(result)).toBe("MS_COHORT");
        }
    });
});

describe("windows of a cohort", () => {
    test.each([
        ["Europe/London", 158, 0, 2972],
        ["Europe/London", 158, 1, 743],
        ["Europe/London", 165, 0, 2980],
        ["Australia/Lord_Howe", 159, 1, 719],
        ["Asia/Kathmandu", 156, 1, 744],
    ] as const)("%s, month %i, level %i: %i", (zone, month, level, count) => {
        const { cohort } = cohortOf(8, { zone, month, level: level as Level });
        const boundaries = unwrap(cohortBoundaries(cohort, unwrap(createLadder(zone, 900))));
        expect(boundaries.indices).toHaveLength(count);
        expect(boundaries.slots).toHaveLength(count + 1);
    });

    test("have indices that increase, over offset changes of any zone", () => {
        const zone = fc.constantFrom("Australia/Lord_Howe", "Africa/Cairo", "America/St_Johns");
        fc.assert(
            fc.property(zone, fc.integer({ min: 120, max: 320 }), (zone, month) => {
                const { cohort } = cohortOf(8, { zone, month, level: 1 });
                const ladder = unwrap(createLadder(zone, 900));
                const { indices, slots } = unwrap(cohortBoundaries(cohort, ladder));
                expect(indices).toEqual([...new Set(indices)].sort((a, b) => a - b));
                expect(ladder.indexAt(slots[0] as number, 3)).toBe(month);
                expect(ladder.indexAt(slots.at(-1) as number, 3)).toBe(month + 1);
            }),
            { numRuns: 20 },
        );
    });

    test("are refused beyond their limit, and for a ladder that is not the cohort's", () => {
        const ladderOf = (zone: string, slotSeconds: number) =>
            unwrap(createLadder(zone, slotSeconds));
        // October has an hour more: 31 · 96 + 4 quarter-hours, which is the limit itself.
        const october = { month: 165, level: 0 as const };
        const quarter = cohortOf(8, october).cohort;
        const most = unwrap(cohortBoundaries(quarter, ladderOf("Europe/London", 900)));
        expect(most.indices).toHaveLength(LIMITS.cohortWindows);
        const ten = cohortOf(8, { ...october, slotSeconds: 600 }).cohort;
        expect(codeOf(cohortBoundaries(ten, ladderOf("Europe/London", 600)))).toBe("MS_COHORT");
        expect(codeOf(cohortBoundaries(quarter, ladderOf("Europe/London", 600)))).toBe("MS_COHORT");
        expect(codeOf(cohortBoundaries(quarter, ladderOf("Europe/Berlin", 900)))).toBe("MS_COHORT");
    });
});
