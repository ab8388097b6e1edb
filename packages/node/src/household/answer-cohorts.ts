import {
    createLadder,
    error,
    type MetersealError,
    type Random,
    toBase64,
    toHex,
    unwrap,
} from "@meterseal/core";
import { createNotice, NOTICE_KIND, type Party, parseNotice } from "@meterseal/record";
import { memberOf, parseCohort } from "@meterseal/seal";
import { type IssuedGrant, makeCohortGrant } from "@meterseal/wallet";
import { issuedBefore } from "./issued-before.ts";
import { type HouseholdJournal, readPolicy } from "./journal-file.ts";
import type { OwnWallet } from "./own-wallet.ts";
import { issue } from "./post-issued.ts";

/** What came of one cohort. */
export type CohortAnswer = {
    /** Hash of the cohort, hex. */
    readonly cohort: string;
    readonly feeder: string;
    readonly month: number;
    /** How many households it has. */
    readonly members: number;
    /** Hash of the grant, hex; null where none was made, with the reason. */
    readonly grant: string | null;
    readonly refusal: MetersealError | null;
};

/**
 * Answers every cohort on the ledger that names this household and that it has no tokens for yet.
 * A cohort that it must not answer is refused and said; the others are answered all the same. Nothing
 * where the household's policy says that it takes no part, and every cohort refused where nobody can
 * tell what was issued before: it may be tokens of the same time.
 * @param nowUnix - time of the network.
 */
export async function answerCohorts(
    { api, household, own, partyOf }: OwnWallet,
    journal: HouseholdJournal,
    { nowUnix, random }: { readonly nowUnix: number; readonly random: Random },
): Promise<CohortAnswer[]> {
    const policy = readPolicy(household.dir);
    if (!policy.answersCohorts) return [];
    const { stream, zone } = household.key;
    const ladder = unwrap(createLadder(zone, stream.slotSeconds));
    const before = await issuedBefore(journal.read(), { own, api }, ladder);
    const issued = [...before.issued];
    const answers: CohortAnswer[] = [];
    for (const { hash, topic } of await api.notices(NOTICE_KIND.cohort)) {
        const isMade = issued.some(
            ({ released }) => released.kind === "cohort" && released.cohort.hash === topic,
        );
        if (isMade) continue;
        const notice = unwrap(parseNotice(await api.notice(hash)));
        if (notice.kind !== NOTICE_KIND.cohort) continue;
        const cohort = parseCohort(notice.cohort);
        if (!cohort.ok || memberOf(cohort.value.members, household.party) === -1) continue;
        const { feeder, members, monitor, month } = cohort.value;
        const answer = { cohort: topic, feeder, month, members: members.length };
        if (before.faults.length > 0) {
            answers.push({ ...answer, grant: null, refusal: undecided(before.faults) });
            continue;
        }
        const parties = new Map<string, Party | null>();
        for (const id of [monitor, ...members.map(({ party }) => party)].map(toHex)) {
            parties.set(id, await partyOf(id));
        }
        const made = await makeCohortGrant(
            notice.cohort,
            { ...household, issued, policy },
            {
                partyOf: (id) => parties.get(id) ?? null,
                grantId: random.bytes(16),
                nowUnix,
            },
        );
        if (!made.ok) {
            answers.push({ ...answer, grant: null, refusal: made.error });
            continue;
        }
        const { message, recipient, streamId } = made.value.grant;
        const said = await createNotice(household.signer, {
            network: household.key.network,
            party: household.party,
            timeUnix: nowUnix,
            kind: NOTICE_KIND.grant,
            hash: message.hash,
        });
        const grant: IssuedGrant = {
            hash: toHex(message.hash),
            recipient: toHex(recipient),
            stream: toHex(streamId),
            issuedUnix: nowUnix,
            released: { kind: "cohort", cohort: made.value.cohort },
            messages: [said, message.bytes].map(toBase64),
        };
        await issue(api, journal, grant);
        issued.push(grant);
        answers.push({ ...answer, grant: grant.hash, refusal: null });
    }
    return answers;
}

function undecided(faults: readonly string[]): MetersealError {
    const got = "grants of this household that nobody shows";
    return error("MS_DERIVABLE", { where: "cohort", got, todo: faults.join(" ") });
}
