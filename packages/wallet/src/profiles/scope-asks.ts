import {
    error,
    fail,
    type Ladder,
    ok,
    type Result,
    slotOfUnix,
    unixOfSlot,
    type WindowName,
    windowEdges,
} from "@meterseal/core";
import { GROUP } from "@meterseal/record";
import { GRANT_KIND, type GrantTerms } from "@meterseal/seal";
import type { GrantAsk } from "../grant/plan.ts";
import type { GreenButtonScope, ScopePeriod } from "./green-button.ts";

/** Function blocks that say which energy is meant. */
const BLOCK = { intervals: 4, electricity: 5, net: 7, forwardAndReverse: 8 } as const;
/** Function blocks of other media and of demand, which a stream of electricity does not have. */
const FOREIGN_BLOCKS: ReadonlyMap<number, string> = new Map([
    [6, "demand"],
    [10, "gas"],
    [11, "water"],
    [29, "temperature"],
]);
const DAY_SECONDS = 86_400;
/** From here on a history is a number of seconds, as utilities write it; below, of blocks. */
const HISTORY_SECONDS_MIN = DAY_SECONDS;

const WINDOW_OF_LEVEL = ["slot", "hour", "day", "month"] as const;

/** Windows of named periods. */
const WINDOW_OF_NAME: Partial<Record<string, WindowName>> = {
    daily: "day",
    weekly: "week",
    monthly: "month",
    billingPeriod: "month",
};
const WINDOW_OF_SECONDS: ReadonlyMap<number, WindowName> = new Map([
    [1800, "half-hour"],
    [3600, "hour"],
    [DAY_SECONDS, "day"],
    [7 * DAY_SECONDS, "week"],
]);

/**
 * What a scope asks of a stream: one grant for each kind of window that none of the others contains.
 * The ranges begin so much history before now and end with the window that now lies in; what a
 * subscription adds later is a policy of its own.
 * @param nowUnix - within the ladder's years.
 * @returns MS_USAGE for a scope without intervals, MS_STREAM_RULE for windows, media or registers that
 * the stream does not have.
 */
export function asksOfScope(
    scope: GreenButtonScope,
    ladder: Ladder,
    nowUnix: number,
): Result<GrantAsk[]> {
    const foreign = scope.functionBlocks.find((block) => FOREIGN_BLOCKS.has(block));
    if (foreign !== undefined) {
        const got = `function block ${foreign}, ${FOREIGN_BLOCKS.get(foreign)}`;
        return fail(error("MS_STREAM_RULE", { expected: "energy of an electricity stream", got }));
    }
    if (scope.intervalDurations.length === 0) {
        const expected = "IntervalDuration=: without it no granularity is asked for";
        return fail(error("MS_USAGE", { where: "scope", expected }));
    }
    const windows = new Set<WindowName>();
    for (const period of scope.intervalDurations) {
        const window = windowOf(period, ladder.slotSeconds);
        if (window === null) {
            const got = `intervals of ${period}`;
            const expected = `windows of a stream with slots of ${ladder.slotSeconds} s`;
            return fail(error("MS_STREAM_RULE", { expected, got }));
        }
        windows.add(window);
    }
    const both = scope.functionBlocks.some((block) => {
        return block === BLOCK.net || block === BLOCK.forwardAndReverse;
    });
    const groups = both ? [GROUP.import, GROUP.export] : [GROUP.import];
    const asks: GrantAsk[] = [];
    for (const window of coarsest(windows)) {
        const range = rangeOf(scope, ladder, window, nowUnix);
        if (!range.ok) return range;
        asks.push({ window, groups, ...range.value });
    }
    return ok(asks);
}

/**
 * Scope that asks for what is granted; inverse of {@link asksOfScope} for one ask, but for the history,
 * which is stated in seconds.
 */
export function scopeOfAsk(ask: GrantAsk, slotSeconds: number): GreenButtonScope {
    const blocks = ask.groups.includes(GROUP.export)
        ? [BLOCK.intervals, BLOCK.electricity, BLOCK.forwardAndReverse]
        : [BLOCK.intervals, BLOCK.electricity];
    return {
        functionBlocks: blocks,
        intervalDurations: [periodOf(ask.window, slotSeconds)],
        blockDurations: ["monthly"],
        historyLength: ask.toUnix - ask.fromUnix,
    };
}

/** Scope of what a grant's open terms say; null where no scope can ask for it. */
export function scopeOfTerms(terms: GrantTerms): GreenButtonScope | null {
    const { fromUnix, groups, kind, level, slotSeconds, toUnix } = terms;
    const window = kind === GRANT_KIND.K ? WINDOW_OF_LEVEL[level ?? 0] : terms.window;
    if (window === undefined || window === "year" || window === "total") return null;
    return scopeOfAsk({ window, groups, fromUnix, toUnix }, slotSeconds);
}

function windowOf(period: ScopePeriod, slotSeconds: number): WindowName | null {
    if (typeof period === "string") return WINDOW_OF_NAME[period] ?? null;
    if (period === slotSeconds) return "slot";
    const window = WINDOW_OF_SECONDS.get(period);
    return window !== undefined && period % slotSeconds === 0 ? window : null;
}

function periodOf(window: WindowName, slotSeconds: number): ScopePeriod {
    switch (window) {
        case "slot":
            return slotSeconds;
        case "half-hour":
            return 1800;
        case "hour":
            return 3600;
        case "day":
            return "daily";
        case "week":
            return "weekly";
        default:
            return "monthly";
    }
}

/** Drops windows that finer ones add up to: only weeks do not add up to months. */
function coarsest(windows: ReadonlySet<WindowName>): WindowName[] {
    const ladder: WindowName[] = ["slot", "half-hour", "hour", "day"];
    const finest = ladder.find((window) => windows.has(window));
    return finest === undefined ? [...windows] : [finest];
}

function rangeOf(
    scope: GreenButtonScope,
    ladder: Ladder,
    window: WindowName,
    nowUnix: number,
): Result<{ readonly fromUnix: number; readonly toUnix: number }> {
    const { slotSeconds } = ladder;
    const history = scope.historyLength ?? 0;
    const block = scope.blockDurations[0] ?? "monthly";
    const back = history >= HISTORY_SECONDS_MIN ? history : history * secondsOf(block);
    // Months are civil: by the middle of a month so many blocks ago one is in the right one.
    const now = slotOfUnix(nowUnix, slotSeconds);
    const from = Math.max(0, slotOfUnix(nowUnix - back, slotSeconds));
    const first = edgeBefore(ladder, window, from);
    const next = windowEdges(ladder, window, now, ladder.endSlot - 1, 1);
    if (!next.ok) return next;
    const toSlot = next.value.edges[1] as number;
    return ok({
        fromUnix: unixOfSlot(first, slotSeconds),
        toUnix: unixOfSlot(toSlot, slotSeconds),
    });
}

/** Last end of a window at or before a slot; the first slot where there is none. */
function edgeBefore(ladder: Ladder, window: WindowName, slot: number): number {
    const reach = Math.ceil((32 * DAY_SECONDS) / ladder.slotSeconds);
    const from = Math.max(0, slot - reach);
    if (slot === 0) return 0;
    const found = windowEdges(ladder, window, from, slot + 1, reach + 2);
    if (!found.ok) return slot;
    return found.value.edges.findLast((edge) => edge <= slot && edge > from) ?? from;
}

function secondsOf(period: ScopePeriod): number {
    if (typeof period === "number") return period;
    const days = {
        daily: 1,
        weekly: 7,
        monthly: 30.4375,
        billingPeriod: 30.4375,
        seasonal: 91.3125,
    };
    return days[period] * DAY_SECONDS;
}
