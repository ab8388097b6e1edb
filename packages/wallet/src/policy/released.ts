import { type Ladder, slotOfUnix, toHex, unwrap } from "@meterseal/core";
import { GRANT_KIND, type Grant } from "@meterseal/seal";
import { knownOfTerms } from "../grant/known.ts";
import type { Released } from "./journal.ts";

/**
 * What a grant makes known, as far as its open part tells: a weighted sum may be anything of its time,
 * tokens of a cohort are tokens among nobody, so that no second set is made. Of both it is a guess.
 * @param ladder - of the stream's zone and slot length.
 */
export function releasedOf(grant: Grant, ladder: Ladder): Released {
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
