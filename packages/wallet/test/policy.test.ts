import {
    createLadder,
    type Level,
    LIMITS,
    parseInstant,
    slotOfUnix,
    unwrap,
} from "@meterseal/core";
import { durationWords, type EpochBegin, findingsHash, findingWords } from "@meterseal/seal";
import { describe, expect, test } from "vitest";
import {
    formatIssued,
    formatPosted,
    type IssuedGrant,
    judgeIssue,
    NO_POLICY,
    parseJournal,
    parsePolicy,
    type Released,
    unposted,
} from "../src/index.ts";

const ZONE = "Europe/London";
const ladder = unwrap(createLadder(ZONE, 900));
const [HOME, ACME, VOLT, WATCH] = ["0", "a", "b", "c"].map((digit) => digit.repeat(32)) as [
    string,
    string,
    string,
    string,
];
const STREAM = "5".repeat(32);

function at(date: string): number {
    return slotOfUnix(unwrap(parseInstant(date, ZONE)), 900);
}

function keys(level: Level, from: string, to: string, sealEpoch = 0, group = 0): Released {
    const known = {
        kind: "keys",
        level,
        spans: [{ sealEpoch, fromSlot: at(from), toSlot: at(to) }],
    } as const;
    return { kind: "own", holding: { groups: [group], known } };
}

function windows(...edges: [string, string][]): Released {
    const known = {
        kind: "differences",
        windows: edges.map(([from, to]) => ({ fromSlot: at(from), toSlot: at(to) })),
    } as const;
    return { kind: "own", holding: { groups: [0], known } };
}

function cohort(members: readonly string[]): Released {
    const epoch = { month: 156, level: 0, groups: [0], fromSlot: at("2013-01-01") };
    return {
        kind: "cohort",
        cohort: { hash: "d".repeat(64), members, toSlot: at("2013-02-01"), ...epoch },
    };
}

let number = 0;
function issued(released: Released, recipient = ACME): IssuedGrant {
    number++;
    const hash = number.toString(16).padStart(64, "0");
    return { hash, recipient, stream: STREAM, issuedUnix: 1, released, messages: ["AA=="] };
}

function codes(
    held: IssuedGrant[],
    released: Released,
    recipient = ACME,
    policy = NO_POLICY,
    epochs: readonly EpochBegin[] = [],
) {
    const proposal = { household: HOME, recipient, stream: STREAM, released };
    return judgeIssue(held, policy, proposal, ladder, epochs).map(({ who, findings }) => [
        who.length,
        findings.map(({ code }) => code).join(),
    ]);
}

function policyOf(fields: object) {
    return unwrap(parsePolicy(JSON.stringify({ format: "meterseal-policy/v1", ...fields })));
}

describe("a grant is judged", () => {
    const january = issued(keys(1, "2013-01-01", "2013-02-01"));
    const march = keys(1, "2013-03-01", "2013-04-01");

    test("against everything that its recipient got before, and nothing else", () => {
        expect(codes([january], march)).toEqual([[1, "gap"]]);
        expect(codes([january], march, VOLT)).toEqual([]);
        expect(codes([{ ...january, stream: "6".repeat(32) }], march)).toEqual([]);
    });

    test("together with the others of a coalition, said once", () => {
        const policy = policyOf({
            coalitions: [
                [ACME, VOLT],
                [VOLT, WATCH],
            ],
        });
        expect(codes([january], march, VOLT, policy)).toEqual([[2, "gap"]]);
        expect(codes([january], march, WATCH, policy)).toEqual([]);
        expect(codes([january], march, ACME, policy)).toEqual([[1, "gap"]]);
    });

    test("by the minimum of its recipient, and by the finest of a coalition", () => {
        const policy = policyOf({ minimum: "day", recipients: { [VOLT]: "slot" } });
        expect(codes([], keys(1, "2013-01-01", "2013-02-01"), ACME, policy)).toEqual([
            [1, "short"],
        ]);
        expect(codes([], keys(2, "2013-01-01", "2013-02-01"), ACME, policy)).toEqual([]);
        expect(codes([], keys(0, "2013-01-01", "2013-02-01"), VOLT, policy)).toEqual([]);
    });

    test("for a cohort: eight households, without those who talk, and no grant beside it", () => {
        const homes = Array.from({ length: 9 }, (_, i) => i.toString(16).repeat(32)).slice(0, 9);
        expect(codes([], cohort(homes.slice(0, 8)), WATCH)).toEqual([]);
        expect(codes([], cohort(homes.slice(0, 7)), WATCH)).toEqual([[1, "crowd"]]);
        const talks = policyOf({ coalitions: [[WATCH, homes[3]]] });
        expect(codes([], cohort(homes.slice(0, 8)), WATCH, talks)).toEqual([[2, "crowd"]]);
        const nested = issued(cohort(homes), WATCH);
        expect(codes([nested], cohort(homes.slice(0, 8)), WATCH)).toEqual([]);
        const without = homes.slice(1);
        expect(codes([issued(cohort(without), WATCH)], cohort(homes), WATCH)).toEqual([
            [1, "crowd"],
        ]);
        const watched = issued(keys(3, "2013-01-01", "2013-02-01"), WATCH);
        expect(codes([watched], cohort(homes), WATCH)).toEqual([[1, "monitor-grant"]]);
        expect(codes([nested], keys(3, "2013-01-01", "2013-02-01"), WATCH)).toEqual([
            [1, "monitor-grant"],
        ]);
    });

    test("without what keys of a device that was taken down seem to open", () => {
        const policy = policyOf({ minimum: "day" });
        const exchange = unwrap(parseInstant("2013-06-10T10:07", ZONE));
        const epochs = [
            { sealEpoch: 0, fromUnix: Number.NEGATIVE_INFINITY },
            { sealEpoch: 1, fromUnix: exchange },
        ];
        const year = issued(keys(0, "2013-01-01", "2014-01-01"));
        const slots = keys(0, "2013-07-01", "2013-08-01", 1);
        expect(codes([], slots, ACME, policy, epochs)).toEqual([[1, "short"]]);
        expect(codes([year], slots, ACME, policy, epochs)).toEqual([[1, "short"]]);
        const days = issued(keys(2, "2013-07-01", "2013-08-01", 1));
        const untilQuarterPast = windows(["2013-07-03", "2013-07-20T10:15"]);
        expect(codes([days], untilQuarterPast, ACME, NO_POLICY, epochs)).toEqual([
            [1, "refinement"],
        ]);
        expect(codes([year, days], untilQuarterPast, ACME, NO_POLICY, epochs)).toEqual([
            [1, "refinement"],
        ]);
        // A window that was granted before the exchange and ends behind it has no key of the new device.
        const before = issued(untilQuarterPast);
        expect(codes([before, days], untilQuarterPast, ACME, NO_POLICY, epochs)).toEqual([
            [1, "refinement"],
        ]);
        const since = { ...before, issuedUnix: exchange };
        expect(codes([since, days], untilQuarterPast, ACME, NO_POLICY, epochs)).toEqual([]);
    });

    test("not by what a grant may open that nobody shows: with it the answer is open", () => {
        const policy = policyOf({ coalitions: [[ACME, VOLT]] });
        const days = issued(keys(2, "2013-07-01", "2013-08-01"), VOLT);
        const guess = { ...issued(keys(0, "2013-07-01", "2013-08-01"), VOLT), isGuess: true };
        const untilQuarterPast = windows(["2013-07-03", "2013-07-20T10:15"]);
        expect(codes([days], untilQuarterPast, ACME, policy)).toEqual([[2, "refinement"]]);
        expect(codes([days, guess], untilQuarterPast, ACME, policy)).toEqual([
            [2, "refinement,undecided"],
        ]);
        expect(codes([guess], untilQuarterPast, VOLT)).toEqual([[1, "undecided"]]);
        const exported = keys(0, "2013-07-01", "2013-08-01", 0, 1);
        expect(codes([guess], exported, VOLT)).toEqual([]);
    });

    test("into sentences for the household, and a hash for the ledger", () => {
        const proposal = { household: HOME, recipient: ACME, stream: STREAM, released: march };
        const findings = judgeIssue([january], NO_POLICY, proposal, ladder, [])[0]?.findings ?? [];
        expect(findings.map((finding) => findingWords(finding, "Acme", ZONE))[0]).toContain(
            durationWords(28 * 86_400),
        );
        expect(findingsHash(findings)).toHaveLength(32);
    });
});

describe("a policy file", () => {
    test.each([
        ["no JSON", "{"],
        ["another format", JSON.stringify({ format: "x" })],
        ["an unknown field", JSON.stringify({ format: "meterseal-policy/v1", minimun: "day" })],
        ["a window that is none", JSON.stringify({ format: "meterseal-policy/v1", minimum: "d" })],
        [
            "a coalition of one",
            JSON.stringify({ format: "meterseal-policy/v1", coalitions: [[ACME, ACME]] }),
        ],
        ["cohorts that are no word", '{"format":"meterseal-policy/v1","cohorts":"some"}'],
        [
            "a recipient that is no party",
            JSON.stringify({ format: "meterseal-policy/v1", recipients: { acme: "day" } }),
        ],
    ])("with %s is refused", (_, content) => {
        const parsed = parsePolicy(content);
        expect(parsed.ok ? "ok" : parsed.error.code).toBe("MS_CONFIG");
    });
});

test("a household answers cohorts unless it says that it takes no part", () => {
    expect(policyOf({}).answersCohorts).toBe(true);
    expect(policyOf({ cohorts: "all" }).answersCohorts).toBe(true);
    expect(policyOf({ cohorts: "none" }).answersCohorts).toBe(false);
});

describe("a journal", () => {
    const grants = [
        issued(keys(1, "2013-01-01", "2013-02-01")),
        issued(cohort([HOME, ACME])),
        {
            ...issued({
                kind: "own",
                holding: {
                    groups: [0, 1],
                    known: { kind: "sums", rows: [[{ fromSlot: 1, toSlot: 9 }], []] },
                },
            }),
            override: "e".repeat(64),
        },
        issued({
            kind: "own",
            holding: {
                groups: [0],
                known: { kind: "boundaries", epochs: [{ sealEpoch: 1, slots: [1, 2] }] },
            },
        }),
        issued({
            kind: "own",
            holding: {
                groups: [0],
                known: { kind: "differences", windows: [{ fromSlot: 1, toSlot: 2 }] },
            },
        }),
    ];
    const [first] = grants as [IssuedGrant];
    const whole = grants.map((grant) => unwrap(formatIssued(grant))).join("");

    test("reads back what was written, and knows what the server has", () => {
        const journal = unwrap(parseJournal(whole + unwrap(formatPosted(first.hash))));
        expect(journal.grants).toEqual(grants);
        expect(unposted(journal)).toEqual(grants.slice(1));
    });

    test("cut anywhere in its last line holds the lines before, and says where to go on", () => {
        const line = unwrap(formatIssued(first));
        for (let cut = 0; cut < line.length; cut += 13) {
            const journal = unwrap(parseJournal(whole + line.slice(0, cut)));
            expect(journal.grants).toEqual(grants);
            expect(journal.bytes).toBe(whole.length);
        }
        expect(unwrap(parseJournal(whole + line)).grants).toHaveLength(grants.length + 1);
    });

    test("damaged before its last line is refused with the line, and nothing of its content", () => {
        const damages: [RegExp, string][] = [
            [/"issuedUnix":1/, '"issuedUnix":-1'],
            [/"kind":"keys"/, '"kind":"kevs"'],
            [/"level":1/, '"level":4'],
            [/"recipient":"a/, '"recipient":"A'],
            [/v1/, "v2"],
        ];
        for (const [what, by] of damages) {
            const parsed = parseJournal(whole.replace(what, by));
            expect(parsed.ok ? "ok" : parsed.error.message).toContain("MS_JOURNAL");
            expect(parsed.ok ? "ok" : parsed.error.message).toContain("line 1");
        }
    });

    test("takes lines up to its limit", () => {
        const spare = LIMITS.journalLineBytes - unwrap(formatIssued(first)).length;
        const long = (more: number): IssuedGrant => ({
            ...first,
            messages: ["AA==".padEnd(4 + spare + more, "A")],
        });
        expect(unwrap(formatIssued(long(0)))).toHaveLength(LIMITS.journalLineBytes);
        const refused = formatIssued(long(1));
        expect(refused.ok ? "ok" : refused.error.code).toBe("MS_TOO_LARGE");
    });
});
