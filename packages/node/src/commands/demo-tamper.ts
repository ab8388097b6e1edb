import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "../cli/arguments.ts";
import { consoleLog, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { Neighbourhood } from "../fleet/neighbourhood.ts";
import { shutdownSignal } from "../shutdown.ts";
import { ATTACKS, attack } from "../tamper/attacks.ts";
import type { VerifyReport } from "../verify/report.ts";
import { verifyDirectory } from "../verify/verify.ts";

const METERS = 3;
const DAYS = 7;
const SHOWN_FAULTS = 2;

/** `meterseal demo tamper`: what happens to somebody who changes the books. */
export const demoTamperCommand: Command = {
    name: "demo tamper",
    summary: "changes a ledger behind its back in five ways, and shows that each is found",
    options: { json: { kind: "flag", help: "prints the outcome as one line of JSON" } },
    examples: ["npx meterseal demo tamper"],
    async run(options) {
        const signal = shutdownSignal();
        const root = mkdtempSync(join(tmpdir(), "meterseal-tamper-"));
        try {
            const honest = join(root, "honest");
            say(
                `Three meters replay a week of real London readings; every reading is sealed and signed …`,
            );
            await makeLedger(honest, signal);
            if (signal.aborted) return EXIT.ok;
            const before = await verifyDirectory(honest, [], () => {});
            say(
                `\nThe untouched ledger: ${before.counts.records} records, ${before.counts.signatures} signatures.`,
            );
            say(`  verify: ${before.faults.length === 0 ? "everything holds" : "FAULT"}`);
            const outcomes = [];
            for (const each of ATTACKS) {
                const copy = join(root, "copy");
                rmSync(copy, { recursive: true, force: true });
                cpSync(honest, copy, { recursive: true });
                attack(copy, each);
                const after = await verifyDirectory(copy, [], () => {});
                say(`\n${each.story}\n${describe(after)}`);
                outcomes.push({
                    attack: each.name,
                    found: after.faults.length > 0,
                    first: after.faults[0] ?? null,
                });
            }
            const found = before.faults.length === 0 && outcomes.every((outcome) => outcome.found);
            say(
                found
                    ? "\nEvery change was found, and verify says where."
                    : "\nA change was NOT found.",
            );
            if (options.json === true)
                out(JSON.stringify({ honest: before.faults.length === 0, attacks: outcomes }));
            return found ? EXIT.ok : EXIT.fault;
        } catch (cause) {
            if (signal.aborted) return EXIT.ok; // what it interrupted is no failure
            throw cause;
        } finally {
            rmSync(root, { recursive: true, force: true });
        }
    },
};

async function makeLedger(dataDir: string, signal: AbortSignal): Promise<void> {
    const neighbourhood = await Neighbourhood.start({
        dataDir,
        meters: METERS,
        days: DAYS,
        speed: 0,
        california: 0,
        own: null,
        httpPort: 0,
        open: false,
        log: consoleLog("meter"),
        signal,
    });
    await neighbourhood.replay(() => {}).finally(() => neighbourhood.stop());
}

function describe(report: VerifyReport): string {
    const count = report.faults.length + report.counts.furtherFaults;
    if (count === 0) return "  verify: everything holds";
    const shown = report.faults
        .slice(0, SHOWN_FAULTS)
        .map((fault) => `    ${fault.where}\n      ${fault.message}`);
    const more = count > SHOWN_FAULTS ? `\n    … and ${count - SHOWN_FAULTS} more` : "";
    return `  verify: ${count} faults, exit code ${EXIT.fault}\n${shown.join("\n")}${more}`;
}
