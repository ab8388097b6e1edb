import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
    createLadder,
    formatInstant,
    type Ladder,
    parseInstant,
    slotOfUnix,
    unixOfSlot,
    unwrap,
    type WindowName,
    windowEdges,
} from "../src/index.ts";

const ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Asia/Kathmandu", // 5:45
    "Asia/Kolkata", // 5:30
    "Australia/Lord_Howe", // half an hour of summer time
    "Pacific/Chatham", // 12:45, with summer time
    "Pacific/Apia", // skipped 2011-12-30
    "America/Havana", // midnight twice
    "Asia/Beirut", // midnight skipped
] as const;

const ladders = new Map(ZONES.map((zone) => [zone, unwrap(createLadder(zone, 900))]));
const zoned = fc.constantFrom(...ZONES).map((zone) => ladders.get(zone) as Ladder);

const edgesOf = (ladder: Ladder, window: WindowName, from: string, to: string): number[] => {
    const slot = (text: string): number =>
        slotOfUnix(unwrap(parseInstant(text, ladder.zone)), ladder.slotSeconds);
    return [...unwrap(windowEdges(ladder, window, slot(from), slot(to), 10_000)).edges];
};
const lengths = (edges: readonly number[]): number[] =>
    edges.slice(1).map((edge, i) => edge - (edges[i] as number));

/** A Temporal date-time of a slot, the other way to the same answer. */
const civil = (ladder: Ladder, slot: number): Temporal.ZonedDateTime =>
    Temporal.Instant.fromEpochMilliseconds(
        unixOfSlot(slot, ladder.slotSeconds) * 1000,
    ).toZonedDateTimeISO(ladder.zone);

describe("windowEdges", () => {
    it("makes days of 23, 24 and 25 hours where clocks change", () => {
        const berlin = ladders.get("Europe/Berlin") as Ladder;
        expect(lengths(edgesOf(berlin, "day", "2026-03-28", "2026-03-31"))).toEqual([96, 92, 96]);
        expect(lengths(edgesOf(berlin, "day", "2026-10-24", "2026-10-27"))).toEqual([96, 100, 96]);
        expect(lengths(edgesOf(berlin, "month", "2026-03-01", "2026-04-01"))).toEqual([2972]);
        const howe = ladders.get("Australia/Lord_Howe") as Ladder;
        expect(lengths(edgesOf(howe, "day", "2026-04-04", "2026-04-07"))).toEqual([96, 98, 96]);
    });

    it("begins weeks on Monday and years on New Year's Day", () => {
        const berlin = ladders.get("Europe/Berlin") as Ladder;
        const weeks = edgesOf(berlin, "week", "2025-12-31", "2026-01-20");
        expect(weeks.map((slot) => civil(berlin, slot).toPlainDate().toString())).toEqual([
            "2025-12-31",
            "2026-01-05",
            "2026-01-12",
            "2026-01-19",
            "2026-01-20",
        ]);
        const years = edgesOf(berlin, "year", "2024-06-01", "2026-06-01");
        expect(years.map((slot) => formatInstant(unixOfSlot(slot, 900), "Europe/Berlin"))).toEqual([
            "2024-06-01T00:00:00+02:00",
            "2025-01-01T00:00:00+01:00",
            "2026-01-01T00:00:00+01:00",
            "2026-06-01T00:00:00+02:00",
        ]);
    });

    it("follows the wall clock in zones of 30 and 45 minutes", () => {
        for (const zone of ["Asia/Kathmandu", "Asia/Kolkata", "Pacific/Chatham"] as const) {
            const ladder = ladders.get(zone) as Ladder;
            const hours = edgesOf(ladder, "hour", "2026-06-01", "2026-06-02");
            expect(hours.every((slot) => civil(ladder, slot).minute === 0)).toBe(true);
            expect(hours).toHaveLength(25);
            const halves = edgesOf(ladder, "half-hour", "2026-06-01", "2026-06-02");
            expect(halves.every((slot) => civil(ladder, slot).minute % 30 === 0)).toBe(true);
            expect(halves).toHaveLength(49);
        }
    });

    it("agrees with a look at every slot, in every zone", () => {
        const starts: Readonly<Record<string, (ladder: Ladder, slot: number) => boolean>> = {
            hour: (ladder, slot) => ladder.addressOf(slot).level >= 1,
            day: (ladder, slot) => ladder.addressOf(slot).level >= 2,
            month: (ladder, slot) => ladder.addressOf(slot).level >= 3,
            "half-hour": (ladder, slot) =>
                ladder.addressOf(slot).level >= 1 || civil(ladder, slot).minute % 30 === 0,
            week: (ladder, slot) => {
                const week = (at: number): string => {
                    const { weekOfYear, yearOfWeek } = civil(ladder, at);
                    return `${yearOfWeek}-${weekOfYear}`;
                };
                return ladder.addressOf(slot).level >= 2 && week(slot) !== week(slot - 1);
            },
            year: (ladder, slot) =>
                ladder.addressOf(slot).level >= 3 &&
                civil(ladder, slot).year !== civil(ladder, slot - 1).year,
        };
        fc.assert(
            fc.property(
                zoned,
                fc.constantFrom(...(Object.keys(starts) as WindowName[])),
                fc.integer({ min: 1, max: 3_400_000 }),
                fc.integer({ min: 1, max: 3_200 }),
                (ladder, window, from, count) => {
                    const { edges, nextSlot } = unwrap(
                        windowEdges(ladder, window, from, from + count, 10_000),
                    );
                    const isStart = starts[window] as (ladder: Ladder, slot: number) => boolean;
                    const inner = Array.from({ length: count - 1 }, (_, i) => from + 1 + i).filter(
                        (slot) => isStart(ladder, slot),
                    );
                    expect(edges).toEqual([from, ...inner, from + count]);
                    expect(nextSlot).toBe(null);
                },
            ),
            { numRuns: 120 },
        );
    });

    it("finds the boundary before a slot as a look at every slot does", () => {
        fc.assert(
            fc.property(
                zoned,
                fc.integer({ min: 0, max: 3_400_000 }),
                fc.constantFrom(0, 1, 2, 3),
                (ladder, slot, level) => {
                    let expected = slot;
                    while (expected >= 0 && ladder.addressOf(expected).level < level) expected--;
                    expect(ladder.lastOf(slot, level as 0 | 1 | 2 | 3)).toBe(expected);
                },
            ),
            { numRuns: 200 },
        );
    });

    it("lists so many windows and says where the next one begins", () => {
        const berlin = ladders.get("Europe/Berlin") as Ladder;
        const first = unwrap(windowEdges(berlin, "slot", 900_000, 900_010, 4));
        expect(first).toEqual({
            edges: [900_000, 900_001, 900_002, 900_003, 900_004],
            nextSlot: 900_004,
        });
        const whole = unwrap(windowEdges(berlin, "total", 900_000, 999_999, 1));
        expect(whole).toEqual({ edges: [900_000, 999_999], nextSlot: null });
    });

    it("refuses empty ranges, ranges outside the years, and half-hours of slots that do not fit", () => {
        const berlin = ladders.get("Europe/Berlin") as Ladder;
        for (const [from, to] of [
            [5, 5],
            [6, 5],
            [-1, 5],
            [5, berlin.endSlot],
        ] as const) {
            expect(windowEdges(berlin, "day", from, to, 9)).toMatchObject({
                error: { code: "MS_USAGE" },
            });
        }
        const hourly = unwrap(createLadder("Europe/Berlin", 3600));
        expect(windowEdges(hourly, "half-hour", 5, 9, 9)).toMatchObject({
            error: { code: "MS_STREAM_RULE" },
        });
    });
});
