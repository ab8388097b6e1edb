import { type Ladder, unixOfSlot } from "@meterseal/core";
import { CROWD_MIN, type Finding, judgeGrant, type Stretch, smallestCrowd } from "@meterseal/seal";
import { changeFindings } from "./changes.ts";
import type { EpochChange, IssuedCohort, IssuedGrant, Released } from "./journal.ts";
import { minimumFor, type Policy } from "./policy.ts";

/** A grant before it is made. */
export type Proposal = {
    /** Party ids in hex. */
    readonly household: string;
    readonly recipient: string;
    /** Stream id in hex. */
    readonly stream: string;
    readonly released: Released;
    /** Changes of the seal epoch that it counts over; none unless given. */
    readonly changes?: readonly EpochChange[];
};

/** What one recipient, or several that are counted together, would get to know. */
export type Judgement = {
    /** Party ids in hex; the proposal's recipient first. */
    readonly who: readonly string[];
    readonly findings: readonly Finding[];
};

/**
 * Judges a grant against everything that was issued before to its recipient and to each coalition
 * of the policy that it is in: what becomes derivable that no grant says. Nothing where all is well.
 * @param ladder - of the stream's zone and slot length.
 */
export function judgeIssue(
    issued: readonly IssuedGrant[],
    policy: Policy,
    proposal: Proposal,
    ladder: Ladder,
): Judgement[] {
    const { recipient } = proposal;
    const coalitions = policy.coalitions
        .filter((members) => members.includes(recipient))
        .map((members) => [recipient, ...members.filter((member) => member !== recipient)]);
    const seen = new Set<string>();
    const judgements: Judgement[] = [];
    for (const who of [[recipient], ...coalitions]) {
        const findings = judgeFor(who, issued, policy, proposal, ladder).filter((finding) => {
            const name = JSON.stringify(finding);
            if (seen.has(name)) return false;
            seen.add(name);
            return true;
        });
        if (findings.length > 0) judgements.push({ who, findings });
    }
    return judgements;
}

function judgeFor(
    who: readonly string[],
    issued: readonly IssuedGrant[],
    policy: Policy,
    proposal: Proposal,
    ladder: Ladder,
): Finding[] {
    const { household, released } = proposal;
    const grants = issued.filter(
        ({ recipient, stream }) => stream === proposal.stream && who.includes(recipient),
    );
    const held = grants.map((grant) => grant.released);
    const findings = monitorFindings(held, released, ladder);
    if (released.kind === "cohort") {
        const cohorts = [...held, released].flatMap((item) =>
            item.kind === "cohort" ? item.cohort : [],
        );
        return [...findings, ...crowdFindings(cohorts, released.cohort, household, who, ladder)];
    }
    const holdings = held.flatMap((item) => (item.kind === "own" ? item.holding : []));
    const minimumSeconds = Math.min(...who.map((member) => minimumFor(policy, member)));
    return [
        ...findings,
        ...judgeGrant(holdings, released.holding, ladder, { minimumSeconds }),
        ...changeFindings(grants, proposal, ladder),
    ];
}

/** Who adds up a neighbourhood holds nothing of a household alone. */
function monitorFindings(held: readonly Released[], added: Released, ladder: Ladder): Finding[] {
    if (!held.some(({ kind }) => kind !== added.kind)) return [];
    const cohort = [added, ...held].flatMap((item) => (item.kind === "cohort" ? item.cohort : []));
    return [finding("monitor-grant", cohort[0] as IssuedCohort, 1, ladder)];
}

function crowdFindings(
    cohorts: readonly IssuedCohort[],
    added: IssuedCohort,
    household: string,
    who: readonly string[],
    ladder: Ladder,
): Finding[] {
    const crowd = smallestCrowd(cohorts, household, new Set(who));
    return crowd < CROWD_MIN ? [finding("crowd", added, crowd, ladder)] : [];
}

function finding(
    code: "crowd" | "monitor-grant",
    cohort: IssuedCohort & Stretch,
    count: number,
    { slotSeconds }: Ladder,
): Finding {
    return {
        code,
        group: cohort.groups[0] ?? 0,
        fromUnix: unixOfSlot(cohort.fromSlot, slotSeconds),
        toUnix: unixOfSlot(cohort.toSlot, slotSeconds),
        count,
    };
}
