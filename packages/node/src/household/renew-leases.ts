import {
    bytesEqual,
    createLadder,
    type Ladder,
    MetersealError,
    type Random,
    toHex,
    unwrap,
} from "@meterseal/core";
import type { StandingPolicy } from "@meterseal/seal";
import {
    dueLeases,
    isAway,
    type KeyFile,
    type Lease,
    planGrant,
    type ReadyGrant,
} from "@meterseal/wallet";
import { evidencePath } from "../http-client.ts";
import type { FindParty } from "../party/known-parties.ts";
import type { OwnParty } from "../party/party.ts";
import type { ServerApi } from "../party/server-api.ts";
import { prepareOrRefuse } from "./issue.ts";
import { type IssuedBefore, issuedBefore, withNewLines } from "./issued-before.ts";
import { type HouseholdJournal, readPolicy } from "./journal-file.ts";
import type { OwnGrant } from "./own-grants.ts";
import { issue } from "./post-issued.ts";
import { findRecipient } from "./recipient.ts";
import { type StreamSource, sourceOfEvidence } from "./stream-source.ts";
import { ownSubscriptions, type Subscription } from "./subscriptions.ts";

/** A household whose wallet grants by itself. */
export type LeasingHousehold = {
    /** Its directory. */
    readonly home: string;
    readonly key: KeyFile;
    readonly own: OwnParty;
    readonly api: ServerApi;
    readonly partyOf: FindParty;
    readonly random: Random;
};

/** What came of one policy in one round. */
export type Renewal = {
    readonly subscription: Subscription;
    /** Leases that were issued, on disk, on the ledger and in the box. */
    readonly issued: readonly ReadyGrant[];
    /** Why the next lease was not; null where nothing was in its way. */
    readonly refusal: MetersealError | null;
    /** When the next lease is due; null for never. */
    readonly nextUnix: number | null;
};

/**
 * Issues the leases that are due, of every policy that is not revoked on the ledger. Each is on disk
 * before it is sent, and what is on disk or in the box is never issued again. A policy that cannot be
 * served does not keep the others waiting.
 * @param nowUnix - by the wallet's own clock: a server that says another time gets no lease sooner.
 */
export async function renewLeases(
    household: LeasingHousehold,
    journal: HouseholdJournal,
    nowUnix: number,
): Promise<Renewal[]> {
    const { api, home, own } = household;
    const renewals: Renewal[] = [];
    const before = await issuedBefore(journal.read(), { own, api }, ladderOf(household));
    let read: StreamSource | null = null;
    const source = async (): Promise<StreamSource> => {
        read ??= await readSource(household);
        return read;
    };
    for (const subscription of await ownSubscriptions(home, own.party, api)) {
        const begins = leaseBegins(before.grants, subscription.policy);
        const round = { nowUnix, source, begins, before, journal };
        renewals.push(await renewOne(household, subscription, round));
    }
    return renewals;
}

/** Ladder of the stream that is granted. */
export function ladderOf({ key }: Pick<LeasingHousehold, "key">): Ladder {
    return unwrap(createLadder(key.zone, key.stream.slotSeconds));
}

/** What one round knows of one policy. */
type Round = {
    readonly nowUnix: number;
    /** When the leases begin that were issued before. */
    readonly begins: ReadonlySet<number>;
    readonly journal: HouseholdJournal;
    /** What was issued before the round. */
    readonly before: IssuedBefore;
    readonly source: () => Promise<StreamSource>;
};

async function renewOne(
    household: LeasingHousehold,
    subscription: Subscription,
    { before, begins, journal, nowUnix, source }: Round,
): Promise<Renewal> {
    const { policy } = subscription;
    const { key } = household;
    const issued: ReadyGrant[] = [];
    const ended = { subscription, issued, refusal: null, nextUnix: null };
    const isOther = !bytesEqual(policy.streamId, key.stream.streamId);
    if (subscription.isRevoked || isOther) return ended;
    try {
        const ladder = unwrap(createLadder(policy.zone, policy.slotSeconds));
        const leases = unwrap(dueLeases(policy, ladder, (from) => begins.has(from), nowUnix));
        for (const lease of leases.due) {
            // Also a lease of this round that is on disk and did not arrive.
            const known = withNewLines(before, journal.read());
            const tools = { ladder, nowUnix, source: await source(), before: known };
            const [ready] = await prepareLease(household, policy, lease, tools);
            if (ready === undefined) continue;
            await issue(household.api, journal, ready.issued);
            issued.push(ready);
        }
        return { subscription, issued, refusal: null, nextUnix: leases.nextUnix };
    } catch (cause) {
        // A server that is away or busy is nobody's refusal: the whole round is tried again.
        if (!(cause instanceof MetersealError) || isAway(cause)) throw cause;
        return { ...ended, refusal: cause, nextUnix: null };
    }
}

/** What a lease is made with. */
type LeaseTools = {
    readonly ladder: Ladder;
    readonly nowUnix: number;
    readonly source: StreamSource;
    readonly before: Pick<IssuedBefore, "faults" | "issued">;
};

/** Signs and judges a lease; nothing is written down or sent. */
export async function prepareLease(
    { home, key, own, partyOf, api, random }: LeasingHousehold,
    policy: StandingPolicy,
    { ask, leaseEndUnix }: Lease,
    { before, ladder, nowUnix, source }: LeaseTools,
): Promise<ReadyGrant[]> {
    const to = toHex(policy.recipient);
    return await prepareOrRefuse(
        {
            key,
            household: { id: own.party.id, signer: own.signer },
            recipient: await findRecipient(to, key.network, { api, partyOf }),
            ...{ stores: source.stores, epochs: source.epochs, ladder, nowUnix, random },
            policy: readPolicy(home),
            leaseEndUnix: leaseEndUnix > nowUnix ? leaseEndUnix : nowUnix + LATE_READ_SECONDS,
            policyId: policy.policyId,
        },
        before,
        [unwrap(planGrant(ladder, ask))],
        false,
    );
}

/** A lease that is issued after its end, for the past, may still be read for so long. */
const LATE_READ_SECONDS = 31 * 86_400;

/** What the household's stream is, from records that all hold. */
export async function readSource({ api, key }: LeasingHousehold): Promise<StreamSource> {
    return sourceOfEvidence(await api.bytes(evidencePath(key.meter)), key);
}

/** When the leases of a policy begin that were issued, here or on another device. */
function leaseBegins(
    grants: readonly OwnGrant[],
    { policyId }: StandingPolicy,
): ReadonlySet<number> {
    const own = grants.filter(
        ({ grant }) => grant.policyId !== undefined && bytesEqual(grant.policyId, policyId),
    );
    return new Set(own.map(({ grant }) => grant.fromUnix));
}
