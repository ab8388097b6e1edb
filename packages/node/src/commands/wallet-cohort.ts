import { join } from "node:path";
import { type Command, requiredOption, textOption } from "../cli/arguments.ts";
import { systemRandom } from "../clocks.ts";
import { counted, out, say } from "../console.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { answerCohorts, type CohortAnswer } from "../household/answer-cohorts.ts";
import { aloneWithJournal } from "../household/journal-file.ts";
import { openWallet } from "../household/own-wallet.ts";
import { postUnposted } from "../household/post-issued.ts";
import { monthText } from "../monitor/months.ts";
import { readKey } from "./household-usage.ts";

/** `meterseal wallet cohort`: a household's tokens for the sums of its neighbourhood. */
export const walletCohortCommand: Command = {
    name: "wallet cohort",
    summary: "makes a household's tokens for the cohorts on the ledger that name it",
    options: {
        home: { kind: "value", value: "DIR", help: "directory of the household" },
        key: { kind: "value", value: "FILE", help: "key file (key.json in --home)" },
        url: { kind: "value", value: "URL", help: "server of its network" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: ["meterseal wallet cohort --home my-meter --url http://127.0.0.1:8480"],
    async run(options) {
        const dir = requiredOption(options, "home", "DIR");
        const path = textOption(options, "key") ?? join(dir, "key.json");
        const key = readKey({ ...options, key: path });
        const wallet = openWallet(dir, key, requiredOption(options, "url", "URL"));
        const { api } = wallet;
        const answers = await aloneWithJournal(dir, async (journal) => {
            const waiting = await postUnposted(api, journal);
            if (waiting > 0) {
                say(`Posted what a crash had left behind: ${counted(waiting, "grant")}.`);
            }
            const { nowUnix } = await api.network();
            return await answerCohorts(wallet, journal, { nowUnix, random: systemRandom });
        });
        if (options.json === true) out(JSON.stringify(answers.map(toJson)));
        else tell(answers);
        const refusal = answers.find((answer) => answer.refusal !== null)?.refusal;
        return refusal == null ? EXIT.ok : exitCodeOf(refusal.code);
    },
};

function toJson({ refusal, ...answer }: CohortAnswer): unknown {
    return {
        ...answer,
        month: monthText(answer.month),
        refusal: refusal === null ? null : { code: refusal.code, detail: refusal.message },
    };
}

function tell(answers: readonly CohortAnswer[]): void {
    if (answers.length === 0) say("No cohort on the ledger waits for this household.");
    for (const { cohort, feeder, grant, members, month, refusal } of answers) {
        const name = `${cohort.slice(0, 16)}  ${feeder}  ${monthText(month)}  ${members} homes`;
        if (refusal !== null) {
            say(`${name}: refused. ${refusal.message}`);
            continue;
        }
        out(`${name}: tokens made, grant ${(grant ?? "").slice(0, 16)}`);
    }
    if (answers.some(({ grant }) => grant !== null)) {
        say("The monitor reads the sum of all these homes, and nothing of this one alone.");
    }
}
