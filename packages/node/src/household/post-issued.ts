import { fromBase64 } from "@meterseal/core";
import { type IssuedGrant, unposted } from "@meterseal/wallet";
import type { ServerApi } from "../party/server-api.ts";
import type { HouseholdJournal } from "./journal-file.ts";

/**
 * Issues a grant: on disk first, then on the ledger, then in the server's box. What a crash leaves
 * undone {@link postUnposted} does again.
 * @throws MetersealError as the journal and the server; a grant that is on disk counts as issued.
 */
export async function issue(
    api: ServerApi,
    journal: HouseholdJournal,
    grant: IssuedGrant,
): Promise<void> {
    journal.appendIssued(grant);
    await post(api, journal, grant);
}

/** Posts what was issued and may not have arrived; returns how many grants that were. */
export async function postUnposted(api: ServerApi, journal: HouseholdJournal): Promise<number> {
    const waiting = unposted(journal.read());
    for (const grant of waiting) await post(api, journal, grant);
    return waiting.length;
}

/** All messages in their order; the last is the grant, the others are its notices. */
async function post(api: ServerApi, journal: HouseholdJournal, grant: IssuedGrant): Promise<void> {
    const messages = grant.messages.map(fromBase64);
    for (const notice of messages.slice(0, -1)) await api.postNotice(notice);
    const last = messages.at(-1);
    if (last !== undefined) await api.postGrant(last);
    journal.appendPosted(grant.hash);
}
