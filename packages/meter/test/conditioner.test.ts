import { LIMITS, SLOT_ORIGIN_UNIX } from "@meterseal/core";
import { FLAG } from "@meterseal/record";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
    type Boundary,
    conditionReadings,
    type RawReading,
    ReadingConditioner,
    type ReadingRules,
} from "../src/index.ts";

const SLOT = 900;
/** An instant so many seconds after a slot boundary of the tests. */
const at = (slot: number, seconds = 0): number => SLOT_ORIGIN_UNIX + slot * SLOT + seconds;

const RULES: ReadingRules = {
    slotSeconds: SLOT,
    growthCaps: [1_000n],
    alignSeconds: 5,
    waitSeconds: 3_600,
    lateSeconds: 60,
    stepBackUnits: 1n,
};

function reading(
    slot: number,
    register: number | bigint,
    changes: Partial<RawReading> & { readonly offset?: number } = {},
): RawReading {
    const { offset = 0, ...rest } = changes;
    const measuredUnix = at(slot, offset);
    const registers = [BigInt(register)];
    return { measuredUnix, arrivedUnix: measuredUnix, registers, ...rest };
}

/** Slot, register and flag of each boundary. */
const rows = (boundaries: readonly Boundary[]): [number, bigint, number][] =>
    boundaries.map(({ flag, registers, slot }) => [slot, registers[0] as bigint, flag]);

/** The only segment of readings without a break. */
function only(readings: readonly RawReading[], rules: Partial<ReadingRules> = {}) {
    const segments = conditionReadings(readings, { ...RULES, ...rules });
    expect(segments).toHaveLength(1);
    return rows(segments[0]?.boundaries ?? []);
}

describe("a boundary", () => {
    it("C5 takes the reading that was measured at it, whenever that arrives", () => {
        const readings = [
            reading(100, 10),
            reading(101, 12, { arrivedUnix: at(101, 13) }),
            reading(102, 15, { arrivedUnix: at(102, 61) }),
        ];
        expect(only(readings)).toEqual([
            [100, 10n, 0],
            [101, 12n, 0],
            [102, 15n, FLAG.late],
        ]);
    });

    it("takes the nearest reading within the alignment, of two as near the earlier", () => {
        const readings = [
            reading(100, 10),
            reading(101, 18, { offset: -5 }),
            reading(101, 19, { offset: -2 }),
            reading(101, 21, { offset: 2 }),
            reading(102, 30, { offset: 5 }),
            reading(103, 40, { offset: -6 }),
            reading(103, 42, { offset: 6 }),
            reading(104, 50),
        ];
        expect(only(readings)).toEqual([
            [100, 10n, 0],
            [101, 19n, 0],
            [102, 30n, 0],
            [103, 30n, FLAG.missing],
            [104, 50n, 0],
        ]);
    });

    it("without a reading keeps the register and says missing, or that the power was off", () => {
        const readings = [
            reading(100, 10),
            reading(103, 40),
            reading(106, 41, { flag: FLAG.powerOff }),
        ];
        expect(only(readings)).toEqual([
            [100, 10n, 0],
            [101, 10n, FLAG.missing],
            [102, 10n, FLAG.missing],
            [103, 40n, 0],
            [104, 40n, FLAG.powerOff],
            [105, 40n, FLAG.powerOff],
            [106, 41n, FLAG.powerOff],
        ]);
    });

    it("counts a reading that came twice once, on time if one of them was", () => {
        const late = reading(101, 12, { arrivedUnix: at(101, 300) });
        const readings = [reading(100, 10), late, reading(101, 12), late];
        expect(only(readings)).toEqual([
            [100, 10n, 0],
            [101, 12n, 0],
        ]);
    });

    it("with two readings of one instant takes the smaller and says that the clock moved", () => {
        const readings = [reading(100, 10), reading(101, 25), reading(101, 12), reading(102, 30)];
        expect(only(readings)).toEqual([
            [100, 10n, 0],
            [101, 12n, FLAG.clockAdjusted],
            [102, 30n, 0],
        ]);
    });

    it("keeps what the source says of a reading", () => {
        const readings = [reading(100, 10), reading(101, 12, { flag: FLAG.estimated })];
        expect(only(readings)[1]).toEqual([101, 12n, FLAG.estimated]);
    });

    it("never grows by more than a record can hold: the rest follows, estimated", () => {
        const readings = [reading(100, 0), reading(101, 2_500), reading(102, 2_501)];
        expect(only([...readings, reading(103, 2_502), reading(104, 2_503)])).toEqual([
            [100, 0n, 0],
            [101, 1_000n, FLAG.estimated],
            [102, 2_000n, FLAG.estimated],
            [103, 2_502n, FLAG.estimated],
            [104, 2_503n, 0],
        ]);
    });
});

describe("a register that falls", () => {
    it("C2 by no more than the tolerance is held and flagged", () => {
        const readings = [reading(100, 10), reading(101, 9), reading(102, 10), reading(103, 14)];
        expect(only(readings)).toEqual([
            [100, 10n, 0],
            [101, 10n, FLAG.estimated],
            [102, 10n, 0],
            [103, 14n, 0],
        ]);
    });

    it("for one reading only is a slip: held and flagged", () => {
        const readings = [reading(100, 500), reading(101, 0), reading(102, 504)];
        expect(only(readings)).toEqual([
            [100, 500n, 0],
            [101, 500n, FLAG.estimated],
            [102, 504n, 0],
        ]);
    });

    it("for good ends the seal epoch; never a negative interval", () => {
        const readings = [
            reading(100, 500),
            reading(101, 510),
            reading(101, 516, { offset: 400 }),
            reading(101, 2, { offset: 600 }),
            reading(102, 3),
            reading(103, 9),
        ];
        const segments = conditionReadings(readings, RULES);
        expect(segments.map(({ boundaries }) => rows(boundaries))).toEqual([
            [
                [100, 500n, 0],
                [101, 510n, 0],
            ],
            [
                [102, 3n, 0],
                [103, 9n, 0],
            ],
        ]);
        expect(segments.map(({ closing, opening }) => [opening, closing])).toEqual([
            [null, readings[2]],
            [readings[3], null],
        ]);
    });

    it("by one more than the tolerance, and stays there, is no step back", () => {
        const stays = [reading(100, 10), reading(101, 8), reading(102, 8), reading(103, 8)];
        expect(conditionReadings(stays, RULES)).toHaveLength(2);
        expect(conditionReadings(stays, { ...RULES, stepBackUnits: 2n })).toHaveLength(1);
    });

    it("is told from another device by its number, even one that shows more", () => {
        const readings = [
            reading(100, 500),
            reading(101, 510),
            reading(103, 90_000, { device: 1, offset: -300 }),
            reading(103, 90_010, { device: 1 }),
        ];
        const segments = conditionReadings(readings, RULES);
        expect(segments.map(({ boundaries }) => rows(boundaries))).toEqual([
            [
                [100, 500n, 0],
                [101, 510n, 0],
                [102, 510n, FLAG.missing],
            ],
            [[103, 90_010n, 0]],
        ]);
        expect(segments[0]?.closing).toEqual(readings[1]);
        expect(segments[1]?.opening).toEqual(readings[2]);
    });
});

describe("as readings arrive", () => {
    it("a boundary waits for its reading, and no longer than stated", () => {
        const conditioner = new ReadingConditioner(RULES);
        conditioner.take(reading(100, 10));
        conditioner.take(reading(102, 14));
        expect(rows([...conditioner.advance(at(100, 3_599))])).toEqual([]);
        expect(rows([...conditioner.advance(at(100, 3_600))])).toEqual([[100, 10n, 0]]);
        expect(rows([...conditioner.advance(at(101, 3_600))])).toEqual([[101, 10n, FLAG.missing]]);
        expect(conditioner.take(reading(101, 12))).toBe("stale");
        expect(rows([...conditioner.advance(at(103, 3_600))])).toEqual([
            [102, 14n, 0],
            [103, 14n, FLAG.missing],
        ]);
    });

    it("a fall waits for the reading that confirms it", () => {
        const conditioner = new ReadingConditioner(RULES, { nextSlot: 101, registers: [500n] });
        conditioner.take(reading(101, 2));
        expect([...conditioner.advance(at(110))]).toEqual([]);
        expect(conditioner.break).toBe(null);
        conditioner.take(reading(110, 3));
        expect([...conditioner.advance(at(110))]).toEqual([]);
        expect(conditioner.break).toBe(null);
        expect([...conditioner.advance(at(114))]).toEqual([]);
        expect(conditioner.break?.next).toEqual(reading(101, 2));
        conditioner.resume();
        expect(rows([...conditioner.advance(at(105))])).toEqual([[101, 2n, 0]]);
    });

    it("goes on after a restart where it left off", () => {
        const conditioner = new ReadingConditioner(RULES, { nextSlot: 101, registers: [10n] });
        expect(conditioner.take(reading(100, 10))).toBe("stale");
        expect(conditioner.take(reading(103, 16))).toBe("kept");
        expect(conditioner.take(reading(103, 16))).toBe("duplicate");
        expect(rows([...conditioner.finish()])).toEqual([
            [101, 10n, FLAG.missing],
            [102, 10n, FLAG.missing],
            [103, 16n, 0],
        ]);
    });

    it("refuses another number of registers, and more readings than it may hold", () => {
        const conditioner = new ReadingConditioner(RULES);
        expect(() => conditioner.take({ ...reading(1, 1), registers: [1n, 2n] })).toThrow(
            /MS_STREAM_RULE/,
        );
        expect(() => conditioner.take(reading(1, -1))).toThrow(/MS_STREAM_RULE/);
        for (let i = 0; i < LIMITS.readingsWaiting; i++) conditioner.take(reading(i, i));
        const one = reading(LIMITS.readingsWaiting, 0);
        expect(() => conditioner.take(one)).toThrow(/MS_BUSY/);
        expect(conditioner.take(reading(7, 7))).toBe("duplicate");
    });
});

/** Growth of each slot; null for a slot without a reading. */
const growths = fc.array(fc.option(fc.bigInt({ min: 0n, max: 3_000n }), { freq: 4 }), {
    minLength: 1,
    maxLength: 60,
});

describe("for any readings", () => {
    it("C6 order, repetition and delay within the wait change nothing", () => {
        const world = fc.record({
            amounts: growths,
            resets: fc.uniqueArray(fc.nat(60), { maxLength: 2 }),
            noise: fc.array(fc.record({ pick: fc.nat(), delay: fc.nat(3_600) }), {
                maxLength: 200,
            }),
            order: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
        });
        fc.assert(
            fc.property(world, ({ amounts, noise, order, resets }) => {
                const readings = readingsOf(amounts, resets);
                const wanted = conditionReadings(readings, RULES);
                const sent = [
                    ...readings.map((each, i) => ({ each, delay: (order[i] ?? 0) % 3_601 })),
                    ...noise.flatMap(({ delay, pick }) => {
                        const each = readings[pick % Math.max(1, readings.length)];
                        return each === undefined ? [] : [{ each, delay }];
                    }),
                ].map(({ delay, each }) => ({ ...each, arrivedUnix: each.measuredUnix + delay }));
                const batch = conditionReadings(sent, RULES);
                expect(shape(batch)).toEqual(shape(wanted));
                expect(shape(online(sent))).toEqual(shape(wanted));
                expect(online(sent)).toEqual(batch);
            }),
            { numRuns: 300 },
        );
    });

    it("boundaries follow each other, never fall, and add up to the register difference", () => {
        fc.assert(
            fc.property(
                growths,
                fc.uniqueArray(fc.nat(60), { maxLength: 3 }),
                (amounts, resets) => {
                    for (const { boundaries, opening, closing } of conditionReadings(
                        readingsOf(amounts, resets),
                        RULES,
                    )) {
                        let before = boundaries[0];
                        let sum = 0n;
                        for (const boundary of boundaries.slice(1)) {
                            const moved =
                                (boundary.registers[0] as bigint) - (before?.registers[0] ?? 0n);
                            expect(boundary.slot).toBe((before?.slot ?? 0) + 1);
                            expect(moved >= 0n && moved <= 1_000n).toBe(true);
                            sum += moved;
                            before = boundary;
                        }
                        const ends =
                            (before?.registers[0] ?? 0n) - (boundaries[0]?.registers[0] ?? 0n);
                        expect(sum).toBe(ends);
                        if (closing !== null && before !== undefined) {
                            expect(before.registers[0] ?? 0n).toBeLessThanOrEqual(
                                closing.registers[0] as bigint,
                            );
                        }
                        if (opening !== null && boundaries[0] !== undefined) {
                            expect(boundaries[0].slot).toBeGreaterThanOrEqual(
                                (opening.measuredUnix - SLOT_ORIGIN_UNIX) / SLOT,
                            );
                        }
                    }
                },
            ),
            { numRuns: 300 },
        );
    });
});

/** Readings at slot boundaries; at a reset another device begins at its own register. */
function readingsOf(amounts: readonly (bigint | null)[], resets: readonly number[]): RawReading[] {
    let register = 1_000n;
    let device = 0;
    return amounts.flatMap((amount, i) => {
        if (resets.includes(i)) {
            device++;
            register = BigInt(i * 7_919);
        }
        register += amount ?? 40n;
        return amount === null ? [] : [reading(1_000 + i, register, { device })];
    });
}

/** The same readings as they arrive, with a look at the clock in between. */
function online(readings: readonly RawReading[]): ReturnType<typeof conditionReadings> {
    const conditioner = new ReadingConditioner(RULES);
    const segments: {
        opening: RawReading | null;
        boundaries: Boundary[];
        closing: RawReading | null;
    }[] = [{ opening: null, boundaries: [], closing: null }];
    const collect = (ready: Iterable<Boundary>): void => {
        const segment = segments.at(-1);
        for (const boundary of ready) segment?.boundaries.push(boundary);
        const cut = conditioner.break;
        if (cut === null || segment === undefined) return;
        segment.closing = cut.last;
        conditioner.resume();
        segments.push({ opening: cut.next, boundaries: [], closing: null });
        collect(ready);
    };
    const arriving = [...readings].sort((a, b) => a.arrivedUnix - b.arrivedUnix);
    for (const each of arriving) {
        collect({ [Symbol.iterator]: () => conditioner.advance(each.arrivedUnix - 1) });
        conditioner.take(each);
    }
    collect({ [Symbol.iterator]: () => conditioner.finish() });
    return segments;
}

/** What is the same for every delivery: all but the flag that says late. */
function shape(segments: ReturnType<typeof conditionReadings>): unknown {
    return segments.map(({ boundaries, closing, opening }) => [
        opening?.measuredUnix,
        closing?.measuredUnix,
        rows(boundaries).map(([slot, register, flag]) => [
            slot,
            register,
            flag === FLAG.late ? 0 : flag,
        ]),
    ]);
}
