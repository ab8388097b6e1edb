import {
    error,
    type Ladder,
    type Random,
    type Signer,
    toBase64,
    toHex,
    unwrap,
} from "@meterseal/core";
import { createNotice, NOTICE_KIND, type Party } from "@meterseal/record";
import { findingsHash, type Grant, type Known } from "@meterseal/seal";
import type { KeyFile } from "../key-file.ts";
import type { EpochChange, IssuedGrant } from "../policy/journal.ts";
import { type Judgement, judgeIssue, type Proposal } from "../policy/judge-issue.ts";
import type { Policy } from "../policy/policy.ts";
import { createGrant } from "./create-grant.ts";
import { changesOf, type StreamEpoch } from "./epochs.ts";
import { knownOfTerms } from "./known.ts";
import type { GrantPlan } from "./plan.ts";
import type { WeightedPlan } from "./weighted.ts";

/** What issuing needs to know of the household, its network and the recipient. */
export type IssueContext = {
    readonly key: KeyFile;
    readonly household: { readonly id: Uint8Array; readonly signer: Signer };
    readonly recipient: Party;
    /** Key ids and ids of those who store the records. */
    readonly stores: readonly Uint8Array[];
    readonly epochs: readonly StreamEpoch[];
    readonly ladder: Ladder;
    /** Everything that was issued before. */
    readonly issued: readonly IssuedGrant[];
    /** Grants that the ledger names and nobody shows: nobody can tell what follows from them. */
    readonly unseen?: number;
    readonly policy: Policy;
    /** The network's time: that of the replay in a demo. */
    readonly nowUnix: number;
    readonly leaseEndUnix?: number;
    /** Standing policy that the grants are leases of. */
    readonly policyId?: Uint8Array;
    readonly hpkeSuite?: number;
    readonly random: Random;
};

/** A grant that is signed, judged and ready to be written down and sent. */
export type ReadyGrant = {
    readonly grant: Grant;
    /** Line for the journal; its messages are in the order in which they go to the server. */
    readonly issued: IssuedGrant;
    /** What the household overrode; empty where all is well. */
    readonly judgements: readonly Judgement[];
};

/**
 * Makes the grants that are planned, each judged against everything that was issued before. Nothing is
 * written down or sent here. A grant with judgements is for a household that was told them and insists:
 * it carries the notice that says so.
 * @throws MetersealError errors of createGrant.
 */
export async function prepareGrants(
    context: IssueContext,
    plans: readonly (GrantPlan | WeightedPlan)[],
): Promise<ReadyGrant[]> {
    const ready: ReadyGrant[] = [];
    for (const plan of plans) {
        const { epochs, household, key, nowUnix, random, recipient, stores } = context;
        const { hpkeSuite, leaseEndUnix, policyId } = context;
        const grant = unwrap(
            await createGrant({
                key,
                household,
                recipient,
                stores,
                plan,
                epochs,
                issuedUnix: nowUnix,
                random,
                ...(leaseEndUnix === undefined ? {} : { leaseEndUnix }),
                ...(policyId === undefined ? {} : { policyId }),
                ...(hpkeSuite === undefined ? {} : { hpkeSuite }),
            }),
        );
        const issued = [...context.issued, ...ready.map((before) => before.issued)];
        const known = "known" in plan ? plan.known : unwrap(knownOfTerms(grant, context.ladder));
        if (known === null) throw error("MS_INTERNAL", { where: "what a grant makes known" });
        const changes = "changes" in plan ? plan.changes : changesOf(epochs, grant.spans);
        ready.push(await judged(context, { grant, issued, known, changes }));
    }
    return ready;
}

/** A signed grant before it was judged. */
type MadeGrant = {
    readonly grant: Grant;
    readonly known: Known;
    readonly changes: readonly EpochChange[];
    /** Everything that was issued before it. */
    readonly issued: readonly IssuedGrant[];
};

async function judged(
    context: IssueContext,
    { changes, grant, issued, known }: MadeGrant,
): Promise<ReadyGrant> {
    const { household, nowUnix, recipient } = context;
    const proposal: Proposal = {
        household: toHex(household.id),
        recipient: toHex(recipient.id),
        stream: toHex(grant.streamId),
        released: { kind: "own", holding: { groups: grant.groups, known } },
        changes,
    };
    const judgements = judgeAll(context, grant, issued, proposal);
    const { hash } = grant.message;
    const said = { network: grant.network, party: household.id, timeUnix: nowUnix };
    const messages = [
        await createNotice(household.signer, { ...said, kind: NOTICE_KIND.grant, hash }),
    ];
    const findings = findingsHash(judgements.flatMap((judgement) => judgement.findings));
    if (judgements.length > 0) {
        const overridden = { ...said, kind: NOTICE_KIND.override, hash, findings };
        messages.unshift(await createNotice(household.signer, overridden));
    }
    return {
        grant,
        judgements,
        issued: {
            hash: toHex(hash),
            recipient: proposal.recipient,
            stream: proposal.stream,
            issuedUnix: nowUnix,
            released: proposal.released,
            changes,
            ...(judgements.length === 0 ? {} : { override: toHex(findings) }),
            messages: [...messages, grant.message.bytes].map(toBase64),
        },
    };
}

function judgeAll(
    { epochs, ladder, policy, unseen = 0 }: IssueContext,
    { fromUnix, groups, toUnix }: Grant,
    issued: readonly IssuedGrant[],
    proposal: Proposal,
): Judgement[] {
    const judgements = judgeIssue(issued, policy, proposal, ladder, epochs);
    if (unseen === 0) return judgements;
    const [group = 0] = groups;
    const undecided = { code: "undecided", group, fromUnix, toUnix, count: unseen } as const;
    return [...judgements, { who: [proposal.recipient], findings: [undecided] }];
}
