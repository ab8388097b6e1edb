import { GRANT_KIND, type Grant } from "@meterseal/seal";
import type { Opening, Step } from "../../../sharing/words.ts";

const KINDS = new Map<number, Opening["kind"]>([
    [GRANT_KIND.K, "K"],
    [GRANT_KIND.D, "D"],
    [GRANT_KIND.W, "W"],
    [GRANT_KIND.C, "C"],
    [GRANT_KIND.E, "E"],
]);

/** Steps of the ladder's levels. */
const LEVEL_STEPS: readonly Step[] = ["slot", "hour", "day", "month"];

/** What a grant opens, for its words. */
export function openingOf(grant: Grant): Opening {
    const { fromUnix, groups, kind, level, slotSeconds, toUnix, window, zone } = grant;
    const step = level === undefined ? (window ?? null) : (LEVEL_STEPS[level] ?? null);
    return { kind: KINDS.get(kind) ?? "K", step, groups, fromUnix, toUnix, zone, slotSeconds };
}
