import { bytesEqual, error, fail, ok, type Result, toHex } from "@meterseal/core";
import { PARTY_ROLE, type Party, RECIPIENT_SUITE } from "@meterseal/record";
import { type Cohort, type CohortMember, memberOf, parseCohort } from "@meterseal/seal";
import type { KeyFile } from "../key-file.ts";

/** A cohort that a household may answer. */
export type CheckedCohort = {
    readonly cohort: Cohort;
    /** Place of the household among the members. */
    readonly own: number;
    readonly monitor: Party;
    /** X25519 key of the monitor, 32 bytes. */
    readonly monitorKey: Uint8Array;
};

/** Party of an id in hex, as the ledger has it; null where it has none. */
export type PartyOf = (id: string) => Party | null;

/**
 * Holds a cohort against what a household and the ledger know: its monitor is one and no supplier,
 * every member is a household of the ledger with this stream and this key, so that a crowd of eight
 * is eight and not one monitor under eight names.
 * @param party - id of the household, 16 bytes.
 * @returns MS_KEY_FOREIGN where the household is no member, MS_COHORT for anything else wrong.
 */
export function checkCohort(
    body: Uint8Array,
    party: Uint8Array,
    key: KeyFile,
    partyOf: PartyOf,
): Result<CheckedCohort> {
    const parsed = parseCohort(body);
    if (!parsed.ok) return parsed;
    const cohort = parsed.value;
    const own = memberOf(cohort.members, party);
    if (own === -1) {
        return fail(error("MS_KEY_FOREIGN", { got: "a cohort without this household" }));
    }
    const monitor = partyOf(toHex(cohort.monitor));
    const monitorKey = monitor === null ? null : exchangeKeyOf(monitor);
    if (monitor?.role !== PARTY_ROLE.monitor || monitorKey === null) {
        return refuse("a monitor of the ledger, with an X25519 key");
    }
    const misfit = findMisfit(cohort, cohort.members[own] as CohortMember, key);
    if (misfit !== null) return refuse(misfit);
    for (const member of cohort.members) {
        const known = partyOf(toHex(member.party));
        const isHousehold =
            known?.role === PARTY_ROLE.household &&
            known.streams.some((stream) => bytesEqual(stream, member.stream)) &&
            bytesEqual(exchangeKeyOf(known) ?? new Uint8Array(), member.key);
        if (isHousehold) continue;
        const name = toHex(member.party).slice(0, 8);
        return refuse("households of the ledger with these streams and keys", `member ${name}`);
    }
    return ok({ cohort, own, monitor, monitorKey });
}

/** The X25519 key of a party, 32 bytes; null where it has none. */
export function exchangeKeyOf(party: Party): Uint8Array | null {
    const key = party.recipients.find(({ suite }) => suite === RECIPIENT_SUITE.x25519);
    return key?.bytes ?? null;
}

function refuse(expected: string, got?: string): Result<never> {
    return fail(error("MS_COHORT", { expected, ...(got === undefined ? {} : { got }) }));
}

/** In what a cohort does not fit the household's own stream; null where it does. */
function findMisfit(cohort: Cohort, member: CohortMember, key: KeyFile): string | null {
    const { stream } = key;
    if (!bytesEqual(cohort.network, key.network)) return "a cohort of this network";
    if (!bytesEqual(member.stream, stream.streamId)) return "the household's stream";
    if (member.sealEpoch < stream.sealEpoch) return "the stream's present seal epoch";
    if (key.master === null) return "a sealed stream";
    if (cohort.zone !== key.zone) return `the zone ${key.zone}`;
    if (cohort.slotSeconds !== stream.slotSeconds) return `slots of ${stream.slotSeconds} s`;
    if (cohort.scale !== key.scale) return `scale ${key.scale}`;
    if (key.medium !== undefined) return "electricity, which a feeder carries";
    const isOwn = (group: number): boolean => stream.groups.some((known) => known.group === group);
    return cohort.groups.every(isOwn) ? null : "groups of the stream";
}
