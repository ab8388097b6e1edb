import { createLadder, formatInstant, LIMITS, parseInstant, unwrap } from "@meterseal/core";
import { GRANT_KIND, type PolicyTerms } from "@meterseal/seal";
import { testBytes } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import { dueLeases, firstLease, type Lease, planGrant, startOfPeriod } from "../src/index.ts";

const ZONE = "Europe/Berlin";
const at = (text: string, zone: string = ZONE): number => unwrap(parseInstant(text, zone));

function policyOf(changes: Partial<PolicyTerms> = {}): PolicyTerms {
    const id = testBytes("id", 16);
    return {
        ...{ network: testBytes("network", 32), policyId: id, household: id, subject: id },
        ...{ streamId: id, recipient: id, groups: [0], kind: GRANT_KIND.K, window: "day" },
        ...{ fromUnix: at("2026-01-01"), issuedUnix: 0, zone: ZONE, slotSeconds: 900 },
        leasePeriod: "month",
        ...changes,
    };
}

const ladderOf = (policy: PolicyTerms) => unwrap(createLadder(policy.zone, policy.slotSeconds));
const none = (): boolean => false;

/** Runs a wallet through a stretch of time, looking every so many seconds; its leases and when. */
function live(policy: PolicyTerms, fromUnix: number, toUnix: number, stepSeconds: number) {
    const ladder = ladderOf(policy);
    const issued = new Map<number, Lease & { readonly atUnix: number }>();
    for (let now = fromUnix; now < toUnix; now += stepSeconds) {
        const found = unwrap(dueLeases(policy, ladder, (from) => issued.has(from), now));
        for (const lease of found.due) {
            expect(issued.has(lease.ask.fromUnix)).toBe(false);
            issued.set(lease.ask.fromUnix, { ...lease, atUnix: now });
        }
    }
    return [...issued.values()];
}

describe("leases", () => {
    const zones = ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"];
    /** Period, from when to when, hours between two looks of the wallet, leases at least. */
    const stretches = [
        ["day", "2026-03-02", "2026-05-02", 4, 60],
        ["week", "2026-01-05", "2027-01-05", 24, 52],
        ["month", "2026-01-01", "2027-01-05", 24, 12],
    ] as const;
    const cases = zones.flatMap((zone) => stretches.map((stretch) => [zone, ...stretch] as const));

    it.each(cases)(
        "in %s, by the %s: end to end, each before the one before ends",
        (zone, leasePeriod, from, to, stepHours, least) => {
            const fromUnix = at(from, zone);
            const policy = policyOf({ zone, leasePeriod, fromUnix });
            const leases = live(policy, fromUnix, at(to, zone), stepHours * 3600);
            expect(leases.length).toBeGreaterThanOrEqual(least);
            leases.forEach(({ ask, atUnix, leaseEndUnix }, i) => {
                const before = leases[i - 1];
                expect(unwrap(planGrant(ladderOf(policy), ask)).kind).toBe(GRANT_KIND.K);
                expect(leaseEndUnix).toBeGreaterThan(ask.toUnix);
                if (before === undefined) return;
                expect(ask.fromUnix).toBe(before.ask.toUnix);
                expect(atUnix).toBeLessThan(before.ask.toUnix);
                expect(ask.fromUnix - atUnix).toBeLessThanOrEqual(7 * 86_400);
                expect(before.leaseEndUnix).toBe(ask.toUnix);
            });
        },
    );

    it("of months are civil: 31, 28, 31 days less the hour of the clock change", () => {
        const leases = live(policyOf(), at("2026-01-01"), at("2026-03-25"), 86_400);
        const days = leases.map(({ ask }) => (ask.toUnix - ask.fromUnix) / 3600);
        expect(days.slice(0, 3)).toEqual([31 * 24, 28 * 24, 31 * 24 - 1]);
        const [, , march] = leases;
        expect(formatInstant(march?.ask.toUnix ?? 0, ZONE)).toMatch(/^2026-04-01T00:00:00/);
    });

    it("begin with the policy, and wait for it: the next one is told", () => {
        const policy = policyOf();
        const early = unwrap(dueLeases(policy, ladderOf(policy), none, at("2025-11-01")));
        expect(early.due).toEqual([]);
        expect(early.nextUnix).toBe(at("2026-01-01") - 7 * 86_400);
        const due = unwrap(dueLeases(policy, ladderOf(policy), none, early.nextUnix as number));
        expect(due.due).toHaveLength(1);
    });

    it("end with the policy, the last one cut to it", () => {
        const policy = policyOf({ toUnix: at("2026-03-15") });
        const found = unwrap(dueLeases(policy, ladderOf(policy), none, at("2026-06-01")));
        expect(found.due.map(({ ask }) => ask.toUnix)).toEqual(
            ["2026-02-01", "2026-03-01", "2026-03-15"].map((text) => at(text)),
        );
        expect(found.nextUnix).toBeNull();
    });

    it("that a wallet missed come at once, so many in a round, none left out", () => {
        const policy = policyOf({ leasePeriod: "day" });
        const issued = new Set<number>();
        const rounds: number[] = [];
        const now = at("2026-07-01");
        for (;;) {
            const has = (from: number): boolean => issued.has(from);
            const found = unwrap(dueLeases(policy, ladderOf(policy), has, now));
            for (const { ask } of found.due) issued.add(ask.fromUnix);
            rounds.push(found.due.length);
            if ((found.nextUnix ?? 0) > now) break;
        }
        expect(rounds).toEqual([
            LIMITS.leasesAtOnce,
            LIMITS.leasesAtOnce,
            182 - 2 * LIMITS.leasesAtOnce,
        ]);
    });
});

describe("a policy", () => {
    it("begins with a period of its zone and ends with a window", () => {
        const fits = policyOf({ toUnix: at("2026-03-15") });
        expect(unwrap(firstLease(fits, ladderOf(fits))).ask.toUnix).toBe(at("2026-02-01"));
        for (const misfit of [
            policyOf({ fromUnix: at("2026-01-02") }),
            policyOf({ fromUnix: at("2026-01-01T01:00") }),
            policyOf({ toUnix: at("2026-03-15T12:00") }),
            policyOf({ window: "week", kind: GRANT_KIND.E }),
            policyOf({ window: "month", leasePeriod: "week", fromUnix: at("2026-01-05") }),
        ]) {
            expect(firstLease(misfit, ladderOf(misfit))).toMatchObject({
                error: { code: "MS_USAGE" },
            });
        }
    });

    it("may begin with the period that an instant lies in", () => {
        const policy = policyOf();
        const starts = (["day", "week", "month", "year"] as const).map((period) =>
            formatInstant(
                startOfPeriod(ladderOf(policy), period, at("2026-10-28T13:14")) * 900 + 946_684_800,
                ZONE,
            ).slice(0, 10),
        );
        expect(starts).toEqual(["2026-10-28", "2026-10-26", "2026-10-01", "2026-01-01"]);
        const first = startOfPeriod(ladderOf(policy), "month", at("2026-10-01"));
        expect(first * 900 + 946_684_800).toBe(at("2026-10-01"));
    });
});
