import { bytesEqual, type Ladder, toHex, unwrap } from "@meterseal/core";
import { parseGrant } from "@meterseal/seal";
import { type IssuedGrant, releasedOf } from "@meterseal/wallet";
import type { ServerApi } from "../party/server-api.ts";
import { readJournal } from "./journal-file.ts";

/**
 * Everything that a household issued: the grants of its journal, and those of the server's box that
 * the journal does not know, because another device made them or the journal was lost. Of these the
 * open part alone says what they make known.
 * @param api - as the household; null for the journal alone.
 * @param ladder - of the stream's zone and slot length.
 * @throws MetersealError MS_JOURNAL; what the server says; MS_MALFORMED for a grant that is none.
 */
export async function issuedBefore(
    householdDir: string,
    api: ServerApi | null,
    party: Uint8Array,
    ladder: Ladder,
): Promise<IssuedGrant[]> {
    const issued = [...readJournal(householdDir).grants];
    if (api === null) return issued;
    const known = new Set(issued.map(({ hash }) => hash));
    for (const { hash, issuer } of await api.grants()) {
        if (known.has(hash) || issuer !== toHex(party)) continue;
        const grant = unwrap(parseGrant(await api.grant(hash, "own grants")));
        if (!bytesEqual(grant.household, party)) continue;
        issued.push({
            hash,
            recipient: toHex(grant.recipient),
            stream: toHex(grant.streamId),
            issuedUnix: grant.issuedUnix,
            released: releasedOf(grant, ladder),
            messages: [],
        });
    }
    return issued;
}
