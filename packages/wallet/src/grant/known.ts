import { type Ladder, type Level, ok, type Result, slotOfUnix } from "@meterseal/core";
import { GRANT_KIND, type GrantSpan, type GrantTerms, type Known } from "@meterseal/seal";
import { planGrant } from "./plan.ts";

/**
 * What a grant of kind K, D or E lets its recipient compute, from its open terms alone; null for W and
 * C, whose tariff and cohort say it. Holds for grants that were planned with {@link planGrant}.
 * @param ladder - of the stream's zone and slot length.
 * @returns errors of planGrant.
 */
export function knownOfTerms(terms: GrantTerms, ladder: Ladder): Result<Known | null> {
    const { fromUnix, groups, kind, level, spans, toUnix, window } = terms;
    const { slotSeconds } = ladder;
    if (kind === GRANT_KIND.K) {
        return ok({
            kind: "keys",
            level: (level ?? 0) as Level,
            spans: spans.map((span) => ({
                sealEpoch: span.sealEpoch,
                fromSlot: slotOfUnix(span.fromUnix + slotSeconds - 1, slotSeconds),
                toSlot: slotOfUnix(span.toUnix, slotSeconds),
            })),
        });
    }
    if ((kind !== GRANT_KIND.D && kind !== GRANT_KIND.E) || window === undefined) return ok(null);
    const plan = planGrant(ladder, { window, kind, groups, fromUnix, toUnix });
    if (!plan.ok) return plan;
    const windows = plan.value.windows.map((one) => ({
        fromSlot: slotOfUnix(one.fromUnix, slotSeconds),
        toSlot: slotOfUnix(one.toUnix, slotSeconds),
    }));
    if (kind === GRANT_KIND.D) return ok({ kind: "differences", windows });
    const slots = [...new Set(windows.flatMap(({ fromSlot, toSlot }) => [fromSlot, toSlot]))];
    const begins = spans.map((span: GrantSpan) => slotOfUnix(span.fromUnix, slotSeconds));
    return ok({
        kind: "boundaries",
        epochs: spans.map(({ sealEpoch }, i) => ({
            sealEpoch,
            slots: slots.filter((slot) => begins.findLastIndex((begin) => begin <= slot) === i),
        })),
    });
}
