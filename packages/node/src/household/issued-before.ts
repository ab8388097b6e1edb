import { bytesEqual, type Ladder, MetersealError, toHex, unwrap } from "@meterseal/core";
import { GRANT_KIND, type Grant, parseGrant } from "@meterseal/seal";
import { type IssuedGrant, knownOfTariff, releasedOf } from "@meterseal/wallet";
import { fetchTariff } from "../billing/bill-evidence.ts";
import type { ServerApi } from "../party/server-api.ts";
import { readJournal } from "./journal-file.ts";

/**
 * Everything that a household issued: the grants of its journal, and those of the server's box that
 * the journal does not know, because another device made them or the journal was lost. A weighted sum
 * of these is known through its tariff; where the server shows none, what it opens is a guess.
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
            ...(await releasedBy(grant, api, ladder)),
            messages: [],
        });
    }
    return issued;
}

async function releasedBy(
    grant: Grant,
    api: ServerApi,
    ladder: Ladder,
): Promise<Pick<IssuedGrant, "released" | "isGuess">> {
    const { fromUnix, groups, kind, network, tariffHash, toUnix } = grant;
    if (kind !== GRANT_KIND.W) return { released: releasedOf(grant, ladder) };
    const [group = 0] = groups;
    try {
        const tariff = await fetchTariff(api.url, toHex(tariffHash ?? new Uint8Array()), network);
        const ask = { group, fromUnix, toUnix, tariff, isMarketSeries: true };
        const known = unwrap(knownOfTariff(ask, ladder.slotSeconds));
        return { released: { kind: "own", holding: { groups, known } } };
    } catch (cause) {
        if (!(cause instanceof MetersealError)) throw cause;
        return { released: releasedOf(grant, ladder), isGuess: true };
    }
}
