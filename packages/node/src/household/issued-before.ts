import { type Ladder, MetersealError, toHex, unwrap } from "@meterseal/core";
import { GRANT_KIND, type Grant } from "@meterseal/seal";
import { type IssuedGrant, type Journal, knownOfTariff, releasedOf } from "@meterseal/wallet";
import { fetchTariff } from "../billing/bill-evidence.ts";
import type { ServerApi } from "../party/server-api.ts";
import { type OwnGrants, ownGrants } from "./own-grants.ts";
import type { OwnServer } from "./own-ledger.ts";

/** Everything that a household issued, as far as its journal and a server tell. */
export type IssuedBefore = OwnGrants & {
    /** By what the next grant is judged: lines of the journal, and grants of the server's box that hold. */
    readonly issued: readonly IssuedGrant[];
};

/**
 * Everything that a household issued: the grants of its journal, and those of the server's box that
 * the journal does not know, because another device made them or the journal was lost. What a server
 * says is held against the household's keys and the ledger; what does not hold is among the faults, and
 * nobody may judge as if it were known. A weighted sum is known through its tariff; where the server
 * shows none, what it opens is a guess.
 * @param server - null for the journal alone.
 * @param ladder - of the stream's zone and slot length.
 * @throws MetersealError what the server says.
 */
export async function issuedBefore(
    { grants }: Journal,
    server: OwnServer | null,
    ladder: Ladder,
): Promise<IssuedBefore> {
    const issued = [...grants];
    const own = await ownGrants(issued, server);
    if (server === null) return { ...own, issued };
    const known = new Set(issued.map(({ hash }) => hash));
    for (const { grant, hash } of own.grants.filter((each) => !known.has(each.hash))) {
        issued.push({
            hash,
            recipient: toHex(grant.recipient),
            stream: toHex(grant.streamId),
            issuedUnix: grant.issuedUnix,
            ...(await releasedBy(grant, server.api, ladder)),
            messages: [],
        });
    }
    return { ...own, issued };
}

/** The same with the lines that the journal has got since. */
export function withNewLines(before: IssuedBefore, { grants }: Journal): IssuedBefore {
    const known = new Set(before.issued.map(({ hash }) => hash));
    const added = grants.filter(({ hash }) => !known.has(hash));
    return { ...before, issued: [...before.issued, ...added] };
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
