import { createLadder, unixOfSlot, unwrap, windowEdges } from "@meterseal/core";
import { EVENT_KIND, EVENT_REASON, FLAG, type RegisterEvent } from "@meterseal/record";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
    BoundaryLine,
    type EpochLine,
    marksOf,
    type Point,
    qualityOf,
    StreamLine,
    type SumEnd,
    sumWindows,
    tallyOf,
} from "../src/index.ts";

const FIRST_SLOT = 460_000;
const ladder = unwrap(createLadder("Asia/Kathmandu", 900));

/** A boundary as the tests draw it. */
type Boundary = { readonly slot: number; readonly flag: number; readonly register: bigint };

/** A seal epoch as the tests draw it: its registers count from anywhere. */
type Epoch = {
    readonly boundaries: readonly Boundary[];
    readonly opening: bigint | null;
    /** What the opening states of the epoch before; in the terms of that epoch. */
    readonly stated: bigint | null;
    readonly closing: bigint | null;
};

const flags = fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 5 }) },
);
const steps = fc.array(
    fc.record({
        gap: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, fc.integer({ min: 2, max: 140 })),
        flag: flags,
        amount: fc.bigInt({ min: 0n, max: 1_000n }),
    }),
    { maxLength: 60 },
);
const drafts = fc.array(
    fc.record({
        steps,
        start: fc.bigInt({ min: 0n, max: 2n ** 61n - 2n ** 20n }),
        opens: fc.boolean(),
        states: fc.boolean(),
        closes: fc.boolean(),
        shares: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
);

/** Epochs one behind the other, as meters that follow each other write them. */
const streams = drafts.map((list): Epoch[] => {
    let slot = FIRST_SLOT;
    let before: Epoch | null = null;
    return list.map(({ closes, opens, shares, start, states, steps: rows }) => {
        let register = start + 1n;
        const share = shares && before !== null ? 0 : 1;
        const boundaries = rows.map(({ amount, flag, gap }, i) => {
            slot += i === 0 ? gap - 1 + share : gap;
            register += amount;
            return { slot, flag, register };
        });
        const lastOld: bigint | null = before?.boundaries.at(-1)?.register ?? null;
        const isStated = opens && states && before?.closing === null && lastOld !== null;
        const epoch: Epoch = {
            boundaries,
            opening: opens ? start : null,
            stated: isStated ? (lastOld ?? 0n) + 7n : null,
            closing: closes ? register + 3n : null,
        };
        before = epoch;
        return epoch;
    });
});

function eventOf(sealEpoch: number, kind: number, stated: bigint | null): RegisterEvent {
    const values = { mode: "open", registers: [] } as const;
    return {
        stream: new Uint8Array(16),
        sealEpoch,
        kind,
        reason: EVENT_REASON.exchange,
        atUnix: 0,
        index: 0,
        groups: [0],
        values,
        ...(stated === null ? {} : { before: { sealEpoch: sealEpoch - 1, stated: values } }),
    };
}

const PLACE = { chainEpoch: 0, seq: 1 };

function lineOf(epochs: readonly Epoch[]): StreamLine {
    const lines = epochs.map(({ boundaries, closing, opening, stated }, sealEpoch): EpochLine => {
        const line = new BoundaryLine();
        for (const { flag, slot } of boundaries) {
            line.append(slot, 1, flag === 0 ? [] : [{ offset: 0, length: 1, flag }]);
        }
        const placed = (kind: number) => ({
            event: eventOf(sealEpoch, kind, stated),
            place: PLACE,
        });
        return {
            sealEpoch,
            line,
            endSlot: line.last ?? 0,
            opening: opening === null ? null : placed(EVENT_KIND.opening),
            closing: closing === null ? null : placed(EVENT_KIND.closing),
        };
    });
    return unwrap(StreamLine.of(lines));
}

/** The rule in plain words: one list, each epoch moved to where the one before ended. */
function joinOf(epochs: readonly Epoch[]): Boundary[] {
    const joined: Boundary[] = [];
    let moved = 0n;
    let before: Epoch | null = null;
    for (const epoch of epochs) {
        const begin = epoch.opening ?? epoch.boundaries[0]?.register ?? epoch.closing;
        if (begin === null) continue;
        let flag: number | null = null;
        if (before !== null) {
            const last: bigint = before.boundaries.at(-1)?.register ?? before.opening ?? 0n;
            const isStated = before.closing === null && epoch.stated !== null;
            const end = isStated ? (epoch.stated ?? 0n) : (before.closing ?? last);
            moved += end - begin;
            if (epoch.opening === null) flag = FLAG.missing;
            else if (before.closing === null) flag = isStated ? FLAG.estimated : FLAG.missing;
        }
        for (const [i, { register, slot, ...own }] of epoch.boundaries.entries()) {
            const shared = joined.at(-1)?.slot === slot ? joined.pop() : undefined;
            const joining = shared === undefined || flag === FLAG.estimated ? flag : shared.flag;
            const first = i === 0 ? (joining ?? 0) : 0;
            joined.push({ slot, register: register + moved, flag: own.flag || first });
        }
        before = epoch;
    }
    return joined;
}

/** Registers of the drawn epochs, as of an open stream; addresses as the calendar has them. */
function sourceOf(epochs: readonly Epoch[]): (point: Point) => Promise<SumEnd> {
    return (point) => {
        const own = epochs[point.sealEpoch] as Epoch;
        let register: bigint | null | undefined;
        if (point.kind === "boundary") {
            register = own.boundaries.find(({ slot }) => slot === point.slot)?.register;
        } else if (point.kind === "stated") {
            register = epochs[point.placed.event.sealEpoch]?.stated;
        } else {
            const isOpening = point.placed.event.kind === EVENT_KIND.opening;
            register = isOpening ? own.opening : own.closing;
        }
        expect(typeof register).toBe("bigint");
        const registers = new Uint8Array(8);
        new DataView(registers.buffer).setBigUint64(0, register ?? 0n);
        const address =
            point.kind === "boundary"
                ? ladder.addressOf(point.slot)
                : { level: 4 as const, index: 0 };
        const unix = point.kind === "boundary" ? unixOfSlot(point.slot, 900) : 0;
        const record = { ...PLACE, hash: new Uint8Array(32) };
        const { sealEpoch } = point;
        return Promise.resolve({ unix, sealEpoch, address, record, registers, commitments: [] });
    };
}

const windows = fc.constantFrom("slot", "half-hour", "hour", "day", "week", "total" as const);

describe("sums of windows", () => {
    it("agree with a list of all boundaries, over holes, flags and seal epochs", async () => {
        await fc.assert(
            fc.asyncProperty(
                streams,
                windows,
                fc.constantFrom(null, 0, 1, 2),
                fc.integer({ min: -50, max: 400 }),
                fc.integer({ min: 1, max: 900 }),
                async (epochs, window, nearest, begin, length) => {
                    const from = FIRST_SLOT + begin;
                    const { edges } = unwrap(
                        windowEdges(ladder, window, from, from + length, 2_000),
                    );
                    const line = lineOf(epochs);
                    const source = sourceOf(epochs);
                    const sums = await sumWindows({ line, ladder, edges, nearest, source });
                    const joined = joinOf(epochs);
                    const answer = (edge: number): number => {
                        const own = ladder.addressOf(edge).level;
                        const level = nearest === null ? own : Math.min(own, nearest);
                        const fits = ({ slot }: Boundary): boolean =>
                            ladder.addressOf(slot).level >= level;
                        if (nearest === null) return joined.findIndex(({ slot }) => slot === edge);
                        const before = joined.findLastIndex((b) => b.slot <= edge && fits(b));
                        if (before >= 0) return before;
                        return joined.findIndex((b) => b.slot >= edge && fits(b));
                    };
                    expect(sums).toHaveLength(edges.length - 1);
                    for (const [i, sum] of sums.entries()) {
                        const a = answer(edges[i] as number);
                        const b = answer(edges[i + 1] as number);
                        const start = joined[a];
                        const end = joined[b];
                        if (start === undefined || end === undefined || a >= b) {
                            expect(sum.answered).toBe(null);
                            expect([sum.parts, sum.quality, sum.tally.slots]).toEqual([
                                [],
                                "missing",
                                0,
                            ]);
                            continue;
                        }
                        const tally = tallyOf(joined, a, b);
                        expect(sum.answered).toEqual({ fromSlot: start.slot, toSlot: end.slot });
                        expect(sum.tally).toEqual(tally);
                        expect(sum.quality).toBe(qualityOf(tally));
                        expect(sum.marks).toEqual(marksOf(tally, start.flag));
                        const total = sum.parts
                            .map(({ difference }) => BigInt.asIntN(64, difference[0] ?? 0n))
                            .reduce((x, y) => x + y);
                        expect(total).toBe(end.register - start.register);
                    }
                },
            ),
            { numRuns: 400 },
        );
    });

    it("count no boundary behind the place where a chain is in dispute", () => {
        fc.assert(
            fc.property(streams, fc.integer({ min: 0, max: 300 }), (epochs, after) => {
                const [epoch] = epochs as [Epoch];
                const endSlot = FIRST_SLOT + after;
                const line = new BoundaryLine();
                for (const { slot } of epoch.boundaries) line.append(slot, 1, []);
                const ends = { opening: null, closing: null };
                const clipped = unwrap(StreamLine.of([{ sealEpoch: 0, line, endSlot, ...ends }]));
                const left = epoch.boundaries.filter(({ slot }) => slot <= endSlot);
                expect(clipped.lastAt(FIRST_SLOT + 1_000_000)?.slot).toBe(left.at(-1)?.slot);
                expect(clipped.firstFrom(0)?.slot).toBe(left[0]?.slot);
                const next = left.findLast(({ slot }) => slot < endSlot)?.slot;
                expect(clipped.lastAt(endSlot - 1)?.slot).toBe(next);
            }),
        );
    });

    it("refuse seal epochs that overlap", () => {
        const at = (slot: number): BoundaryLine => {
            const line = new BoundaryLine();
            line.append(slot, 3, []);
            return line;
        };
        const ends = { opening: null, closing: null };
        const lines = [10, 11].map((slot, sealEpoch) => ({
            sealEpoch,
            line: at(slot),
            endSlot: 99,
            ...ends,
        }));
        expect(StreamLine.of(lines)).toMatchObject({ error: { code: "MS_RESEALED" } });
    });

    it("take a line of a year in one run and look up what a list does", () => {
        const line = new BoundaryLine();
        const flagged: { slot: number; flag: number }[] = [];
        for (let day = 0; day < 365; day++) {
            const runs =
                day % 3 === 0 ? [{ offset: day % 90, length: 2, flag: 1 + (day % 5) }] : [];
            line.append(FIRST_SLOT + day * 96, 96, runs);
            for (let i = 0; i < 96; i++) {
                const run = runs.find(({ offset, length }) => i >= offset && i < offset + length);
                flagged.push({ slot: FIRST_SLOT + day * 96 + i, flag: run?.flag ?? 0 });
            }
        }
        const counts = line.countsTo(FIRST_SLOT);
        for (const { flag, slot } of flagged.slice(1)) {
            counts[flag] = (counts[flag] ?? 0) + 1;
            if (slot % 7 === 0) expect(line.countsTo(slot)).toEqual(counts);
        }
        expect(line.countsTo(FIRST_SLOT + 1_000_000)).toEqual(counts);
    });
});
