import { createLadder, parseInstant, type Result, unwrap } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
    askOfProfile,
    asksOfScope,
    formatScope,
    GRANT_PROFILES,
    parseScope,
    planGrant,
    scopeOfAsk,
} from "../src/index.ts";

const zone = "America/Los_Angeles";
const at = (text: string): number => unwrap(parseInstant(text, zone));
const ladder = unwrap(createLadder(zone, 900));
const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.error.code);

describe("profiles", () => {
    const [from, to] = [at("2026-03-01"), at("2026-04-01")];

    test("are the ones that laws and standards name, and each compiles to a grant", () => {
        expect(GRANT_PROFILES.map(({ name }) => name)).toEqual([
            "TAF1",
            "TAF2",
            "TAF7",
            "GB-monthly",
            "GB-daily",
            "GB-half-hourly",
            "NL-monthly",
            "NL-quarter-hour",
        ]);
        const plans = GRANT_PROFILES.map(({ name }) => {
            const ask = unwrap(askOfProfile(name, ladder, from, to));
            const { kind, level, windows } = unwrap(planGrant(ladder, ask));
            return [name, kind, level, windows.length];
        });
        expect(plans).toEqual([
            ["TAF1", 1, 3, 0],
            ["TAF2", 1, 2, 0],
            ["TAF7", 1, 0, 0],
            ["GB-monthly", 1, 3, 0],
            ["GB-daily", 1, 2, 0],
            ["GB-half-hourly", 5, undefined, 1486],
            ["NL-monthly", 1, 3, 0],
            ["NL-quarter-hour", 1, 0, 0],
        ]);
    });

    test("a profile of quarter-hours needs slots of a quarter-hour; names need no case", () => {
        const minutes = unwrap(createLadder(zone, 60));
        expect(codeOf(askOfProfile("taf7", minutes, from, to))).toBe("MS_STREAM_RULE");
        expect(codeOf(askOfProfile("gb-half-HOURLY", minutes, from, to))).toBe("ok");
        expect(codeOf(askOfProfile("TAF99", ladder, from, to))).toBe("MS_USAGE");
    });
});

describe("Green Button scopes", () => {
    const now = at("2026-03-15T12:00");
    const period = fc.oneof(
        fc.constantFrom("billingPeriod", "daily", "monthly", "seasonal", "weekly"),
        fc.nat(1_000_000),
    );
    const scopes = fc.record(
        {
            functionBlocks: fc.array(fc.integer({ min: 1, max: 99 }), {
                minLength: 1,
                maxLength: 9,
            }),
            intervalDurations: fc.array(period, { maxLength: 4 }),
            blockDurations: fc.array(period, { maxLength: 3 }),
            historyLength: fc.nat(),
            subscriptionFrequency: period,
            accountCollection: fc.nat(100),
            bulkId: fc.stringMatching(/^[0-9A-Za-z-]{1,20}$/),
        },
        { requiredKeys: ["functionBlocks", "intervalDurations", "blockDurations"] },
    );

    test("are read as they are written, whatever they ask for", () => {
        fc.assert(
            fc.property(scopes, (scope) => {
                expect(unwrap(parseScope(formatScope(scope as never)))).toEqual(scope);
            }),
        );
    });

    test("text that is no scope is refused with a code, and never throws", () => {
        const words = fc.constantFrom(
            "FB=",
            "4_5",
            ";",
            "=",
            "IntervalDuration=",
            "900",
            "_",
            "-1",
        );
        fc.assert(
            fc.property(
                fc.array(words).map((parts) => parts.join("")),
                (text) => {
                    const scope = parseScope(text);
                    if (scope.ok) expect(parseScope(formatScope(scope.value))).toEqual(scope);
                    else expect(scope.error.code).toBe("MS_USAGE");
                },
            ),
        );
        for (const text of [
            "",
            "IntervalDuration=900",
            "FB=4_5;FB=4",
            "FB=4_5;Colour=red",
            "FB=4.5",
            "FB=100",
            "FB=4;IntervalDuration=900s",
            "FB=4;BR=a b",
            `FB=${"4_".repeat(600)}4`,
        ]) {
            expect(codeOf(parseScope(text)), text).toBe("MS_USAGE");
        }
    });

    test("as utilities write them: any case, scope=, a last semicolon", () => {
        const scope = unwrap(
            parseScope("scope=FB=1_3_4_5;IntervalDuration=Monthly_3600_900;BlockDuration=Daily;"),
        );
        expect(formatScope(scope)).toBe(
            "FB=1_3_4_5;IntervalDuration=monthly_3600_900;BlockDuration=daily",
        );
    });

    test("the standard's example: quarter-hours, thirteen months back, to the end of this slot", () => {
        const text = "FB=4_5_15;IntervalDuration=900;BlockDuration=monthly;HistoryLength=13";
        const scope = unwrap(parseScope(text));
        expect(formatScope(scope)).toBe(text);
        const [ask, ...more] = unwrap(asksOfScope(scope, ladder, now));
        expect(more).toEqual([]);
        expect(ask).toMatchObject({ window: "slot", groups: [0], toUnix: now + 900 });
        const months = (now - (ask?.fromUnix ?? 0)) / (30.4375 * 86_400);
        expect(months).toBeCloseTo(13, 1);
    });

    test("whole windows: a day's grant begins and ends with days, a month's with months", () => {
        const daily = unwrap(
            parseScope("FB=4_5;IntervalDuration=86400;BlockDuration=daily;HistoryLength=30"),
        );
        expect(unwrap(asksOfScope(daily, ladder, now))).toEqual([
            { window: "day", groups: [0], fromUnix: at("2026-02-13"), toUnix: at("2026-03-16") },
        ]);
        const monthly = unwrap(
            parseScope("FB=4_5_8;IntervalDuration=Monthly;HistoryLength=63113904"),
        );
        expect(unwrap(asksOfScope(monthly, ladder, now))).toEqual([
            {
                window: "month",
                groups: [0, 1],
                fromUnix: at("2024-03-01"),
                toUnix: at("2026-04-01"),
            },
        ]);
    });

    test("windows that others add up to are granted once", () => {
        const asks = (text: string) => {
            const scope = unwrap(parseScope(`FB=4_5;IntervalDuration=${text};HistoryLength=2`));
            return unwrap(asksOfScope(scope, ladder, now)).map(({ window }) => window);
        };
        expect(asks("monthly_3600_900")).toEqual(["slot"]);
        expect(asks("3600_daily_weekly_monthly")).toEqual(["hour"]);
        expect(asks("weekly_monthly")).toEqual(["week", "month"]);
    });

    test("each ask can be planned, and asked for with a scope that means the same", () => {
        const periods = fc.constantFrom(
            "900",
            "1800",
            "3600",
            "86400",
            "daily",
            "weekly",
            "monthly",
        );
        const history = fc.oneof(fc.nat(24), fc.integer({ min: 86_400, max: 3 * 366 * 86_400 }));
        const blocks = fc.constantFrom("4_5", "4_5_8");
        fc.assert(
            fc.property(periods, history, blocks, (interval, length, fb) => {
                const scope = unwrap(
                    parseScope(
                        `FB=${fb};IntervalDuration=${interval};BlockDuration=monthly;HistoryLength=${length}`,
                    ),
                );
                for (const ask of unwrap(asksOfScope(scope, ladder, now))) {
                    const plan = planGrant(ladder, ask);
                    if (!plan.ok) expect(plan.error.code).toBe("MS_TOO_LARGE");
                    const again = unwrap(parseScope(formatScope(scopeOfAsk(ask, 900))));
                    expect(again.historyLength).toBe(ask.toUnix - ask.fromUnix);
                    const [same] = unwrap(asksOfScope({ ...again, historyLength: 0 }, ladder, now));
                    expect(same).toMatchObject({ window: ask.window, groups: ask.groups });
                }
            }),
            { numRuns: 60 },
        );
    });

    test.each([
        ["FB=4_10;IntervalDuration=900", "MS_STREAM_RULE"],
        ["FB=4_5;IntervalDuration=300", "MS_STREAM_RULE"],
        ["FB=4_5;IntervalDuration=seasonal", "MS_STREAM_RULE"],
        ["FB=4_5_15", "MS_USAGE"],
    ])("%s asks for what this stream does not have", (text, code) => {
        expect(codeOf(asksOfScope(unwrap(parseScope(text)), ladder, now))).toBe(code);
    });
});
