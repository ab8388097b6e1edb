import { createLadder, type Ladder, toHex, unwrap } from "@meterseal/core";
import { GRANT_KIND, type Grant } from "@meterseal/seal";
import { readStream } from "@meterseal/tariff";
import {
    type IssuedGrant,
    type Journal,
    type KeyFile,
    planWeighted,
    type Released,
    releasedOf,
} from "@meterseal/wallet";
import { fetchTariff } from "../../../api/tariff.ts";
import { cohortOf, type Membership } from "./memberships.ts";
import type { SharingHome } from "./session.ts";
import type { OwnGrant } from "./view.ts";

/** Everything that was issued, on whichever device. */
export type IssuedEverywhere = {
    readonly issued: readonly IssuedGrant[];
    /** Recipients of grants of which it cannot be found out what they open. */
    readonly uncounted: readonly string[];
};

/**
 * Everything that a home issued: the grants of this browser's journal, and those that the server's box
 * has besides. Of these a weighted sum is known through its tariff, and a cohort's tokens through the
 * cohort's notice; where the server does not show those, the grant is counted as one that nobody can judge.
 */
export async function issuedEverywhere(
    home: SharingHome,
    journal: Journal,
    grants: readonly OwnGrant[],
    memberships: readonly Membership[],
): Promise<IssuedEverywhere> {
    const known = new Set(journal.grants.map(({ hash }) => hash));
    const issued = [...journal.grants];
    const uncounted: string[] = [];
    const ladder = ladderOf(home.key);
    for (const { grant } of grants) {
        const hash = toHex(grant.message.hash);
        if (known.has(hash)) continue;
        const released = await releasedBy(home, grant, ladder, memberships);
        if (released === null) {
            uncounted.push(toHex(grant.recipient));
            continue;
        }
        issued.push({
            ...{ hash, released, messages: [], issuedUnix: grant.issuedUnix },
            recipient: toHex(grant.recipient),
            stream: toHex(grant.streamId),
        });
    }
    return { issued, uncounted };
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

/** What a weighted sum tells: each price's own sum, to be safe. */
async function weightedBy(home: SharingHome, grant: Grant): Promise<Released | null> {
    const [group = 0] = grant.groups;
    try {
        const trust = { genesis: home.genesis, networkId: home.key.network };
        const hash = toHex(grant.tariffHash ?? new Uint8Array());
        const { tariff } = await fetchTariff(trust, hash);
        const recorded = unwrap(readStream(home.records, grant.streamId));
        const { fromUnix, toUnix } = grant;
        const ask = { group, fromUnix, toUnix, tariff, isMarketSeries: true };
        const { known } = unwrap(planWeighted(home.key, recorded, ask));
        return { kind: "own", holding: { groups: grant.groups, known } };
    } catch {
        return null;
    }
}

/** Ladder of the stream of a key file. @throws MetersealError MS_ZONE. */
export function ladderOf({ stream, zone }: KeyFile): Ladder {
    return unwrap(createLadder(zone, stream.slotSeconds));
}
