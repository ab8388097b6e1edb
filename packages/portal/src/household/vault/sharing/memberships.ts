import { bytesEqual, type Ladder, toHex, unixOfSlot, unwrap } from "@meterseal/core";
import { NOTICE_KIND, PARTY_ROLE, parseNotice, verifySign1 } from "@meterseal/record";
import { type Cohort, cohortBoundaries, cohortHash, memberOf, parseCohort } from "@meterseal/seal";
import type { IssuedCohort } from "@meterseal/wallet";
import { fetchParty, fetchProven } from "../../../api/ledger.ts";
import type { MembershipView } from "../sharing-messages.ts";
import { type Caller, fetchCohortRows, type Listed } from "./server.ts";

/** A group on the ledger that names this household. */
export type Membership = { readonly hash: string; readonly cohort: Cohort };

/** Groups that are looked at, the newest first. */
const COHORTS_MAX = 60;
/** What was found out about a notice; it does not change. */
const seen = new Map<string, Membership | null>();

/**
 * The newest groups of the ledger that name this household, each as its monitor signed it.
 * @throws ApiError; MetersealError where what the server says of a group does not hold.
 */
export async function fetchMemberships(caller: Caller): Promise<Listed<Membership>> {
    const { isCut, rows } = await fetchCohortRows();
    const found: Membership[] = [];
    for (const { hash } of rows.slice(-COHORTS_MAX)) {
        let membership = seen.get(hash);
        if (membership === undefined) {
            membership = await fetchMembership(caller, hash);
            seen.set(hash, membership);
        }
        if (membership !== null) found.push(membership);
    }
    return { rows: found, isCut };
}

async function fetchMembership(caller: Caller, hashHex: string): Promise<Membership | null> {
    const { bytes } = await fetchProven(caller, hashHex);
    const notice = unwrap(parseNotice(bytes));
    if (notice.kind !== NOTICE_KIND.cohort || toHex(notice.message.hash) !== hashHex) return null;
    const cohort = parseCohort(notice.cohort);
    if (!cohort.ok || memberOf(cohort.value.members, caller.party) === -1) return null;
    const monitor = await fetchParty(caller, toHex(notice.party), toHex(notice.message.kid));
    const isSigned =
        monitor.role === PARTY_ROLE.monitor &&
        bytesEqual(cohort.value.monitor, notice.party) &&
        verifySign1(notice.message, monitor.key);
    return isSigned ? { hash: toHex(cohortHash(notice.cohort)), cohort: cohort.value } : null;
}

/** The household's part in a group, as a journal has it. @throws MetersealError MS_COHORT for another zone. */
export function cohortOf({ cohort, hash }: Membership, ladder: Ladder): IssuedCohort {
    const { groups, level, members, month } = cohort;
    const { slots } = unwrap(cohortBoundaries(cohort, ladder));
    const [fromSlot = 0, toSlot = 0] = [slots[0], slots.at(-1)];
    const ids = members.map(({ party }) => toHex(party));
    const streams = members.map(({ stream }) => toHex(stream));
    return { hash, month, level, groups, members: ids, streams, fromSlot, toSlot };
}

/** A group as the page shows it. */
export function membershipView(
    membership: Membership,
    part: MembershipView["part"],
    ladder: Ladder,
): MembershipView {
    const { fromSlot, level, toSlot } = cohortOf(membership, ladder);
    const { feeder, members, monitor } = membership.cohort;
    return {
        hashHex: membership.hash,
        feeder,
        monitorHex: toHex(monitor),
        members: members.length,
        level,
        fromUnix: unixOfSlot(fromSlot, ladder.slotSeconds),
        toUnix: unixOfSlot(toSlot, ladder.slotSeconds),
        part,
    };
}
