import type { Clock, Timers } from "@meterseal/core";
import { Feed } from "./feed.ts";
import { REPLAY_END_MS, type ReplayMember } from "./replay.ts";

/** Seconds of replay time in one real second by default: half an hour in 1.5 s. */
export const DEFAULT_SPEED = 1_200;

/** Fastest replay that can be asked for: a day in a second. A machine that is slower takes longer. */
export const SPEED_MAX = 86_400;

/**
 * How often a meter closes a record while time goes on, in seconds of replay time. Meters take turns:
 * records come each half-hour, and one of each home every two hours.
 */
export const LIVE_RECORD_SECONDS = 7_200;

/** Real time between two steps of the replay clock. */
const STEP_MS = 500;
/** A machine that slept does not make up for it: a step stands for at most this much real time. */
const LONGEST_STEP_MS = 1_000;

/** What a live replay works with. */
export type LiveOptions = {
    readonly members: readonly ReplayMember[];
    /** Replay seconds in one real second. */
    readonly speed: number;
    /** The replay clock. */
    readonly clock: Clock;
    /** Moves the replay clock of all roles forward; durable when it resolves. */
    readonly moveClock: (nowMs: number) => Promise<void>;
    /** Real time that never jumps. */
    readonly steadyClock: Clock;
    readonly timers: Timers;
    readonly signal: AbortSignal;
};

/**
 * Lets time go on at a speed from where the replay clock stands, step by step, until the end of the
 * data or the signal. Every meter reads what lies between two steps and closes a record each
 * {@link LIVE_RECORD_SECONDS}; at the end of the data everything is in records.
 */
export async function replayLive(options: LiveOptions): Promise<void> {
    const { clock, members, moveClock, signal, speed, steadyClock } = options;
    const feeds = members.map((member, turn) => {
        const slotsOfRecord = LIVE_RECORD_SECONDS / member.home.series.slotSeconds;
        const closes = (slot: number): boolean => (slot + turn) % slotsOfRecord === 0;
        return { feed: new Feed(member), closes };
    });
    let beforeMs = steadyClock.nowMs();
    while (!signal.aborted && clock.nowMs() < REPLAY_END_MS) {
        await pause(options, STEP_MS);
        const realMs = steadyClock.nowMs();
        const stepMs = Math.min(realMs - beforeMs, LONGEST_STEP_MS) * speed;
        beforeMs = realMs;
        await moveClock(Math.min(REPLAY_END_MS, Math.round(clock.nowMs() + stepMs)));
        for (const { closes, feed } of feeds) {
            if (signal.aborted) return;
            await feed.advanceTo(clock.nowMs(), closes);
        }
    }
    if (!signal.aborted) for (const { household } of members) await household.agent.flush();
}

/** Waits in real time; the signal ends the wait. */
function pause({ signal, timers }: LiveOptions, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
        const end = (): void => {
            cancel();
            signal.removeEventListener("abort", end);
            resolve();
        };
        const cancel = timers.after(delayMs, end);
        signal.addEventListener("abort", end, { once: true });
        if (signal.aborted) end();
    });
}
