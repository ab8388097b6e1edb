import { fromBase64 } from "@meterseal/core";
import { parseNotice } from "@meterseal/record";
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

/**
 * Posts all messages of a line in their order, notices to the ledger and grants to the box, and writes
 * down that the server has them. A bill's line has at most the notice of its override.
 */
export async function post(
    api: ServerApi,
    journal: HouseholdJournal,
    grant: IssuedGrant,
): Promise<void> {
    for (const message of grant.messages.map(fromBase64)) {
        if (parseNotice(message).ok) await api.postNotice(message);
        else await api.postGrant(message);
    }
    journal.appendPosted(grant.hash);
}
