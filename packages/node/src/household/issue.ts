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
import { findingsHash, findingWords, type Grant, type Known } from "@meterseal/seal";
import {
    createGrant,
    type GrantPlan,
    type IssuedGrant,
    type Judgement,
    judgeIssue,
    type KeyFile,
    knownOfTerms,
    type Policy,
    type StreamEpoch,
    type WeightedPlan,
} from "@meterseal/wallet";

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
 * Makes the grants that are planned. All of them or none: nothing is written down or sent here.
 * @param override - issues them in spite of what they would make derivable, and says so on the ledger.
 * @throws MetersealError MS_DERIVABLE with what would become known; errors of createGrant.
 */
export async function prepareGrants(
    context: IssueContext,
    plans: readonly (GrantPlan | WeightedPlan)[],
    override: boolean,
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
        ready.push(await judged(context, { grant, issued, known, override }));
    }
    return ready;
}

/** A signed grant before it was judged. */
type MadeGrant = {
    readonly grant: Grant;
    readonly known: Known;
    /** Everything that was issued before it. */
    readonly issued: readonly IssuedGrant[];
    readonly override: boolean;
};

async function judged(
    context: IssueContext,
    { grant, issued, known, override }: MadeGrant,
): Promise<ReadyGrant> {
    const { household, ladder, nowUnix, policy, recipient } = context;
    const proposal = {
        household: toHex(household.id),
        recipient: toHex(recipient.id),
        stream: toHex(grant.streamId),
        released: { kind: "own", holding: { groups: grant.groups, known } } as const,
    };
    const judgements = judgeIssue(issued, policy, proposal, ladder);
    if (judgements.length > 0 && !override) throw derivable(context, judgements);
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
            ...(judgements.length === 0 ? {} : { override: toHex(findings) }),
            messages: [...messages, grant.message.bytes].map(toBase64),
        },
    };
}

function derivable({ key, recipient }: IssueContext, judgements: readonly Judgement[]) {
    const name = recipient.name || toHex(recipient.id);
    const sentences = judgements.flatMap(({ findings, who }) => {
        const reader = who.length === 1 ? name : `${name} with those it may talk to`;
        return findings.map((finding) => findingWords(finding, reader, key.zone));
    });
    const advice =
        "Grant something else, or repeat with --override: the ledger then says that you knew.";
    return error("MS_DERIVABLE", { todo: [...sentences, advice].join(" ") });
}
