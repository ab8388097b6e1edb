import type { Ladder, Level } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isOfLevel } from "../src/derive/boundaries.ts";
import { Knowledge } from "../src/derive/knowledge.ts";
import { type Known, lengthOf, type Stretch } from "../src/derive/known.ts";
import { findShortSums } from "../src/derive/short-sums.ts";
import { derivablePairs, fewestPairSlots } from "./derive-brute.ts";
import { ladderOf } from "./fixtures.ts";

/** Every second slot an hour, every fourth a day, every eighth a month. */
const TOY: Ladder = {
    zone: "toy",
    slotSeconds: 900,
    endSlot: 2 ** 20,
    addressOf(slot) {
        const level = slot % 8 === 0 ? 3 : slot % 4 === 0 ? 2 : slot % 2 === 0 ? 1 : 0;
        return { level, index: Math.floor(slot / 2 ** level) };
    },
    indexAt: (slot, level) => Math.floor(slot / 2 ** level),
    civilAt: (slot) => slot * 900,
    nextOf: (slot, level) => (Math.floor(slot / 2 ** level) + 1) * 2 ** level,
    lastOf: (slot, level) => Math.floor(slot / 2 ** level) * 2 ** level,
};

const SLOTS = Array.from({ length: 12 }, (_, i) => 40 + i);
const WORK = 1_000_000;

const slot = fc.integer({ min: 40, max: 51 });
const stretch: fc.Arbitrary<Stretch> = fc
    .tuple(slot, slot)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => ({ fromSlot: Math.min(a, b), toSlot: Math.max(a, b) }));
const epoch = fc.integer({ min: 0, max: 2 });
const item: fc.Arbitrary<Known> = fc.oneof(
    fc.record({
        kind: fc.constant("keys" as const),
        level: fc.integer({ min: 0, max: 3 }) as fc.Arbitrary<Level>,
        spans: fc.array(
            fc.tuple(epoch, stretch).map(([sealEpoch, span]) => ({ sealEpoch, ...span })),
            { minLength: 1, maxLength: 2 },
        ),
    }),
    fc.record({
        kind: fc.constant("boundaries" as const),
        epochs: fc
            .record({
                sealEpoch: epoch,
                slots: fc.uniqueArray(slot, { minLength: 1, maxLength: 4 }),
            })
            .map((entry) => [entry]),
    }),
    fc.record({
        kind: fc.constant("differences" as const),
        windows: fc.array(stretch, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
        kind: fc.constant("sums" as const),
        rows: fc.array(fc.array(stretch, { minLength: 1, maxLength: 4 }), {
            minLength: 1,
            maxLength: 4,
        }),
    }),
);

/** Pairs of neighbours in the classes that pairs make. */
function neighboursOf(pairs: ReadonlySet<string>): string[] {
    const isKnown = (a: number, b: number): boolean => pairs.has(`${a} ${b}`);
    return [...pairs].filter((pair) => {
        const [a = 0, b = 0] = pair.split(" ").map(Number);
        return !SLOTS.some((c) => c > a && c < b && isKnown(a, c) && isKnown(c, b));
    });
}

describe("what follows from what somebody holds (invariant 17)", () => {
    test("is what brute force finds, for every pair of 12 boundaries", () => {
        fc.assert(
            fc.property(fc.array(item, { minLength: 1, maxLength: 7 }), (items) => {
                const expected = derivablePairs(items, SLOTS, TOY);
                const knowledge = new Knowledge(items, TOY, WORK);
                const found = SLOTS.flatMap((a) =>
                    SLOTS.filter((b) => a < b && knowledge.knows(a, b)).map((b) => `${a} ${b}`),
                );
                expect(found).toEqual([...expected]);

                const pieces = knowledge.pieces().flatMap(({ fromSlot, toSlot, level }) => {
                    if (level === null) return [`${fromSlot} ${toSlot}`];
                    const inside = SLOTS.filter(
                        (at) => at >= fromSlot && at <= toSlot && isOfLevel(TOY, at, level),
                    );
                    return inside.slice(1).map((at, i) => `${inside[i]} ${at}`);
                });
                expect(pieces.sort()).toEqual(neighboursOf(expected).sort());
            }),
            { numRuns: 2_000 },
        );
    });

    test("of two stretches together is what brute force finds, beside what followed before", () => {
        let withPairs = 0;
        fc.assert(
            fc.property(
                fc.array(item, { minLength: 1, maxLength: 5 }),
                fc.nat(4),
                (items, held) => {
                    const before = items.slice(0, held);
                    const found = findShortSums(
                        new Knowledge(items, TOY, WORK),
                        () => new Knowledge(before, TOY, WORK),
                        [],
                        2 * SLOTS.length,
                        WORK,
                    );
                    const pairs = (found ?? []).map((pair) =>
                        pair.reduce((sum, part) => sum + lengthOf(part), 0),
                    );
                    const fewest = pairs.length === 0 ? null : Math.min(...pairs);
                    expect(fewest).toBe(fewestPairSlots(items, before, SLOTS, TOY));
                    if (fewest !== null) withPairs++;
                },
            ),
            { numRuns: 500 },
        );
        expect(withPairs).toBeGreaterThan(50);
    });

    test("counts the rows that a further item adds as brute force does", () => {
        const rows = [
            [
                { fromSlot: 40, toSlot: 42 },
                { fromSlot: 44, toSlot: 45 },
            ],
            [{ fromSlot: 42, toSlot: 44 }],
            [{ fromSlot: 40, toSlot: 45 }],
        ];
        const nothing = new Knowledge([], TOY, WORK);
        expect(nothing.countNew(rows)).toBe(2);
        const two = new Knowledge([{ kind: "sums", rows: rows.slice(0, 1) }], TOY, WORK);
        expect(two.countNew(rows)).toBe(1);
        const all = new Knowledge([{ kind: "sums", rows }], TOY, WORK);
        expect(all.countNew(rows)).toBe(0);
    });

    test("says so where the elimination was given up", () => {
        const rows = [
            [
                { fromSlot: 40, toSlot: 42 },
                { fromSlot: 44, toSlot: 45 },
            ],
            [
                { fromSlot: 41, toSlot: 42 },
                { fromSlot: 44, toSlot: 47 },
            ],
        ];
        expect(new Knowledge([{ kind: "sums", rows }], TOY, 4).isComplete).toBe(false);
        expect(new Knowledge([{ kind: "sums", rows }], TOY, WORK).isComplete).toBe(true);
    });

    test("takes a year of slots as one stretch", () => {
        const year = { sealEpoch: 0, fromSlot: 400_000, toSlot: 435_040 };
        const keys: Known = { kind: "keys", level: 0, spans: [year] };
        const pieces = new Knowledge([keys], ladderOf("Europe/Berlin"), WORK).pieces();
        expect(pieces).toEqual([{ fromSlot: 400_000, toSlot: 435_040, level: 0 }]);
    });
});
