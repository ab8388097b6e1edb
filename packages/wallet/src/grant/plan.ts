import {
    error,
    fail,
    type Ladder,
    type Level,
    LIMITS,
    ok,
    type Result,
    slotOfUnix,
    unixOfSlot,
    type WindowName,
    windowEdges,
} from "@meterseal/core";
import { GRANT_KIND, type GrantKind, type Window } from "@meterseal/seal";

/** What a household wants to grant: sums over which windows, of which registers, from when to when. */
export type GrantAsk = {
    readonly window: WindowName;
    /** K, D or E; without it the one that fits the window best. */
    readonly kind?: GrantKind;
    /** Ascending group ids. */
    readonly groups: readonly number[];
    readonly fromUnix: number;
    readonly toUnix: number;
};

/** Kinds of grants of windows. */
type LeaseKind = (typeof GRANT_KIND)["K" | "D" | "E"];

/** How an ask is granted. */
export type GrantPlan = GrantAsk & {
    readonly kind: GrantKind;
    /** Finest level whose boundaries open: in a K grant. */
    readonly level?: Level;
    /** The windows: in D and E grants. */
    readonly windows: readonly Window[];
};

/** Levels of the ladder that are windows of their own. */
const LEVEL_OF_WINDOW: Partial<Record<WindowName, Level>> = { slot: 0, hour: 1, day: 2, month: 3 };
const HALF_HOUR_SECONDS = 1800;

/**
 * Plans a grant: K where the windows are a level of the ladder, E for half hours, weeks and years, D
 * for the total of a range.
 * @param ladder - of the stream.
 * @returns MS_USAGE where an end of the range is no end of a window, or a kind cannot grant these
 * windows; MS_STREAM_RULE where the stream's slots are too long for them; MS_TOO_LARGE for more
 * windows than a grant holds.
 */
export function planGrant(ladder: Ladder, ask: GrantAsk): Result<GrantPlan> {
    const level = levelOf(ladder, ask.window);
    const kind = ask.kind ?? kindOfWindow(ladder, ask.window);
    for (const unix of [ask.fromUnix, ask.toUnix]) {
        const fault = findMisfit(ladder, ask.window, unix);
        if (fault !== null) return fail(fault);
    }
    if (kind === GRANT_KIND.K) {
        if (level !== null) return ok({ ...ask, kind, level, windows: [] });
        const expected = "--kind E or D for windows that are no level of the ladder";
        return fail(error("MS_USAGE", { expected, got: `K grant of ${ask.window} windows` }));
    }
    if (kind !== GRANT_KIND.D && kind !== GRANT_KIND.E) {
        const expected = "a K, D or E grant; W comes with a tariff, C with a cohort";
        return fail(error("MS_USAGE", { expected }));
    }
    const windows = windowsOf(ladder, ask, kind);
    return windows.ok ? ok({ ...ask, kind, windows: windows.value }) : windows;
}

/** Kind that fits a window best: the least that has to be sealed and said. */
export function kindOfWindow(ladder: Ladder, window: WindowName): LeaseKind {
    if (levelOf(ladder, window) !== null) return GRANT_KIND.K;
    return window === "total" ? GRANT_KIND.D : GRANT_KIND.E;
}

/** Level whose boundaries are exactly the ends of a window; null where there is none. */
function levelOf({ slotSeconds }: Ladder, window: WindowName): Level | null {
    if (window === "half-hour" && slotSeconds === HALF_HOUR_SECONDS) return 0;
    return LEVEL_OF_WINDOW[window] ?? null;
}

function windowsOf(ladder: Ladder, ask: GrantAsk, kind: GrantKind): Result<Window[]> {
    const { slotSeconds } = ladder;
    const [from, to] = [slotOfUnix(ask.fromUnix, slotSeconds), slotOfUnix(ask.toUnix, slotSeconds)];
    const max = kind === GRANT_KIND.D ? LIMITS.grantWindows : 2 * LIMITS.grantBoundaries;
    const found = windowEdges(ladder, ask.window, from, to, max);
    if (!found.ok) return found;
    const { edges, nextSlot } = found.value;
    if (nextSlot !== null) {
        const todo = "Grant a shorter range.";
        return fail(error("MS_TOO_LARGE", { expected: `at most ${max} windows`, todo }));
    }
    const unix = edges.map((slot) => unixOfSlot(slot, slotSeconds));
    return ok(unix.slice(1).map((toUnix, i) => ({ fromUnix: unix[i] as number, toUnix })));
}

/** What keeps an instant from being the end of a window; null for nothing. */
function findMisfit(ladder: Ladder, window: WindowName, unix: number) {
    const { slotSeconds } = ladder;
    const slot = slotOfUnix(unix, slotSeconds);
    if (slot < 0 || slot >= ladder.endSlot || unixOfSlot(slot, slotSeconds) !== unix) {
        const expected = `a whole slot of ${slotSeconds} s in the years 2000 … 2099`;
        return error("MS_USAGE", { expected, got: new Date(unix * 1000).toISOString() });
    }
    if (window === "slot" || window === "total") return null;
    const next = windowEdges(ladder, window, Math.max(slot - 1, 0), slot + 1, 2);
    if (!next.ok) return next.error;
    if (slot === 0 || next.value.edges[1] === slot) return null;
    const expected = `the first instant of a ${window} in ${ladder.zone}`;
    return error("MS_USAGE", { expected, got: new Date(unix * 1000).toISOString() });
}
