import { createHash } from "node:crypto";
import { LIMITS, toHex, unwrap } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "@meterseal/record";
import { describe, expect, test } from "vitest";
import {
    balanceOf,
    type Cohort,
    cohortHash,
    encodeCohort,
    memberOf,
    metersOutside,
    parseCohort,
} from "../src/index.ts";
import { bytesOf, cohortOf } from "./cohort-members.ts";
import { codeOf } from "./fixtures.ts";

describe("the body of a cohort", () => {
    const { cohort } = cohortOf(8);
    const bytes = unwrap(encodeCohort(cohort));

    test("comes back as it was, under the hash of its bytes", () => {
        expect(parseCohort(bytes)).toEqual({ ok: true, value: cohort });
        expect(toHex(cohortHash(bytes))).toBe(createHash("sha256").update(bytes).digest("hex"));
        expect(memberOf(cohort.members, bytesOf("party 3", 16))).toBeGreaterThanOrEqual(0);
        expect(memberOf(cohort.members, bytesOf("party 9", 16))).toBe(-1);
    });

    test("has another hash for any other field", () => {
        const hashes = [cohort, ...changes(cohort)].map((changed) =>
            toHex(cohortHash(unwrap(encodeCohort(changed)))),
        );
        expect(new Set(hashes).size).toBe(hashes.length);
    });

    test("is refused where a rule that hides its members is broken", () => {
        const { members } = cohort;
        const [first, second] = members as [(typeof members)[0], (typeof members)[0]];
        const broken: Partial<Cohort>[] = [
            { minimum: 7 },
            { members: members.slice(1), feederMeters: 8 },
            { minimum: 9 },
            { feederMeters: 7 },
            { slotSeconds: 7 },
            { members: [second, first, ...members.slice(2)] },
            { members: [first, first, ...members.slice(2)] },
            { members: members.with(1, { ...second, stream: first.stream }) },
            { members: members.with(1, { ...second, key: first.key }) },
        ];
        for (const change of broken) {
            expect(codeOf(encodeCohort({ ...cohort, ...change }))).toBe("MS_COHORT");
        }
    });

    test("is refused in any other shape", () => {
        const fields = decodeCbor(bytes) as Map<number, unknown>;
        const shapes: [number, unknown][] = [
            [0, new Uint8Array(31)],
            [1, new Uint8Array(17)],
            [2, ""],
            [2, "x".repeat(65)],
            [3, 1200],
            [6, 4],
            [7, []],
            [7, [1, 0]],
            [8, 7],
            [11, [[]]],
            [12, 0],
        ];
        for (const [field, value] of shapes) {
            const changed = encodeCbor(new Map([...fields, [field, value]]));
            expect(codeOf(parseCohort(changed)), `${field}`).toBe("MS_MALFORMED");
        }
        for (const field of fields.keys()) {
            const left = new Map([...fields].filter(([key]) => key !== field));
            expect(codeOf(parseCohort(encodeCbor(left)))).toBe("MS_MALFORMED");
        }
        for (let length = 0; length < bytes.length; length += 37) {
            expect(codeOf(parseCohort(bytes.slice(0, length)))).toBe("MS_MALFORMED");
        }
    });

    test("takes members up to its limit", () => {
        const { members } = cohortOf(LIMITS.cohortMembers).cohort;
        const most = { ...cohort, members, feederMeters: LIMITS.cohortMembers + 1 };
        const body = unwrap(encodeCohort(most));
        expect(unwrap(parseCohort(body)).members).toHaveLength(LIMITS.cohortMembers);
        const [first] = members as [(typeof members)[0]];
        const more = { ...most, members: [first, ...members] };
        expect(codeOf(encodeCohort(more))).toBe("MS_MALFORMED");
    });
});

function changes(cohort: Cohort): Cohort[] {
    const [first] = cohort.members as [Cohort["members"][0]];
    return [
        { network: bytesOf("other", 32) },
        { monitor: bytesOf("other", 16) },
        { feeder: "feeder 2" },
        { month: 157 },
        { zone: "Europe/Dublin" },
        { slotSeconds: 300 },
        { level: 2 as const },
        { groups: [0, 1] },
        { scale: -3 },
        { minimum: 8, feederMeters: 16 },
        { members: cohort.members.with(0, { ...first, sealEpoch: 1 }) },
    ].map((change) => ({ ...cohort, ...change }));
}

describe("the balance of a feeder", () => {
    const left = cohortOf(8).cohort;

    test.each([
        [8, "ok"],
        [9, "MS_COHORT"],
        [15, "MS_COHORT"],
        [16, "ok"],
        [7, "MS_COHORT"],
    ])("of 8 members and %i meters: %s", (feederMeters, code) => {
        const found = metersOutside([{ ...left, feederMeters }]);
        expect(codeOf(found)).toBe(code);
        if (found.ok) expect(found.value).toBe(feederMeters - 8);
    });

    test("is of cohorts of one feeder, month and level that share no member", () => {
        const cohort = { ...left, feederMeters: 16 };
        const others = cohort.members.map((member, i) => ({
            ...member,
            stream: bytesOf(`other ${i}`, 16),
        }));
        const right = { ...cohort, members: others };
        expect(unwrap(metersOutside([cohort, right]))).toBe(0);
        for (const wrong of [
            [],
            [cohort, cohort],
            [cohort, { ...right, month: 1 }],
            [cohort, { ...right, feeder: "x" }],
            [cohort, { ...right, level: 0 as const }],
            [cohort, { ...right, feederMeters: 17 }],
        ]) {
            expect(codeOf(metersOutside(wrong))).toBe("MS_COHORT");
        }
    });

    test("is what is left of the feeder's own count", () => {
        expect(balanceOf(1_000n, [400n, 550n])).toEqual({
            feeder: 1_000n,
            cohorts: 950n,
            rest: 50n,
        });
        expect(balanceOf(1_000n, [400n, 650n]).rest).toBe(-50n);
    });
});
