import {
    createLadder,
    error,
    fail,
    type Ladder,
    type Level,
    LIMITS,
    ok,
    type Result,
    slotOfUnix,
    toHex,
    unixOfSlot,
    WINDOW_LEVELS,
    type WindowName,
    windowEdges,
} from "@meterseal/core";
import { GRANT_KIND, type Grant, type Nearest } from "@meterseal/seal";

/** What the holder of a grant asks for; what is left out follows from the grant. */
export type ReadingRequest = {
    readonly window?: WindowName;
    /** Seconds since 1970; cut to the grant's range. */
    readonly fromUnix?: number;
    readonly toUnix?: number;
};

/** One page of windows that a grant may open. */
export type ReadingPlan = {
    readonly ladder: Ladder;
    readonly window: WindowName;
    readonly nearest: Nearest;
    /** Ends of the windows, as slots; at least two. */
    readonly edges: readonly number[];
    readonly fromUnix: number;
    readonly toUnix: number;
    /** Where the next page begins; null where this is the last. */
    readonly nextUnix: number | null;
};

/** What of a plan a server is told. */
export type ReadingRange = Pick<ReadingPlan, "fromUnix" | "nearest" | "toUnix" | "window">;

/** Range of the one sum that a W grant is for. */
export function weightedRange({ fromUnix, toUnix }: Grant): ReadingRange {
    return { fromUnix, toUnix, window: "total", nearest: 0 };
}

const LEVEL_NAMES = ["slots", "hours", "days", "months"] as const;
const WINDOW_OF_LEVEL = ["slot", "hour", "day", "month"] as const;

/** Path and query of the store's own weighted sum for a W grant. */
export function weightedPath({ fromUnix, groups, streamId, tariffHash, toUnix }: Grant): string {
    const query = new URLSearchParams({
        tariff: toHex(tariffHash ?? new Uint8Array()),
        ...{ from: String(fromUnix), to: String(toUnix) },
        groups: groups.join(),
    });
    return `/api/v1/streams/${toHex(streamId)}/weighted?${query}`;
}

/**
 * Windows that a grant can answer in a range: whole ones of its own level or window where nobody asks
 * for another, between the first and the last boundary that it opens.
 * @returns MS_GRANT_LEVEL for windows shorter than granted, MS_GRANT_RANGE where nothing of the range
 * is granted, MS_VERSION for a grant whose numbers are no sums over windows; MS_ZONE, MS_STREAM_RULE.
 */
export function planReading(grant: Grant, request: ReadingRequest): Result<ReadingPlan> {
    const { kind, slotSeconds, zone } = grant;
    if (kind === GRANT_KIND.W || kind === GRANT_KIND.C) {
        const where = kind === GRANT_KIND.W ? "a grant of a weighted sum" : "a cohort's grant";
        return fail(error("MS_VERSION", { where, expected: "a grant of sums over windows" }));
    }
    const made = createLadder(zone, slotSeconds);
    if (!made.ok) return made;
    const ladder = made.value;
    const level = (grant.level ?? 0) as Level;
    const window = request.window ?? grant.window ?? WINDOW_OF_LEVEL[level];
    const fault = windowFault(grant, window, level);
    if (fault !== null) return fail(fault);
    const from = Math.max(request.fromUnix ?? grant.fromUnix, grant.fromUnix);
    const to = Math.min(request.toUnix ?? grant.toUnix, grant.toUnix);
    const fromSlot = firstOf(ladder, slotOfUnix(from + slotSeconds - 1, slotSeconds), level);
    const toSlot = ladder.lastOf(slotOfUnix(to, slotSeconds), level);
    if (fromSlot >= toSlot) {
        const expected = `a part of ${dates(grant.fromUnix, grant.toUnix)} that holds ${LEVEL_NAMES[level]}`;
        const asked = dates(request.fromUnix ?? from, request.toUnix ?? to);
        return fail(error("MS_GRANT_RANGE", { expected, got: asked }));
    }
    const listed = windowEdges(ladder, window, fromSlot, toSlot, LIMITS.sumWindows);
    if (!listed.ok) return listed;
    const { edges, nextSlot } = listed.value;
    const unix = (slot: number): number => unixOfSlot(slot, slotSeconds);
    return ok({
        ladder,
        window,
        nearest: nearestOf(grant, window, level),
        edges,
        fromUnix: unix(fromSlot),
        toUnix: unix(edges.at(-1) ?? toSlot),
        nextUnix: nextSlot === null ? null : unix(nextSlot),
    });
}

/** Path and query of the store's route for a plan: its sums, or the evidence of them. */
export function planPath(
    grant: Grant,
    plan: ReadingRange,
    route: "sums" | "evidence",
    sinceSize: number | null = null,
): string {
    const { fromUnix, nearest, toUnix, window } = plan;
    const query = new URLSearchParams({
        from: String(fromUnix),
        to: String(toUnix),
        window,
        nearest: nearest === null ? "none" : WINDOW_OF_LEVEL[nearest],
        ...(route === "sums"
            ? { groups: grant.groups.join() }
            : { grant: toHex(grant.message.hash) }),
        ...(sinceSize === null ? {} : { since: String(sinceSize) }),
    });
    return `/api/v1/streams/${toHex(grant.streamId)}/${route}?${query}`;
}

function windowFault(grant: Grant, window: WindowName, level: Level) {
    if (grant.window !== undefined && window !== grant.window && grant.kind === GRANT_KIND.D) {
        const expected = `the windows that were granted: ${grant.window}`;
        return error("MS_GRANT_LEVEL", { expected, got: window });
    }
    if (window === "total" || WINDOW_LEVELS[window] >= level) return null;
    const expected = `sums of ${LEVEL_NAMES[level]} or longer`;
    return error("MS_GRANT_LEVEL", { expected, got: `sums of ${window}s` });
}

/** Keys of a level open what may stand in; a list of keys or numbers opens its own ends only. */
function nearestOf({ kind }: Grant, window: WindowName, level: Level): Nearest {
    if (kind !== GRANT_KIND.K) return null;
    return Math.max(WINDOW_LEVELS[window], level) as Level;
}

function firstOf(ladder: Ladder, slot: number, level: Level): number {
    return ladder.addressOf(slot).level >= level ? slot : ladder.nextOf(slot, level);
}

function dates(fromUnix: number, toUnix: number): string {
    return [fromUnix, toUnix].map((unix) => new Date(unix * 1000).toISOString()).join(" to ");
}
