import {
    error,
    fail,
    type Ladder,
    LIMITS,
    ok,
    type Result,
    slotOfUnix,
    unixOfSlot,
    windowEdges,
} from "@meterseal/core";
import type { PolicyTerms } from "@meterseal/seal";
import { type GrantAsk, planGrant } from "../grant/plan.ts";

/** A lease of a standing policy: what is granted, and until when its recipient may read it. */
export type Lease = {
    readonly ask: GrantAsk;
    /** One period behind its range: the sums of a month are read when it is over. */
    readonly leaseEndUnix: number;
};

/** The leases that are to be issued now, in order, and when the next one is; null for never. */
export type DueLeases = { readonly due: readonly Lease[]; readonly nextUnix: number | null };

/** A lease is issued so long before it begins, at most … */
const LEAD_MAX_SECONDS = 7 * 86_400;
/** … and at most this part of the period before. */
const LEAD_PART = 4;
/** More days than any period has. */
const YEAR_DAYS = 367;

/**
 * The leases of a policy that are due: one for each period, the next one before the present one ends.
 * @param has - whether the lease that begins at an instant was issued already.
 * @param nowUnix - by the wallet's clock; a period that begins later than its lead time is not due.
 * @returns at most {@link LIMITS.leasesAtOnce}; `nextUnix` is then not after now. MS_USAGE or
 * MS_STREAM_RULE for a policy that does not fit the ladder.
 */
export function dueLeases(
    policy: PolicyTerms,
    ladder: Ladder,
    has: (fromUnix: number) => boolean,
    nowUnix: number,
): Result<DueLeases> {
    const due: Lease[] = [];
    for (let fromUnix = policy.fromUnix; ; ) {
        if (policy.toUnix !== undefined && fromUnix >= policy.toUnix) break;
        const lease = leaseFrom(policy, ladder, fromUnix);
        if (!lease.ok) return lease;
        const { toUnix } = lease.value.ask;
        const dueUnix = fromUnix - leadSeconds(fromUnix, toUnix);
        if (!has(fromUnix)) {
            if (dueUnix > nowUnix) return ok({ due, nextUnix: dueUnix });
            if (due.length === LIMITS.leasesAtOnce) return ok({ due, nextUnix: dueUnix });
            due.push(lease.value);
        }
        fromUnix = toUnix;
    }
    return ok({ due, nextUnix: null });
}

/**
 * Whether leases can be made by a policy: it begins with a period and ends with a window.
 * @returns its first lease; MS_USAGE, MS_STREAM_RULE.
 */
export function firstLease(policy: PolicyTerms, ladder: Ladder): Result<Lease> {
    const { fromUnix, leasePeriod, toUnix } = policy;
    const first = slotOfUnix(fromUnix, ladder.slotSeconds);
    if (startOfPeriod(ladder, leasePeriod, fromUnix) !== first) {
        const expected = `the first instant of a ${leasePeriod} in ${ladder.zone}`;
        return fail(error("MS_USAGE", { where: "from", expected }));
    }
    const lease = leaseFrom(policy, ladder, fromUnix);
    if (!lease.ok) return lease;
    const ends = toUnix === undefined ? [] : [{ ...lease.value.ask, toUnix }];
    for (const ask of [lease.value.ask, ...ends]) {
        const plan = planGrant(ladder, ask);
        if (!plan.ok) return plan;
    }
    return lease;
}

/** First slot of the period that an instant lies in. */
export function startOfPeriod(
    ladder: Ladder,
    period: PolicyTerms["leasePeriod"],
    unix: number,
): number {
    const slot = slotOfUnix(unix, ladder.slotSeconds);
    const back = Math.max(0, slot - Math.ceil((YEAR_DAYS * 86_400) / ladder.slotSeconds));
    const edges = windowEdges(ladder, period, back, slot + 1, 2 * YEAR_DAYS);
    return edges.ok ? (edges.value.edges.at(-2) ?? slot) : slot;
}

function leaseFrom(policy: PolicyTerms, ladder: Ladder, fromUnix: number): Result<Lease> {
    const end = nextEdge(policy, ladder, fromUnix);
    if (!end.ok) return end;
    const leaseEnd = nextEdge(policy, ladder, end.value);
    if (!leaseEnd.ok) return leaseEnd;
    const { groups, kind, window } = policy;
    const toUnix = Math.min(end.value, policy.toUnix ?? Number.POSITIVE_INFINITY);
    return ok({ ask: { window, kind, groups, fromUnix, toUnix }, leaseEndUnix: leaseEnd.value });
}

/** The next first instant of a period. */
function nextEdge({ leasePeriod }: PolicyTerms, ladder: Ladder, unix: number): Result<number> {
    const slot = slotOfUnix(unix, ladder.slotSeconds);
    const edges = windowEdges(ladder, leasePeriod, slot, ladder.endSlot - 1, 1);
    if (!edges.ok) return edges;
    return ok(unixOfSlot(edges.value.edges[1] as number, ladder.slotSeconds));
}

function leadSeconds(fromUnix: number, toUnix: number): number {
    return Math.min(LEAD_MAX_SECONDS, Math.floor((toUnix - fromUnix) / LEAD_PART));
}
