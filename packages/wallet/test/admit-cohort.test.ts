import { describe, expect, test } from "vitest";
import {
    admitCohort,
    formatIssued,
    type IssuedCohort,
    type IssuedGrant,
    parseJournal,
} from "../src/index.ts";

const STREAM = "5".repeat(32);
const STREAMS = Array.from({ length: 9 }, (_, i) => `${i}a`.repeat(16));
const MEMBERS = Array.from({ length: 9 }, (_, i) => i.toString(16).repeat(32));

function cohortOf(changes: Partial<IssuedCohort> = {}): IssuedCohort {
    return {
        hash: "d".repeat(64),
        month: 156,
        level: 0,
        groups: [0, 1],
        members: MEMBERS,
        streams: STREAMS,
        fromSlot: 1_000,
        toSlot: 3_976,
        ...changes,
    };
}

function grantOf(cohort: IssuedCohort): IssuedGrant {
    return {
        hash: "1".repeat(64),
        recipient: "c".repeat(32),
        stream: STREAM,
        issuedUnix: 1,
        released: { kind: "cohort", cohort },
        messages: [],
    };
}

describe("tokens for a cohort (invariant 11)", () => {
    const made = cohortOf();

    test.each<[string, Partial<IssuedCohort>, string]>([
        ["for the same windows", {}, "MS_TOKEN_REPEATED"],
        ["for another cohort at one level", { hash: "e".repeat(64) }, "MS_TOKEN_REPEATED"],
        ["for other members at one level", { members: MEMBERS.slice(1) }, "MS_TOKEN_REPEATED"],
        ["for one group of both", { groups: [1] }, "MS_TOKEN_REPEATED"],
        ["for one window of the month", { fromSlot: 3_975 }, "MS_TOKEN_REPEATED"],
        [
            "for other members at another level",
            { level: 1, members: MEMBERS.slice(1), streams: STREAMS.slice(1) },
            "MS_COHORT",
        ],
        [
            "for the same members at another level, one with its second stream",
            { level: 1, streams: ["bb".repeat(16), ...STREAMS.slice(1)] },
            "MS_COHORT",
        ],
        ["for the same members at another level", { level: 1 }, "ok"],
        ["for another group", { groups: [2] }, "ok"],
        ["for the next month", { month: 157, fromSlot: 3_976, toSlot: 6_664 }, "ok"],
        ["for the month before", { month: 155, fromSlot: 0, toSlot: 1_000 }, "ok"],
    ])("a second time %s: %s %s", (_, change, code) => {
        const result = admitCohort([grantOf(made)], STREAM, cohortOf(change));
        expect(result.ok ? "ok" : result.error.code).toBe(code);
    });

    test("beside a cohort of which the journal did not keep the streams are refused", () => {
        const { streams: _, ...old } = made;
        const line = formatIssued(grantOf(old));
        const journal = parseJournal(line.ok ? line.value : "");
        const issued = journal.ok ? journal.value.grants : [];
        expect(issued).toHaveLength(1);
        const result = admitCohort(issued, STREAM, cohortOf({ level: 1 }));
        expect(result.ok ? "ok" : result.error.code).toBe("MS_COHORT");
    });

    test("of another stream are that stream's", () => {
        expect(admitCohort([grantOf(made)], "6".repeat(32), made).ok).toBe(true);
    });

    test("are refused a second time also by a wallet that was started again", () => {
        const line = formatIssued(grantOf(made));
        const journal = parseJournal(line.ok ? line.value : "");
        const issued = journal.ok ? journal.value.grants : [];
        const again = admitCohort(issued, STREAM, made);
        expect(again.ok ? "ok" : again.error.code).toBe("MS_TOKEN_REPEATED");
        expect(admitCohort(issued, STREAM, cohortOf({ level: 1 })).ok).toBe(true);
    });
});
