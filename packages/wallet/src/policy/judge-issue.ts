import { type Ladder, unixOfSlot } from "@meterseal/core";
import {
    CROWD_MIN,
    type EpochBegin,
    type Finding,
    type Holding,
    hullOf,
    judgeGrant,
    knownWithin,
    type Stretch,
    smallestCrowd,
} from "@meterseal/seal";
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
 * A grant of which it is only guessed what it opens is not counted as known: then the answer is open.
 * @param ladder - of the stream's zone and slot length.
 * @param epochs - seal epochs of the stream that its records show: keys open nothing behind their own.
 */
export function judgeIssue(
    issued: readonly IssuedGrant[],
    policy: Policy,
    proposal: Proposal,
    ladder: Ladder,
    epochs: readonly EpochBegin[],
): Judgement[] {
    const { recipient } = proposal;
    const coalitions = policy.coalitions
        .filter((members) => members.includes(recipient))
        .map((members) => [recipient, ...members.filter((member) => member !== recipient)]);
    const seen = new Set<string>();
    const judgements: Judgement[] = [];
    for (const who of [[recipient], ...coalitions]) {
        const findings = judgeFor(who, issued, policy, proposal, { epochs, ladder }).filter(
            (finding) => {
                const name = JSON.stringify(finding);
                if (seen.has(name)) return false;
                seen.add(name);
                return true;
            },
        );
        if (findings.length > 0) judgements.push({ who, findings });
    }
    return judgements;
}

function judgeFor(
    who: readonly string[],
    issued: readonly IssuedGrant[],
    policy: Policy,
    proposal: Proposal,
    time: StreamTime,
): Finding[] {
    const { household, released } = proposal;
    const { ladder } = time;
    const held = issued.filter(
        ({ recipient, stream }) => stream === proposal.stream && who.includes(recipient),
    );
    const parts = held.map((grant) => grant.released);
    const findings = monitorFindings(parts, released, ladder);
    if (released.kind === "cohort") {
        const cohorts = [...parts, released].flatMap((item) =>
            item.kind === "cohort" ? item.cohort : [],
        );
        return [...findings, ...crowdFindings(cohorts, released.cohort, household, who, ladder)];
    }
    const known = held.filter(({ isGuess }) => isGuess !== true);
    const holdings = known.flatMap(({ issuedUnix, released: own }) =>
        own.kind === "own" ? holdingWithin(own.holding, time, issuedUnix) : [],
    );
    const candidate = holdingWithin(released.holding, time, Number.POSITIVE_INFINITY);
    const minimumSeconds = Math.min(...who.map((member) => minimumFor(policy, member)));
    return [
        ...findings,
        ...judgeGrant(holdings, candidate, ladder, { minimumSeconds }),
        ...guessFindings(held, candidate, ladder),
        ...changeFindings(known, proposal, ladder),
    ];
}

/** The slots of a stream, and the devices that it had. */
type StreamTime = { readonly ladder: Ladder; readonly epochs: readonly EpochBegin[] };

function holdingWithin(
    { groups, known }: Holding,
    { epochs, ladder: { slotSeconds } }: StreamTime,
    madeUnix: number,
): Holding {
    return { groups, known: knownWithin(known, epochs, slotSeconds, madeUnix) };
}

/**
 * What follows together with a grant of which nobody shows what it opens is open, for each of its
 * registers. That somebody has tokens of a cohort is known, and said otherwise.
 */
function guessFindings(
    held: readonly IssuedGrant[],
    { groups, known }: Holding,
    { slotSeconds }: Ladder,
): Finding[] {
    const hull = hullOf(known);
    if (hull === null) return [];
    const [fromUnix, toUnix] = [hull.fromSlot, hull.toSlot].map((slot) =>
        unixOfSlot(slot, slotSeconds),
    ) as [number, number];
    return groups.flatMap((group) => {
        const count = held.filter(
            ({ isGuess, released }) =>
                isGuess === true &&
                released.kind === "own" &&
                released.holding.groups.includes(group),
        ).length;
        return count === 0 ? [] : [{ code: "undecided", group, fromUnix, toUnix, count } as const];
    });
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
