import { type Level, parseInstant, slotOfUnix, toHex, unwrap } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { smallestCrowd } from "../src/derive/crowd.ts";
import { findingsHash } from "../src/derive/findings-hash.ts";
import { type Finding, type Holding, judgeGrant } from "../src/derive/judge.ts";
import { Knowledge } from "../src/derive/knowledge.ts";
import type { Stretch } from "../src/derive/known.ts";
import { findShortSums } from "../src/derive/short-sums.ts";
import { durationWords, findingWords } from "../src/derive/words.ts";
import { ladderOf } from "./fixtures.ts";

const ZONE = "Europe/London";
const ladder = ladderOf(ZONE);

function at(text: string): number {
    return slotOfUnix(unwrap(parseInstant(text, ZONE)), 900);
}

function stretch(from: string, to: string): Stretch {
    return { fromSlot: at(from), toSlot: at(to) };
}

function keys(level: Level, from: string, to: string, sealEpoch = 0): Holding {
    return {
        groups: [0],
        known: { kind: "keys", level, spans: [{ sealEpoch, ...stretch(from, to) }] },
    };
}

function differences(...windows: Stretch[]): Holding {
    return { groups: [0], known: { kind: "differences", windows } };
}

function boundaries(...slots: number[]): Holding {
    return { groups: [0], known: { kind: "boundaries", epochs: [{ sealEpoch: 0, slots }] } };
}

function sums(...rows: Stretch[][]): Holding {
    return { groups: [0], known: { kind: "sums", rows } };
}

function judge(held: Holding[], candidate: Holding, minimumSeconds = 0): Finding[] {
    return judgeGrant(held, candidate, ladder, { minimumSeconds });
}

function codes(found: readonly Finding[]): string[] {
    return found.map(({ code }) => code);
}

/** Stretches of each night, and of the days between. */
function dayAndNight(month: string, days: number): Stretch[][] {
    const day = (n: number): string => `${month}-${String(n).padStart(2, "0")}`;
    const light: Stretch[] = [];
    const dark: Stretch[] = [];
    for (let n = 1; n <= days; n++) {
        dark.push(stretch(day(n), `${day(n)}T07:00`));
        light.push(stretch(`${day(n)}T07:00`, `${day(n)}T23:00`));
        dark.push({ fromSlot: at(`${day(n)}T23:00`), toSlot: at(day(n)) + 96 });
    }
    return [light, dark];
}

describe("a grant by itself", () => {
    test("gives what it says, and nothing is found", () => {
        expect(judge([], keys(0, "2013-01-01", "2014-01-01"))).toEqual([]);
        expect(judge([], keys(2, "2013-01-01", "2014-01-01"), 22 * 3600)).toEqual([]);
        expect(judge([], boundaries(at("2013-01-07"), at("2013-01-14")))).toEqual([]);
        expect(judge([], differences(stretch("2013-01-01", "2013-02-01")))).toEqual([]);
        expect(judge([], sums(...dayAndNight("2013-01", 31)))).toEqual([]);
    });

    test("finer than the household's minimum is found, at every kind and once", () => {
        const day = 22 * 3600;
        const short = (found: Finding[]): unknown => found.map(({ code, count }) => [code, count]);
        expect(short(judge([], keys(1, "2013-01-01", "2014-01-01"), day))).toEqual([["short", 1]]);
        const half = boundaries(at("2013-01-01"), at("2013-01-01T12:00"), at("2013-01-02"));
        expect(short(judge([], half, day))).toEqual([["short", 2]]);
        const window = differences(stretch("2013-01-01T06:00", "2013-01-01T07:00"));
        expect(short(judge([], window, day))).toEqual([["short", 1]]);
        expect(short(judge([window], window, day))).toEqual([]);
        expect(judge([], keys(2, "2013-03-01", "2013-04-30"), day)).toEqual([]);
    });

    test("over an offset change still gives days, whose shortest has 23 hours", () => {
        const days = ["2013-03-30", "2013-03-31", "2013-04-01", "2013-04-02"].map(at);
        expect(judge([], boundaries(...days), 22 * 3600)).toEqual([]);
    });

    test("of sums of squares gives no less than a day", () => {
        const squares = (holding: Holding): Holding => ({ ...holding, groups: [2] });
        expect(judge([], squares(keys(2, "2013-01-01", "2013-02-01")))).toEqual([]);
        expect(codes(judge([], squares(keys(1, "2013-01-01", "2013-02-01"))))).toEqual(["squares"]);
        const hour = differences(stretch("2013-01-01T06:00", "2013-01-01T07:00"));
        expect(codes(judge([], squares(hour)))).toEqual(["squares"]);
    });
});

describe("grants together", () => {
    test("invariant 12: the gap between two K-grants is found, with its length", () => {
        const january = keys(1, "2013-01-01", "2013-02-01");
        const found = judge([january], keys(1, "2013-03-01", "2013-04-01"));
        expect(found).toEqual([
            {
                code: "gap",
                group: 0,
                fromUnix: unwrap(parseInstant("2013-02-01", ZONE)),
                toUnix: unwrap(parseInstant("2013-03-01", ZONE)),
                count: 1,
            },
        ]);
        expect(findingWords(found[0] as Finding, "Acme", ZONE)).toBe(
            "Between the grants lies time that none of them gives, and Acme could compute your import over it: from 2013-02-01T00:00:00+00:00 to 2013-03-01T00:00:00+00:00 (28 days).",
        );
    });

    test("leases that follow one another leave no gap", () => {
        const held = ["01", "02", "03"].map((month, i) =>
            keys(0, `2013-${month}-01`, `2013-0${i + 2}-01`),
        );
        expect(judge(held, keys(0, "2013-04-01", "2013-05-01"))).toEqual([]);
    });

    test("two seal epochs without a bridge hold no gap", () => {
        const later = keys(1, "2013-03-01", "2013-04-01", 1);
        expect(judge([keys(1, "2013-01-01", "2013-02-01")], later)).toEqual([]);
    });

    test("the gap between single windows is none: they share no boundary", () => {
        const morning = differences(stretch("2013-01-01", "2013-01-02"));
        expect(judge([morning], differences(stretch("2013-01-05", "2013-01-06")))).toEqual([]);
        const meeting = judge([morning], differences(stretch("2013-01-01", "2013-01-04")));
        expect(codes(meeting)).toEqual(["refinement"]);
    });

    test("invariant 12: the common refinement of two providers in a coalition is found", () => {
        const mondays = [7, 14, 21, 28].map((day) => at(`2013-01-${String(day).padStart(2, "0")}`));
        const found = judge([keys(3, "2013-01-01", "2013-03-01")], boundaries(...mondays));
        expect(codes(found)).toEqual(["refinement"]);
        // From the 28th to the 1st of February: four days that neither was granted.
        expect((found[0] as Finding).toUnix - (found[0] as Finding).fromUnix).toBe(4 * 86_400);
        expect(found[0]?.count).toBe(2);
    });

    test("a day of hours in a month of days adds no more than it says", () => {
        const days = keys(2, "2013-01-01", "2013-02-01");
        expect(judge([days], keys(1, "2013-01-10", "2013-01-11"))).toEqual([]);
        const untilNoon = judge([days], keys(1, "2013-01-10", "2013-01-10T12:00"));
        expect(codes(untilNoon)).toEqual(["refinement"]);
    });

    test("groups are apart", () => {
        const exported = { ...keys(1, "2013-01-01", "2013-02-01"), groups: [1] };
        expect(judge([exported], keys(1, "2013-03-01", "2013-04-01"))).toEqual([]);
        const both = { ...keys(1, "2013-03-01", "2013-04-01"), groups: [0, 1] };
        expect(judge([exported], both).map(({ code, group }) => [code, group])).toEqual([
            ["gap", 1],
        ]);
    });
});

describe("weighted sums", () => {
    const night = stretch("2013-01-01", "2013-02-01");

    test("invariant 12: a ladder of weights over four slots gives every one of them", () => {
        const ladderRows = [0, 1, 2, 3].map((i) => [
            { fromSlot: night.fromSlot + i, toSlot: night.fromSlot + i + 1 },
        ]);
        const found = judge([], sums(...ladderRows));
        expect(codes(found)).toEqual(["weights"]);
        expect(found[0]?.count).toBeGreaterThanOrEqual(4);
    });

    test("one odd slot in a flat tariff gives that slot", () => {
        const odd = at("2013-01-15T18:00");
        const flat = [
            { fromSlot: night.fromSlot, toSlot: odd },
            { fromSlot: odd + 1, toSlot: night.toSlot },
        ];
        const found = judge([], sums(flat, [{ fromSlot: odd, toSlot: odd + 1 }]));
        expect(codes(found)).toEqual(["weights"]);
        expect((found[0] as Finding).toUnix - (found[0] as Finding).fromUnix).toBe(900);
    });

    test("a price of seven slots is found, one of eight is not", () => {
        const evening = at("2013-01-15T18:00");
        const price = (slots: number): Stretch[][] => [
            [
                { fromSlot: night.fromSlot, toSlot: evening },
                { fromSlot: evening + 2 * slots, toSlot: night.toSlot },
            ],
            Array.from({ length: slots }, (_, i) => evening + 2 * i).map((slot) => ({
                fromSlot: slot,
                toSlot: slot + 1,
            })),
            Array.from({ length: slots }, (_, i) => evening + 2 * i + 1).map((slot) => ({
                fromSlot: slot,
                toSlot: slot + 1,
            })),
        ];
        expect(codes(judge([], sums(...price(7))))).toEqual(["weights"]);
        expect(judge([], sums(...price(8)))).toEqual([]);
    });

    test("a second tariff over one time is found, the same one again is not", () => {
        const [light = [], dark = []] = dayAndNight("2013-01", 31);
        const later = light.map(({ fromSlot, toSlot }) => ({
            fromSlot: fromSlot + 1,
            toSlot: toSlot + 1,
        }));
        const first = sums(light, dark);
        expect(judge([first], first)).toEqual([]);
        const found = judge([first], sums(later));
        expect(found.map(({ code, count }) => [code, count])).toEqual([["second-tariff", 1]]);
        expect(judge([first], sums(...dayAndNight("2013-02", 28)))).toEqual([]);
    });

    test("a bill beside the days of its month gives what neither does", () => {
        const days = keys(2, "2013-01-01", "2013-02-01");
        const whole = sums([{ fromSlot: at("2013-01-03T12:00"), toSlot: at("2013-01-20") }]);
        expect(codes(judge([days], whole))).toEqual(["refinement"]);
    });
});

describe("sums over parts of the time", () => {
    const week = (from: number): Stretch => ({ fromSlot: from, toSlot: from + 672 });
    const [one, two, three, four, five, six] = [0, 1, 2, 3, 4, 5].map((n) =>
        week(at("2013-07-01") + 672 * n),
    ) as [Stretch, Stretch, Stretch, Stretch, Stretch, Stretch];
    const behindFirst = ({ fromSlot, toSlot }: Stretch): Stretch => ({
        fromSlot: fromSlot + 1,
        toSlot,
    });
    const day = 22 * 3600;

    test("two quarters of an hour that a price's sum leaves beside single windows are found", () => {
        const prices = sums([one, three], [two, four]);
        const windows = differences(behindFirst(one), behindFirst(three));
        for (const minimum of [0, day]) {
            const found = judge([prices], windows, minimum);
            expect(found.map(({ code, count }) => [code, count])).toEqual([["parts", 1]]);
            expect((found[0] as Finding).toUnix - (found[0] as Finding).fromUnix).toBe(900);
            expect(codes(judge([windows], prices, minimum))).toEqual(["parts"]);
        }
        expect(judge([prices, windows], windows)).toEqual([]);
        expect(findingWords(judge([prices], windows)[0] as Finding, "Acme", ZONE)).toBe(
            "Taken together with what Acme holds, a sum of your import over a few short times follows that no grant gives; one of these times is from 2013-07-01T00:00:00+01:00 to 2013-07-01T00:15:00+01:00.",
        );
    });

    test("three of them as well, and what is eight slots long is not", () => {
        const prices = sums([one, three, five], [two, four, six]);
        const windows = [one, three, five].map(behindFirst);
        expect(codes(judge([prices], differences(...windows)))).toEqual(["parts"]);
        expect(codes(judge([differences(...windows)], prices))).toEqual(["parts"]);
        const later = (by: number): Holding =>
            differences(
                ...[one, three, five].map(({ fromSlot, toSlot }) => ({
                    ...{ fromSlot: fromSlot + by, toSlot },
                })),
            );
        expect(codes(judge([prices], later(2)))).toEqual(["parts"]);
        expect(judge([prices], later(3))).toEqual([]);
        expect(codes(judge([prices], later(3), day))).toEqual(["parts"]);
    });

    test("windows that lie one in another leave their ends, and shifted ones a difference", () => {
        const inner = { fromSlot: one.fromSlot + 1, toSlot: one.toSlot - 1 };
        expect(codes(judge([differences(one)], differences(inner)))).toEqual(["parts"]);
        const shifted = { fromSlot: one.fromSlot + 1, toSlot: one.toSlot + 1 };
        expect(codes(judge([differences(one)], differences(shifted)))).toEqual(["parts"]);
        const far = { fromSlot: one.fromSlot + 4, toSlot: one.toSlot + 4 };
        expect(judge([differences(one)], differences(far))).toEqual([]);
        expect(codes(judge([keys(1, "2013-07-01", "2013-08-01")], differences(shifted)))).toEqual([
            "parts",
        ]);
    });

    test("more stretches than are looked at leave the answer open", () => {
        const apart = Array.from({ length: 40 }, (_, i) => [
            { fromSlot: one.fromSlot + i, toSlot: two.fromSlot + 2 * i },
            { fromSlot: three.fromSlot + 3 * i, toSlot: four.fromSlot + 5 * i },
        ]);
        const after = new Knowledge([sums(...apart).known], ladder, 1_000_000);
        const search = (most: number) => findShortSums(after, () => after, [], 96, most);
        expect(search(10)).toBeNull();
        expect(search(1_000_000)).toEqual([]);
    });
});

describe("a crowd", () => {
    const month = stretch("2013-01-01", "2013-02-01");
    const names = Array.from({ length: 20 }, (_, i) => `home-${i}`);
    const cohort = (from: number, to: number, time = month) => ({
        ...time,
        members: names.slice(from, to),
    });

    test("is the cohort where there is one", () => {
        expect(smallestCrowd([cohort(0, 10)], "home-3", new Set())).toBe(10);
        expect(smallestCrowd([cohort(0, 10)], "home-15", new Set())).toBe(Infinity);
    });

    test("of nested cohorts is their difference, down to one household alone", () => {
        expect(smallestCrowd([cohort(0, 12), cohort(0, 9)], "home-10", new Set())).toBe(3);
        expect(smallestCrowd([cohort(0, 10), cohort(0, 9)], "home-9", new Set())).toBe(1);
        const february = stretch("2013-02-01", "2013-03-01");
        expect(smallestCrowd([cohort(0, 10), cohort(0, 9, february)], "home-9", new Set())).toBe(
            10,
        );
    });

    test("shrinks by who talks: n − 1 members give the last one away", () => {
        const others = (count: number): Set<string> => new Set(names.slice(0, count));
        expect(smallestCrowd([cohort(0, 10)], "home-9", others(4))).toBe(6);
        expect(smallestCrowd([cohort(0, 10)], "home-9", others(9))).toBe(1);
    });

    test("of one follows also from three sets of which no two give it", () => {
        const set = (...members: number[]) => ({
            ...month,
            members: members.map((i) => `home-${i}`),
        });
        // a + b, b + c and a + c give a.
        expect(smallestCrowd([set(0, 1), set(1, 2), set(0, 2)], "home-0", new Set())).toBe(1);
    });
});

describe("findings", () => {
    const finding: Finding = {
        code: "gap",
        group: 0,
        fromUnix: 1_357_000_000,
        toUnix: 1_357_003_600,
        count: 1,
    };

    test("have one hash whatever their order, and another for any other field", () => {
        const other: Finding = { ...finding, code: "short" };
        const hash = toHex(findingsHash([finding, other]));
        expect(hash).toBe(toHex(findingsHash([other, finding])));
        for (const changed of [
            { ...finding, group: 1 },
            { ...finding, fromUnix: 1 },
            { ...finding, toUnix: 2_000_000_000 },
            { ...finding, count: 2 },
            { ...finding, code: "weights" as const },
            { ...finding, code: "parts" as const },
        ]) {
            expect(toHex(findingsHash([changed, other]))).not.toBe(hash);
        }
    });

    test("lengths are said in two units", () => {
        expect(durationWords(90_061)).toBe("1 day 1 hour");
        expect(durationWords(5400)).toBe("1 hour 30 minutes");
        expect(durationWords(45)).toBe("45 seconds");
        fc.assert(fc.property(fc.nat(10 ** 9), (s) => durationWords(s).length > 0));
    });
});
