import { error } from "@meterseal/core";
import { SimulatedTime } from "@meterseal/testkit/sim-time";
import { expect, it } from "vitest";
import { runRounds } from "../src/household/wallet-rounds.ts";

const HOUR_MS = 3_600_000;

/** Rounds that tell what is due, on virtual time. */
function rounds(round: (nowMs: number) => number | null) {
    const time = new SimulatedTime(0);
    const ran: number[] = [];
    const warnings: string[] = [];
    const stop = new AbortController();
    const log = { info: () => undefined, warn: (text: string) => void warnings.push(text) };
    const ended = runRounds(
        // biome-ignore lint/suspicious/useAwait: a round asks a server
        async () => {
            ran.push(time.nowMs() / 1000);
            return { nextUnix: round(time.nowMs()) };
        },
        { clock: time, timers: time, log, signal: stop.signal },
    );
    return { ended, ran, stop, time, warnings };
}

it("comes back when a lease is due, and each quarter of an hour without one", async () => {
    const { ended, ran, stop, time } = rounds((nowMs) => (nowMs < 600_000 ? 600 : null));
    await time.advance(HOUR_MS);
    expect(ran).toEqual([0, 600, 1500, 2400, 3300]);
    stop.abort();
    await ended;
    expect(time.pending).toBe(0);
});

it("waits at least a second where something stays due", async () => {
    const { ended, ran, stop, time } = rounds(() => 0);
    await time.advance(3_000);
    expect(ran).toEqual([0, 1, 2, 3]);
    stop.abort();
    await ended;
});

it("says a round that failed, and tries again after a minute", async () => {
    const { ended, ran, stop, time, warnings } = rounds((nowMs) => {
        if (nowMs < 120_000) throw error("MS_LINK", { where: "the server" });
        return null;
    });
    await time.advance(130_000);
    expect(ran).toEqual([0, 60, 120]);
    expect(warnings.map((text) => text.slice(0, 8))).toEqual(["MS_LINK:", "MS_LINK:"]);
    stop.abort();
    await ended;
});

it("ends with a defect, and is over before it began where it was stopped before", async () => {
    const broken = rounds(() => {
        throw new TypeError("a defect");
    });
    await expect(broken.ended).rejects.toThrow("a defect");
    const stop = new AbortController();
    stop.abort();
    const time = new SimulatedTime();
    const log = { info: () => undefined, warn: () => undefined };
    const round = (): Promise<never> => Promise.reject(new Error("not reached"));
    await runRounds(round, { clock: time, timers: time, log, signal: stop.signal });
});
