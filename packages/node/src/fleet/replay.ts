import { SLOT_ORIGIN_UNIX } from "@meterseal/core";
import { LONDON_INTERVALS_PER_DAY, LONDON_SLOT_SECONDS, LONDON_YEAR } from "@meterseal/meter";
import type { ReplayClock } from "../clocks.ts";
import { Feed } from "./feed.ts";
import type { ReplayHome } from "./home.ts";
import type { Household } from "./household.ts";

/** A household and the readings that its meter replays. */
export type ReplayMember = { readonly household: Household; readonly home: ReplayHome };

/** What a replay works with. */
export type ReplayOptions = {
    readonly members: readonly ReplayMember[];
    readonly days: number;
    readonly clock: ReplayClock;
    /** Brings the collector's clock to the replay clock before readings of that time are sent. */
    readonly setServerClock: (nowMs: number) => Promise<void>;
    /** Called after each day of each meter. */
    readonly onProgress: (progress: ReplayProgress) => void;
    readonly signal: AbortSignal;
};

/** How far a replay has come. */
export type ReplayProgress = {
    readonly done: number;
    readonly readings: number;
    readonly records: number;
};

const DAY_MS = 86_400_000;

/** First instant of the replay, milliseconds since 1970. */
export const REPLAY_START_MS: number =
    (SLOT_ORIGIN_UNIX + LONDON_YEAR.firstDay * LONDON_INTERVALS_PER_DAY * LONDON_SLOT_SECONDS) *
    1000;

/** End of the data, milliseconds since 1970: the replay stops there. */
export const REPLAY_END_MS: number = REPLAY_START_MS + LONDON_YEAR.days * DAY_MS;

/**
 * Replays days of readings as fast as the machine allows: day by day, all meters within a day. Each
 * meter goes on from what it has sealed already; at the end everything is in records.
 */
export async function replayDays(options: ReplayOptions): Promise<void> {
    const { clock, days, members, signal } = options;
    const feeds = members.map((member) => new Feed(member));
    const stepsTotal = days * members.length;
    for (let day = 0; day < days && !signal.aborted; day++) {
        const endMs = REPLAY_START_MS + (day + 1) * DAY_MS;
        clock.advanceTo(endMs);
        await options.setServerClock(endMs);
        for (const [i, feed] of feeds.entries()) {
            if (signal.aborted) return;
            await feed.advanceTo(endMs);
            options.onProgress({
                done: (day * members.length + i + 1) / stepsTotal,
                readings: feeds.reduce((sum, { readings }) => sum + readings, 0),
                records: members.reduce(
                    (sum, { household }) => sum + household.agent.recordCount,
                    0,
                ),
            });
        }
    }
    for (const { household } of members) await household.agent.flush();
}
