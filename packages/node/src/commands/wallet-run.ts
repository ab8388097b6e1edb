import { formatInstant, type MetersealError, toHex } from "@meterseal/core";
import { grantWords } from "@meterseal/wallet";
import type { Command } from "../cli/arguments.ts";
import { systemTimers } from "../clocks.ts";
import { consoleLog, counted, out, say } from "../console.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { runRounds, type WalletRound, walletRound } from "../household/wallet-rounds.ts";
import { shutdownSignal } from "../shutdown.ts";
import { WALLET_OPTIONS, walletOf } from "./wallet-of-options.ts";

/** `meterseal wallet run`: renews leases and answers cohorts, as long as it runs. */
export const walletRunCommand: Command = {
    name: "wallet run",
    summary: "renews the leases of subscriptions and answers cohorts, until Ctrl-C",
    options: {
        ...WALLET_OPTIONS,
        once: { kind: "flag", help: "does what is due now and ends" },
        json: { kind: "flag", help: "prints each round as a line of JSON" },
    },
    examples: [
        "meterseal wallet run --home home --url http://127.0.0.1:8480",
        "meterseal wallet run --home home --url http://127.0.0.1:8480 --once --json",
    ],
    async run(options) {
        const wallet = walletOf(options);
        const { zone } = wallet.leasing.key;
        const tell =
            options.json === true ? tellJson : (round: WalletRound) => tellText(round, zone);
        const round = async (): Promise<WalletRound> => {
            const done = await walletRound(wallet);
            tell(done);
            return done;
        };
        if (options.once === true) {
            const refusal = refusalsOf(await round())[0];
            return refusal === undefined ? EXIT.ok : exitCodeOf(refusal.code);
        }
        const signal = shutdownSignal();
        const log = consoleLog("wallet");
        await runRounds(round, { clock: wallet.clock, timers: systemTimers, log, signal });
        say("Stopped. What is due meanwhile is issued at the next start.");
        return EXIT.ok;
    },
};

function refusalsOf({ cohorts, renewals }: WalletRound): MetersealError[] {
    return [...renewals, ...cohorts].flatMap(({ refusal }) => refusal ?? []);
}

function tellJson({ cohorts, nextUnix, renewals, resent }: WalletRound): void {
    const leases = renewals.flatMap(({ issued, subscription }) =>
        issued.map(({ grant }) => ({
            grant: toHex(grant.message.hash),
            subscription: subscription.hash,
            fromUnix: grant.fromUnix,
            toUnix: grant.toUnix,
        })),
    );
    const refusals = [
        ...renewals.map(({ refusal, subscription }) => ({ of: subscription.hash, refusal })),
        ...cohorts.map(({ cohort, refusal }) => ({ of: cohort, refusal })),
    ].flatMap(({ of, refusal }) =>
        refusal === null ? [] : [{ of, code: refusal.code, detail: refusal.message }],
    );
    const answered = cohorts.flatMap(({ cohort, grant }) => (grant === null ? [] : [cohort]));
    out(JSON.stringify({ resent, leases, cohorts: answered, refusals, nextUnix }));
}

function tellText({ cohorts, nextUnix, renewals, resent }: WalletRound, zone: string): void {
    if (resent > 0) say(`Sent what a crash had kept back: ${counted(resent, "message")}.`);
    for (const { issued, subscription } of renewals) {
        for (const { grant } of issued) {
            out(`${toHex(grant.message.hash).slice(0, 16)}  lease: ${grantWords(grant)}`);
        }
        if (issued.length > 0) say(`  of subscription ${subscription.hash.slice(0, 16)}`);
    }
    for (const { cohort, grant } of cohorts) {
        if (grant !== null) out(`${grant.slice(0, 16)}  tokens for cohort ${cohort.slice(0, 16)}`);
    }
    const round = { cohorts, nextUnix, renewals, resent };
    for (const refusal of refusalsOf(round)) say(`Not done: ${refusal.message}`);
    say(
        nextUnix === null
            ? "No lease is due."
            : `The next lease is due ${formatInstant(nextUnix, zone)}.`,
    );
}
