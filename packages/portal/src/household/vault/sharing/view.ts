import { type Ladder, toHex } from "@meterseal/core";
import { PARTY_ROLE } from "@meterseal/record";
import { type EpochBegin, findingWords } from "@meterseal/seal";
import {
    type IssuedGrant,
    judgeIssue,
    NO_POLICY,
    type OwnChecked,
    type Policy,
} from "@meterseal/wallet";
import { formatMoment } from "../../../format.ts";
import { type Opening, recipientName } from "../../../sharing/words.ts";
import type { GrantState, GrantView, RecipientView } from "../sharing-messages.ts";
import { openingOf } from "./opening.ts";
import type { Recipient } from "./recipients.ts";
import type { BoxRow } from "./server.ts";

/** A grant of this household that was verified, and what the ledger says of it. */
export type OwnGrant = OwnChecked & { readonly row: BoxRow };

const KIND_NAMES: Readonly<Record<Opening["kind"], string>> = {
    K: "K: keys of all boundaries of a level",
    D: "D: one number for each sum",
    W: "W: one number for a weighted sum",
    C: "C: one masked number for each sum",
    E: "E: keys of listed boundaries",
};

/** A grant as the page shows it. */
function viewOfGrant(own: OwnGrant, nowUnix: number): GrantView {
    const { grant, notice, revocation, row } = own;
    const opening = openingOf(grant);
    return {
        hashHex: toHex(grant.message.hash),
        opening,
        tariffHex: grant.tariffHash === undefined ? null : toHex(grant.tariffHash),
        state: stateOf(own, nowUnix),
        issuedUnix: grant.issuedUnix,
        leaseEndUnix: grant.leaseEndUnix ?? null,
        revokedUnix: revocation?.notice.timeUnix ?? null,
        reads: row.reads,
        lastReadUnix: row.lastReadUnix,
        refusals: row.refusals ?? 0,
        details: {
            grantIdHex: toHex(grant.grantId),
            kind: KIND_NAMES[opening.kind],
            suite: grant.hpkeSuite === 1 ? "X25519 (HPKE)" : "X25519 and ML-KEM-768 (HPKE)",
            recipientKeyHex: toHex(grant.recipientKeyId),
            sealEpochs: grant.spans.map(({ sealEpoch }) => sealEpoch),
            bytes: grant.message.bytes.length,
            notice:
                notice === null
                    ? null
                    : { leafIndex: notice.leafIndex, timeUnix: notice.notice.timeUnix },
        },
    };
}

function stateOf({ grant, notice, revocation }: OwnGrant, nowUnix: number): GrantState {
    if (revocation !== null) return "revoked";
    if (notice === null) return "waiting";
    const { leaseEndUnix } = grant;
    return leaseEndUnix !== undefined && leaseEndUnix <= nowUnix ? "expired" : "active";
}

/** Whether the recipient of a grant may read with it, or will once it is announced. */
export function isInForce(own: OwnGrant, nowUnix: number): boolean {
    const state = stateOf(own, nowUnix);
    return state === "active" || state === "waiting";
}

/** What follows from some grants together and none of them says, in sentences. */
function derivedWords(
    issued: readonly IssuedGrant[],
    policy: Policy,
    nameOf: (who: readonly string[]) => string,
    { epochs, household, ladder, zone }: Household,
): readonly string[] {
    const sentences = issued.flatMap((grant, i) => {
        const proposal = { ...grant, household };
        return judgeIssue(issued.slice(0, i), policy, proposal, ladder, epochs).flatMap(
            ({ who, findings }) =>
                findings.map((finding) =>
                    localWords(findingWords(finding, nameOf(who), zone), zone),
                ),
        );
    });
    return [...new Set(sentences)];
}

/** Whose grants are judged, and in what time. */
export type Household = {
    /** Party id in hex. */
    readonly household: string;
    readonly ladder: Ladder;
    /** Seal epochs of the stream. */
    readonly epochs: readonly EpochBegin[];
    readonly zone: string;
};

/** A sentence with its instants as people write them. */
export function localWords(sentence: string, zone: string): string {
    return sentence.replace(/\d{4}-\d\d-\d\dT[\d:]+(?:Z|[+-]\d\d:\d\d)/g, (instant) =>
        formatMoment(Date.parse(instant) / 1000, zone),
    );
}

/**
 * What follows if all recipients put together what they have. Sums of a neighbourhood add nothing to
 * what others have of this home, nor the other way; whoever has both is warned of for that alone.
 */
export function togetherWords(
    issued: readonly IssuedGrant[],
    recipients: readonly Recipient[],
    household: Household,
): readonly string[] {
    return (["own", "cohort"] as const).flatMap((kind) => {
        const same = issued.filter(({ released }) => released.kind === kind);
        const holders = [...new Set(same.map(({ recipient }) => recipient))];
        const policy = { ...NO_POLICY, coalitions: holders.length > 1 ? [holders] : [] };
        return derivedWords(same, policy, (who) => nameOf(who, recipients), household);
    });
}

const ROLE_NAMES = new Map<number, NonNullable<RecipientView["role"]>>([
    [PARTY_ROLE.household, "household"],
    [PARTY_ROLE.provider, "provider"],
    [PARTY_ROLE.monitor, "monitor"],
]);

/** A recipient, what it was given, and what follows from all of it. */
export function recipientView(
    recipient: Recipient,
    grants: readonly OwnGrant[],
    issued: readonly IssuedGrant[],
    nowUnix: number,
    household: Household,
): RecipientView {
    const { idHex, party } = recipient;
    const own = issued.filter((grant) => grant.recipient === idHex);
    return {
        idHex,
        name: party?.name ?? "",
        role: party === null ? null : (ROLE_NAMES.get(party.role) ?? null),
        hasKey: party !== null && party.recipients.length > 0,
        grants: grants
            .filter(({ grant }) => toHex(grant.recipient) === idHex)
            .map((each) => viewOfGrant(each, nowUnix)),
        derived: derivedWords(own, NO_POLICY, (who) => nameOf(who, [recipient]), household),
    };
}

/** What recipients are called in a sentence. */
export function nameOf(who: readonly string[], recipients: readonly Recipient[]): string {
    const names = who.map((idHex) => {
        const party = recipients.find((each) => each.idHex === idHex)?.party;
        return recipientName({ idHex, name: party?.name ?? "" });
    });
    const last = names.pop() ?? "";
    return names.length === 0 ? last : `${names.join(", ")} and ${last} together`;
}
