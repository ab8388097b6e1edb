import { type Clock, type Log, MetersealError, type Timers } from "@meterseal/core";
import type { ServerApi } from "../party/server-api.ts";
import { answerCohorts, type CohortAnswer } from "./answer-cohorts.ts";
import { aloneWithJournal, type HouseholdJournal } from "./journal-file.ts";
import type { AnsweringHousehold } from "./own-wallet.ts";
import { postUnposted } from "./post-issued.ts";
import { type LeasingHousehold, type Renewal, renewLeases } from "./renew-leases.ts";
import { postPolicies } from "./subscriptions.ts";

/** What one round of a wallet did. */
export type WalletRound = {
    /** Grants and policies of earlier rounds that the server did not have. */
    readonly resent: number;
    readonly renewals: readonly Renewal[];
    readonly cohorts: readonly CohortAnswer[];
    /** When the next lease is due, by the wallet's clock; null for never. */
    readonly nextUnix: number | null;
};

/** What a wallet works with. */
export type WalletTools = {
    readonly leasing: LeasingHousehold;
    readonly answering: AnsweringHousehold;
    readonly clock: Clock;
};

/**
 * The network's time, or the wallet's own where that is earlier: a network that replays the past has
 * an earlier one, and no server makes a wallet grant ahead of its clock.
 */
export async function networkNow(api: ServerApi, clock: Clock): Promise<number> {
    const { nowUnix } = await api.network();
    return Math.min(nowUnix, Math.floor(clock.nowMs() / 1000));
}

/**
 * One round of a wallet: sends what a crash kept back, issues the leases that are due, answers
 * cohorts. No other process issues grants of the home meanwhile; between rounds any may.
 * @throws MetersealError of the server; what was not done then is done in the next round.
 */
export function walletRound(tools: WalletTools): Promise<WalletRound> {
    return aloneWithJournal(tools.leasing.home, (journal) => roundAlone(tools, journal));
}

async function roundAlone(
    { answering, clock, leasing }: WalletTools,
    journal: HouseholdJournal,
): Promise<WalletRound> {
    const { api, home, own, partyOf, random } = leasing;
    const nowUnix = await networkNow(api, clock);
    const resent = (await postUnposted(api, journal)) + (await postPolicies(home, api));
    const renewals = await renewLeases(leasing, journal, nowUnix);
    const wallet = { api, household: answering, own, partyOf };
    const cohorts = await answerCohorts(wallet, journal, { nowUnix, random });
    const dues = renewals.flatMap(({ nextUnix }) => nextUnix ?? []);
    return {
        resent,
        renewals,
        cohorts,
        nextUnix: dues.length === 0 ? null : Math.min(...dues),
    };
}

/** Rounds are at most so far apart: revocations, cohorts and policies of other devices show up. */
const ROUND_MS = 15 * 60_000;
const RETRY_MS = 60_000;
const WAIT_MIN_MS = 1_000;

/** How rounds follow one another. */
type RoundTools = {
    readonly clock: Clock;
    readonly timers: Timers;
    readonly log: Log;
    readonly signal: AbortSignal;
};

/**
 * Runs rounds until the signal is aborted; a round under way is finished first. A round that fails is
 * said and tried again: what it left undone the next one does.
 */
export async function runRounds(
    round: () => Promise<{ readonly nextUnix: number | null }>,
    { clock, log, signal, timers }: RoundTools,
): Promise<void> {
    while (!signal.aborted) {
        let waitMs = RETRY_MS;
        try {
            const { nextUnix } = await round();
            const dueMs = nextUnix === null ? ROUND_MS : nextUnix * 1000 - clock.nowMs();
            waitMs = Math.max(WAIT_MIN_MS, Math.min(ROUND_MS, dueMs));
        } catch (cause) {
            if (!(cause instanceof MetersealError)) throw cause;
            log.warn(cause.message);
        }
        await pause(waitMs, timers, signal);
    }
}

function pause(waitMs: number, timers: Timers, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const done = (): void => {
            cancel();
            signal.removeEventListener("abort", done);
            resolve();
        };
        const cancel = timers.after(waitMs, done);
        signal.addEventListener("abort", done, { once: true });
    });
}
