import {
    createLadder,
    error,
    fail,
    HPKE_SUITE,
    type MetersealError,
    ok,
    type Result,
    recipientKeyId,
    type Signer,
    toHex,
    unixOfSlot,
} from "@meterseal/core";
import {
    type CohortBoundaries,
    type CohortMember,
    cohortBoundaries,
    cohortHash,
    cohortTokens,
    encodeTokenBody,
    GRANT_KIND,
    type Grant,
    type GrantTerms,
    ownerKeys,
    pairSecrets,
    parseGrant,
    sealGrant,
    type Window,
} from "@meterseal/seal";
import type { KeyFile } from "../key-file.ts";
import { admitCohort } from "../policy/admit-cohort.ts";
import type { IssuedCohort, IssuedGrant } from "../policy/journal.ts";
import { judgeIssue } from "../policy/judge-issue.ts";
import type { Policy } from "../policy/policy.ts";
import { type CheckedCohort, checkCohort, type PartyOf } from "./check-cohort.ts";

/** A household that answers a cohort. */
export type CohortHousehold = {
    readonly key: KeyFile;
    /** Party id, 16 bytes. */
    readonly party: Uint8Array;
    /** Signs grants. */
    readonly signer: Signer;
    /** X25519, 32 bytes: private half of the party's recipient key of suite 1. */
    readonly privateKey: Uint8Array;
    readonly issued: readonly IssuedGrant[];
    readonly policy: Policy;
};

/** What a household needs from outside to answer. */
export type CohortContext = {
    readonly partyOf: PartyOf;
    /** Random, 16 bytes. */
    readonly grantId: Uint8Array;
    readonly nowUnix: number;
};

/** Tokens as a sealed grant, and what the journal says of it; nothing has left yet. */
export type CohortGrant = { readonly grant: Grant; readonly cohort: IssuedCohort };

/**
 * Makes a household's tokens for a cohort, sealed to its monitor: a C grant (privacy 3.7, formats 9).
 * Refuses whatever would show the household in a smaller crowd than the cohort says. **The caller
 * writes the grant down before it leaves.**
 * @param body - content of the monitor's notice on the ledger.
 * @returns MS_COHORT with what is wrong with the cohort; MS_TOKEN_REPEATED; MS_EXPIRED for a month
 * that is over; MS_DERIVABLE where somebody would see through; MS_KEY_FOREIGN for a cohort without
 * this household.
 */
export async function makeCohortGrant(
    body: Uint8Array,
    household: CohortHousehold,
    context: CohortContext,
): Promise<Result<CohortGrant>> {
    const { key, party } = household;
    const checked = checkCohort(body, party, key, context.partyOf);
    if (!checked.ok) return checked;
    const ladder = createLadder(key.zone, key.stream.slotSeconds);
    if (!ladder.ok) return ladder;
    const { value: answered } = checked;
    const boundaries = cohortBoundaries(answered.cohort, ladder.value);
    if (!boundaries.ok) return boundaries;
    const cohort = partOf(answered, boundaries.value, cohortHash(body));
    if (unixOfSlot(cohort.toSlot, key.stream.slotSeconds) <= context.nowUnix) {
        return fail(error("MS_EXPIRED", { where: "cohort", got: "a month that is over" }));
    }
    const stream = toHex(key.stream.streamId);
    const admitted = admitCohort(household.issued, stream, cohort);
    if (!admitted.ok) return admitted;
    const proposal = {
        household: toHex(party),
        recipient: toHex(answered.monitor.id),
        stream,
        released: { kind: "cohort", cohort },
    } as const;
    const { issued, policy } = household;
    // A crowd is one whatever device counts: the seal epochs say nothing of it.
    const [judged] = judgeIssue(issued, policy, proposal, ladder.value, []);
    if (judged !== undefined) return fail(seenThrough(judged.findings.map(({ code }) => code)));
    const grant = await sealTokens(
        answered,
        boundaries.value,
        household,
        context,
        cohortHash(body),
    );
    return grant.ok ? ok({ grant: grant.value, cohort }) : grant;
}

function seenThrough(codes: readonly string[]): MetersealError {
    const isHolder = codes.includes("monitor-grant");
    const got = isHolder
        ? "a monitor that holds other grants of this household"
        : "too small a crowd";
    return error("MS_DERIVABLE", { where: "cohort", got });
}

function partOf(
    { cohort }: CheckedCohort,
    { slots }: CohortBoundaries,
    hash: Uint8Array,
): IssuedCohort {
    return {
        hash: toHex(hash),
        month: cohort.month,
        level: cohort.level,
        groups: cohort.groups,
        members: cohort.members.map(({ party }) => toHex(party)),
        streams: cohort.members.map((member) => toHex(member.stream)),
        fromSlot: slots[0] as number,
        toSlot: slots.at(-1) as number,
    };
}

async function sealTokens(
    checked: CheckedCohort,
    boundaries: CohortBoundaries,
    household: CohortHousehold,
    context: CohortContext,
    hash: Uint8Array,
): Promise<Result<Grant>> {
    const { cohort, monitorKey, own } = checked;
    const { key, signer } = household;
    const { sealEpoch } = cohort.members[own] as CohortMember;
    const secrets = pairSecrets(cohort, hash, own, household.privateKey);
    if (!secrets.ok) return secrets;
    const keys = ownerKeys(key.master as Uint8Array, { ...key.stream, sealEpoch });
    if (!keys.ok) return keys;
    const tokens = cohortTokens(cohort, boundaries, keys.value, own, secrets.value);
    if (!tokens.ok) return tokens;
    const windows = windowsOf(boundaries, cohort.slotSeconds);
    const terms = termsOf(checked, household, context, hash, windows);
    const table = { windows, tokens: tokens.value.map((group) => group.tokens), bridges: [] };
    const body = encodeTokenBody(table, cohort.slotSeconds);
    const sealed = await sealGrant(signer, terms, monitorKey, body);
    return sealed.ok ? parseGrant(sealed.value) : sealed;
}

/** Windows of a cohort, end to end. */
function windowsOf({ slots }: CohortBoundaries, slotSeconds: number): Window[] {
    return slots.slice(1).map((slot, i) => ({
        fromUnix: unixOfSlot(slots[i] as number, slotSeconds),
        toUnix: unixOfSlot(slot, slotSeconds),
    }));
}

function termsOf(
    { cohort, monitor, monitorKey, own }: CheckedCohort,
    { key, party }: CohortHousehold,
    { grantId, nowUnix }: CohortContext,
    hash: Uint8Array,
    windows: readonly Window[],
): GrantTerms {
    const { sealEpoch } = cohort.members[own] as CohortMember;
    const fromUnix = windows[0]?.fromUnix as number;
    const toUnix = windows.at(-1)?.toUnix as number;
    return {
        network: key.network,
        grantId,
        household: party,
        subject: key.meter,
        streamId: key.stream.streamId,
        spans: [{ sealEpoch, fromUnix, toUnix }],
        groups: cohort.groups,
        kind: GRANT_KIND.C,
        fromUnix,
        toUnix,
        recipient: monitor.id,
        recipientKeyId: recipientKeyId(monitorKey),
        issuedUnix: nowUnix,
        cohortHash: hash,
        zone: key.zone,
        slotSeconds: cohort.slotSeconds,
        scale: cohort.scale,
        hpkeSuite: HPKE_SUITE.x25519,
        sealSuite: key.stream.suite,
        streamGroups: key.stream.groups.map(({ group }) => group),
    };
}
