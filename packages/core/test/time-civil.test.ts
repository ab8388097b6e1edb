import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unwrap } from "../src/result.ts";
import {
    type BoundaryAddress,
    createLadder,
    formatInstant,
    type Ladder,
    type Level,
    parseInstant,
} from "../src/time/civil.ts";
import { slotOfUnix, unixOfSlot } from "../src/time/slot.ts";

const ZONES = [
    "Europe/Berlin",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "America/Sao_Paulo",
    "America/Havana",
    "America/St_Johns",
    "Asia/Colombo",
    "Asia/Pyongyang",
    "America/Caracas",
    "Pacific/Apia",
    "UTC",
];

/** The rule of formats 3, straight through Temporal. */
function naiveAddress(slot: number, slotSeconds: number, zone: string): BoundaryAddress {
    const instant = Temporal.Instant.fromEpochMilliseconds(unixOfSlot(slot, slotSeconds) * 1000);
    const civil = instant.toZonedDateTimeISO(zone);
    if (civil.startOfDay().equals(civil)) {
        const before = civil.subtract({ nanoseconds: 1 });
        const month = 12 * (civil.year - 2000) + civil.month - 1;
        if (before.month !== civil.month) return { level: 3, index: month };
        const origin = Temporal.PlainDate.from("2000-01-01");
        return { level: 2, index: origin.until(civil.toPlainDate(), { largestUnit: "day" }).days };
    }
    if (civil.minute === 0 && civil.second === 0) {
        const change = civil.add({ nanoseconds: 1 }).getTimeZoneTransition("previous");
        const sinceMs = change ? civil.epochMilliseconds - change.epochMilliseconds : Infinity;
        const jump = change
            ? change.offsetNanoseconds - change.subtract({ nanoseconds: 1 }).offsetNanoseconds
            : 0;
        const shaken = sinceMs < 3_600_000 && jump % 3_600_000_000_000 !== 0;
        if (!shaken) return { level: 1, index: Math.floor(civil.epochMilliseconds / 3_600_000) };
    }
    return { level: 0, index: slot };
}

function ladderOf(zone: string, slotSeconds = 900): Ladder {
    return unwrap(createLadder(zone, slotSeconds));
}

function slotAt(text: string, zone: string, slotSeconds = 900): number {
    return slotOfUnix(unwrap(parseInstant(text, zone)), slotSeconds);
}

function countLevels(ladder: Ladder, first: number, last: number): number[] {
    const counts = [0, 0, 0, 0];
    for (let slot = first; slot <= last; slot++) {
        const { level } = ladder.addressOf(slot);
        counts[level] = (counts[level] ?? 0) + 1;
    }
    return counts;
}

function addressAt(text: string, zone: string): BoundaryAddress {
    return ladderOf(zone).addressOf(slotAt(text, zone));
}

describe("ladder", () => {
    test("March 2026 in Berlin has 2,972 slots; with the end boundary 2,229/712/30/2", () => {
        const first = slotAt("2026-03-01", "Europe/Berlin");
        const end = slotAt("2026-04-01", "Europe/Berlin");
        expect(end - first).toBe(2972);
        expect(countLevels(ladderOf("Europe/Berlin"), first, end)).toEqual([2229, 712, 30, 2]);
        expect(countLevels(ladderOf("Europe/Berlin"), first, end - 1)).toEqual([2229, 712, 30, 1]);
    });

    test("London 2013 in half hours: 8,760 hours in 365 days and 12 months", () => {
        const first = slotAt("2013-01-01", "Europe/London", 1800);
        const end = slotAt("2014-01-01", "Europe/London", 1800);
        const counts = countLevels(ladderOf("Europe/London", 1800), first, end - 1);
        expect(counts).toEqual([8760, 8760 - 365, 365 - 12, 12]);
    });

    test("indices count from 2000: months, civil days, and hours of UTC", () => {
        expect(addressAt("2000-01-01", "UTC")).toEqual({ level: 3, index: 0 });
        expect(addressAt("2026-03-01", "Europe/Berlin")).toEqual({ level: 3, index: 314 });
        expect(addressAt("2000-01-02", "Asia/Kathmandu")).toEqual({ level: 2, index: 1 });
        expect(addressAt("2026-03-29", "Europe/Berlin")).toEqual({ level: 2, index: 9584 });
        const noon = { level: 1, index: Date.UTC(2026, 6, 1, 10) / 3_600_000 };
        expect(addressAt("2026-07-01T12:00", "Europe/Berlin")).toEqual(noon);
        const slot = slotAt("2026-07-01T12:15", "Europe/Berlin");
        expect(ladderOf("Europe/Berlin").addressOf(slot)).toEqual({ level: 0, index: slot });
    });

    test("each hour of a DST day is an hour boundary, the repeated one twice", () => {
        const berlin = ladderOf("Europe/Berlin");
        for (const [day, next, hours] of [
            ["2026-03-29", "2026-03-30", 23],
            ["2026-10-25", "2026-10-26", 25],
        ] as const) {
            const first = slotAt(day, "Europe/Berlin");
            const end = slotAt(next, "Europe/Berlin");
            expect(countLevels(berlin, first, end - 1)).toEqual([3 * hours, hours - 1, 1, 0]);
        }
    });

    test("Lord Howe: the hour that follows the half-hour change is keyed as slots", () => {
        // 2026-04-05 02:00 +11:00 becomes 01:30 +10:30; 02:00 comes again half an hour later.
        const zone = "Australia/Lord_Howe";
        expect(addressAt("2026-04-05T01:00+11:00", zone).level).toBe(1);
        expect(addressAt("2026-04-05T02:00+10:30", zone).level).toBe(0);
        expect(addressAt("2026-04-05T03:00+10:30", zone).level).toBe(1);
        // 2026-10-04 02:00 +10:30 becomes 02:30 +11:00.
        expect(addressAt("2026-10-04T03:00+11:00", zone).level).toBe(0);
        expect(addressAt("2026-10-04T04:00+11:00", zone).level).toBe(1);
    });

    test("Kathmandu: civil hours begin at a quarter past the hour of UTC", () => {
        const noon = { level: 1, index: Date.UTC(2026, 0, 1, 6) / 3_600_000 };
        expect(addressAt("2026-01-01T12:00", "Asia/Kathmandu")).toEqual(noon);
    });

    test("a day without midnight begins at the change", () => {
        for (const [zone, start, day] of [
            ["America/Sao_Paulo", "2018-11-04T01:00", 6882],
            ["Africa/Cairo", "2026-04-24T01:00", 9610],
        ] as const) {
            expect(addressAt(start, zone)).toEqual({ level: 2, index: day });
            expect(ladderOf(zone).addressOf(slotAt(start, zone) - 1).level).toBe(0);
        }
    });

    test("a day with two midnights begins with the first", () => {
        for (const [zone, first, second] of [
            ["America/Havana", "2026-11-01T00:00-04:00", "2026-11-01T00:00-05:00"],
            ["America/St_Johns", "2009-11-01T00:00-02:30", "2009-11-01T00:00-03:30"],
        ] as const) {
            const month = 12 * (Number(first.slice(0, 4)) - 2000) + 10;
            expect(addressAt(first, zone)).toEqual({ level: 3, index: month });
            expect(addressAt(second, zone).level).toBe(1);
        }
        expect(addressAt("2006-04-15T00:00+06:00", "Asia/Colombo").level).toBe(2);
        expect(addressAt("2006-04-15T00:00+05:30", "Asia/Colombo").level).toBe(0);
    });

    test("Apia skips 2011-12-30: its index is left out", () => {
        const zone = "Pacific/Apia";
        const start = slotAt("2011-12-31", zone);
        const day29 = addressAt("2011-12-29", zone);
        expect(ladderOf(zone).addressOf(start)).toEqual({ level: 2, index: day29.index + 2 });
        expect(start - slotAt("2011-12-29", zone)).toBe(96);
    });

    test("Pyongyang: a day that begins at a half-hour change is still a day", () => {
        expect(addressAt("2018-05-05T00:00", "Asia/Pyongyang").level).toBe(2);
        expect(addressAt("2015-08-15T00:00+08:30", "Asia/Pyongyang").level).toBe(2);
    });

    test("refuses a zone that is unknown or does not fit the slot", () => {
        for (const [zone, slotSeconds] of [
            ["Europe/Atlantis", 900],
            ["", 900],
            ["+01:00", 900],
            ["Asia/Kathmandu", 1800],
            ["Australia/Lord_Howe", 3600],
        ] as const) {
            const made = createLadder(zone, slotSeconds);
            expect(made.ok ? "made" : made.error.code).toBe("MS_ZONE");
        }
        const uneven = createLadder("UTC", 700);
        expect(uneven.ok ? "made" : uneven.error.code).toBe("MS_STREAM_RULE");
        expect(createLadder("Asia/Kathmandu", 900).ok).toBe(true);
        expect(createLadder("Australia/Lord_Howe", 1800).ok).toBe(true);
    });

    test("refuses slots outside 2000 … 2099", () => {
        const ladder = ladderOf("UTC");
        expect(() => ladder.addressOf(-1)).toThrow("assertion failed");
        expect(ladder.addressOf(ladder.endSlot - 1).level).toBe(0);
        expect(() => ladder.addressOf(ladder.endSlot)).toThrow("assertion failed");
    });
});

describe("ladder against plain Temporal", () => {
    test("around every offset change of 2000 … 2030 in thirteen zones", () => {
        for (const zone of ZONES) {
            const ladder = ladderOf(zone);
            let moment = Temporal.Instant.from("2000-01-02T00:00Z").toZonedDateTimeISO(zone);
            for (;;) {
                const next = moment.getTimeZoneTransition("next");
                if (next === null || next.year > 2030) break;
                const slot = slotOfUnix(Math.floor(next.epochMilliseconds / 1000), 900);
                for (let near = slot - 12; near <= slot + 12; near++) {
                    const expected = naiveAddress(near, 900, zone);
                    expect([zone, near, ladder.addressOf(near)]).toEqual([zone, near, expected]);
                }
                moment = next;
            }
        }
    });

    test("at random slots of random zones", () => {
        const zones = Intl.supportedValuesOf("timeZone").filter((z) => createLadder(z, 900).ok);
        const ladders = new Map<string, Ladder>();
        fc.assert(
            fc.property(
                fc.constantFrom(...zones),
                fc.nat(876_000),
                fc.constantFrom(1, 4, 96),
                (zone, hour, step) => {
                    const ladder = ladders.get(zone) ?? ladderOf(zone);
                    ladders.set(zone, ladder);
                    for (let slot = hour * 4; slot < hour * 4 + 4 * step; slot += step) {
                        expect(ladder.addressOf(slot)).toEqual(naiveAddress(slot, 900, zone));
                    }
                },
            ),
            { numRuns: 400 },
        );
    });

    test("the ladder nests: a boundary also continues every finer tree", () => {
        const anyStart = fc.integer({ min: 0, max: 3_400_000 });
        fc.assert(
            fc.property(fc.constantFrom(...ZONES), anyStart, (zone, start) => {
                const ladder = ladderOf(zone);
                const last = [-1, -1, -1, -1];
                for (let slot = start; slot < start + 3200; slot++) {
                    const { level, index } = ladder.addressOf(slot);
                    expect(index).toBe(ladder.indexAt(slot, level));
                    for (let tree = 0; tree <= level; tree++) {
                        const here = ladder.indexAt(slot, tree as Level);
                        if (here <= (last[tree] ?? -1)) throw new Error(`${zone} ${slot} ${tree}`);
                        last[tree] = here;
                    }
                }
            }),
            { numRuns: 100 },
        );
    });
});

describe("instants as text", () => {
    test("reads dates, civil times and times with an offset", () => {
        const berlin = "Europe/Berlin";
        const at = (iso: string): number => Date.parse(iso) / 1000;
        expect(unwrap(parseInstant("2026-03-29", berlin))).toBe(at("2026-03-28T23:00Z"));
        expect(unwrap(parseInstant("2026-03-29T03:00", berlin))).toBe(at("2026-03-29T01:00Z"));
        expect(unwrap(parseInstant("2026-03-29 03:00:07", berlin))).toBe(
            at("2026-03-29T01:00:07Z"),
        );
        expect(unwrap(parseInstant("2026-10-25T02:30+01:00", berlin))).toBe(
            at("2026-10-25T01:30Z"),
        );
        expect(unwrap(parseInstant("2026-10-25T02:30Z", berlin))).toBe(at("2026-10-25T02:30Z"));
    });

    test("refuses what has no meaning or two", () => {
        for (const text of [
            "",
            "yesterday",
            "2026-02-30",
            "2026-13-01",
            "2026-03-29T02:30", // skipped
            "2026-10-25T02:30", // twice
            "2026-03-29T03:00:00.5",
            "2026-03-29T24:00",
            "2026-03-29T23:59:60",
            "2026-03-29T03:00+99:00",
        ]) {
            const read = parseInstant(text, "Europe/Berlin");
            expect([text, read.ok ? read.value : read.error.code]).toEqual([text, "MS_USAGE"]);
        }
        const skipped = parseInstant("2011-12-30", "Pacific/Apia");
        expect(skipped.ok ? "read" : skipped.error.code).toBe("MS_USAGE");
        const nowhere = parseInstant("2026-01-01", "Europe/Atlantis");
        expect(nowhere.ok ? "read" : nowhere.error.code).toBe("MS_ZONE");
    });

    test("writes what it reads", () => {
        fc.assert(
            fc.property(fc.constantFrom(...ZONES), fc.nat(3_000_000_000), (zone, unixSeconds) => {
                expect(unwrap(parseInstant(formatInstant(unixSeconds, zone), zone))).toBe(
                    unixSeconds,
                );
            }),
        );
        expect(formatInstant(1_774_746_000, "Europe/Berlin")).toBe("2026-03-29T03:00:00+02:00");
        expect(() => formatInstant(0, "Europe/Atlantis")).toThrow("MS_ZONE");
    });
});
