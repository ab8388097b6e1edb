import { bytesEqual, type Ladder, slotOfUnix, toHex, unwrap } from "@meterseal/core";
import { GRANT_KIND, type Grant, parseGrant } from "@meterseal/seal";
import { type IssuedGrant, knownOfTerms, type Released } from "@meterseal/wallet";
import type { ServerApi } from "../party/server-api.ts";
import { readJournal } from "./journal-file.ts";

/**
 * Everything that a household issued: the grants of its journal, and those of the server's box that
 * the journal does not know, because another device made them or the journal was lost. Of these the
 * open part alone says what they make known: a weighted sum counts as all slots of its time, tokens
 * of a cohort as tokens among nobody, so that no second set is made.
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
            released: releasedBy(grant, ladder),
            messages: [],
        });
    }
    return issued;
}

function releasedBy(grant: Grant, ladder: Ladder): Released {
    const { groups, kind, spans } = grant;
    const slotAt = (unix: number): number => slotOfUnix(unix, ladder.slotSeconds);
    const [fromSlot, toSlot] = [slotAt(grant.fromUnix), slotAt(grant.toUnix)];
    if (kind === GRANT_KIND.C) {
        const hash = toHex(grant.cohortHash ?? new Uint8Array(32));
        const month = ladder.indexAt(fromSlot, 3);
        const cohort = { hash, month, level: 0, groups, members: [], fromSlot, toSlot };
        return { kind: "cohort", cohort };
    }
    const known = unwrap(knownOfTerms(grant, ladder)) ?? {
        kind: "keys",
        level: 0,
        spans: spans.map((span) => ({
            sealEpoch: span.sealEpoch,
            fromSlot: slotAt(span.fromUnix),
            toSlot: slotAt(span.toUnix),
        })),
    };
    return { kind: "own", holding: { groups, known } };
}
