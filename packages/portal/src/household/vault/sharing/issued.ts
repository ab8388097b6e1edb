import { createLadder, type Ladder, toHex, unwrap } from "@meterseal/core";
import { GRANT_KIND, type Grant } from "@meterseal/seal";
import {
    type IssuedGrant,
    type Journal,
    type KeyFile,
    knownOfTariff,
    type Released,
    releasedOf,
} from "@meterseal/wallet";
import { fetchTariff } from "../../../api/tariff.ts";
import { cohortOf, type Membership } from "./memberships.ts";
import type { SharingHome } from "./session.ts";
import type { OwnGrant } from "./view.ts";

/**
 * Everything that a home issued, on whichever device: the grants of this browser's journal, and those
 * that the server's box has besides. Of these a weighted sum is known through its tariff, and a cohort's
 * tokens through the cohort's notice; where the server does not show those, what they open is a guess.
 */
export async function issuedEverywhere(
    home: SharingHome,
    journal: Journal,
    grants: readonly OwnGrant[],
    memberships: readonly Membership[],
): Promise<IssuedGrant[]> {
    const known = new Set(journal.grants.map(({ hash }) => hash));
    const issued = [...journal.grants];
    const ladder = ladderOf(home.key);
    for (const { grant } of grants) {
        const hash = toHex(grant.message.hash);
        if (known.has(hash)) continue;
        const released = await releasedBy(home, grant, ladder, memberships);
        issued.push({
            ...{ hash, messages: [], issuedUnix: grant.issuedUnix },
            recipient: toHex(grant.recipient),
            stream: toHex(grant.streamId),
            ...(released === null
                ? { released: releasedOf(grant, ladder), isGuess: true }
                : { released }),
        });
    }
    return issued;
}

async function releasedBy(
    home: SharingHome,
    grant: Grant,
    ladder: Ladder,
    memberships: readonly Membership[],
): Promise<Released | null> {
    if (grant.kind === GRANT_KIND.W) return await weightedBy(home, grant);
    if (grant.kind !== GRANT_KIND.C) return releasedOf(grant, ladder);
    const hash = toHex(grant.cohortHash ?? new Uint8Array());
    const found = memberships.find((each) => each.hash === hash);
    return found === undefined ? null : { kind: "cohort", cohort: cohortOf(found, ladder) };
}

/** What a weighted sum tells, by its tariff; null where that is not shown. */
async function weightedBy(
    { genesis, key }: SharingHome,
    { fromUnix, groups, slotSeconds, tariffHash, toUnix }: Grant,
): Promise<Released | null> {
    const [group = 0] = groups;
    try {
        const trust = { genesis, networkId: key.network };
        const { tariff } = await fetchTariff(trust, toHex(tariffHash ?? new Uint8Array()));
        const ask = { group, fromUnix, toUnix, tariff, isMarketSeries: true };
        const known = unwrap(knownOfTariff(ask, slotSeconds));
        return { kind: "own", holding: { groups, known } };
    } catch {
        return null;
    }
}

/** Ladder of the stream of a key file. @throws MetersealError MS_ZONE. */
export function ladderOf({ stream, zone }: KeyFile): Ladder {
    return unwrap(createLadder(zone, stream.slotSeconds));
}
