import { error, MetersealError } from "@meterseal/core";
import { type Command, parseOptions } from "./cli/arguments.ts";
import { commandHelp, programHelp } from "./cli/help.ts";
import { nearestName } from "./cli/nearest.ts";
import { anchorCommand } from "./commands/anchor.ts";
import { anchorCheckCommand } from "./commands/anchor-check.ts";
import { anchorDeployCommand } from "./commands/anchor-deploy.ts";
import { anchorExportCommand } from "./commands/anchor-export.ts";
import { anchorKeyCommand } from "./commands/anchor-key.ts";
import { backupCommand } from "./commands/backup.ts";
import { billCheckCommand } from "./commands/bill-check.ts";
import { billProveCommand } from "./commands/bill-prove.ts";
import { bridgeCommand } from "./commands/bridge.ts";
import {
    contradictionGetCommand,
    contradictionListCommand,
    contradictionPackCommand,
    contradictionVerifyCommand,
} from "./commands/contradiction.ts";
import { decodeCommand } from "./commands/decode.ts";
import { demoCommand } from "./commands/demo.ts";
import { demoTamperCommand } from "./commands/demo-tamper.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { enrolCommand } from "./commands/enrol.ts";
import { exportCommand } from "./commands/export.ts";
import { grantAccessesCommand } from "./commands/grant-accesses.ts";
import { grantCheckCommand } from "./commands/grant-check.ts";
import { grantCreateCommand } from "./commands/grant-create.ts";
import { grantListCommand } from "./commands/grant-list.ts";
import { grantRevokeCommand } from "./commands/grant-revoke.ts";
import { grantShowCommand } from "./commands/grant-show.ts";
import { ledgerAdmitCommand } from "./commands/ledger-admit.ts";
import { ledgerDagCommand } from "./commands/ledger-dag.ts";
import { ledgerHeadsCommand } from "./commands/ledger-heads.ts";
import { ledgerJoinCommand } from "./commands/ledger-join.ts";
import { ledgerStatusCommand } from "./commands/ledger-status.ts";
import { localnetCommand } from "./commands/localnet.ts";
import { meterCorrectCommand } from "./commands/meter-correct.ts";
import {
    meterExchangeCommand,
    meterMoveInCommand,
    meterRecoverCommand,
    meterResetRegisterCommand,
    meterRotateKeyCommand,
} from "./commands/meter-exchange.ts";
import { meterInitCommand } from "./commands/meter-init.ts";
import { meterLoraCommand } from "./commands/meter-lora.ts";
import { meterRunCommand } from "./commands/meter-run.ts";
import { monitorFormCommand, monitorPublishCommand } from "./commands/monitor-form.ts";
import { monitorBalanceCommand, monitorSumsCommand } from "./commands/monitor-sums.ts";
import {
    monitorInitCommand,
    partyRotateCommand,
    providerInitCommand,
    walletInitCommand,
} from "./commands/party-init.ts";
import { providerGrantsCommand } from "./commands/provider-grants.ts";
import { providerSumsCommand } from "./commands/provider-sums.ts";
import { pruneCommand } from "./commands/prune.ts";
import { receiptGetCommand, receiptVerifyCommand } from "./commands/receipt.ts";
import { resetCommand } from "./commands/reset.ts";
import { restoreCommand } from "./commands/restore.ts";
import { revokeCommand } from "./commands/revoke.ts";
import { serveCommand } from "./commands/serve.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { subscriptionCreateCommand } from "./commands/subscription-create.ts";
import { subscriptionListCommand } from "./commands/subscription-list.ts";
import { subscriptionRevokeCommand } from "./commands/subscription-revoke.ts";
import { tariffPublishCommand } from "./commands/tariff-publish.ts";
import { tariffShowCommand } from "./commands/tariff-show.ts";
import { usageCommand } from "./commands/usage.ts";
import { verifyCommand } from "./commands/verify.ts";
import { versionCommand } from "./commands/version.ts";
import { walletCohortCommand } from "./commands/wallet-cohort.ts";
import {
    walletEraseCommand,
    walletExportCommand,
    walletImportCommand,
} from "./commands/wallet-custody.ts";
import { walletPublishCommand } from "./commands/wallet-publish.ts";
import { walletRunCommand } from "./commands/wallet-run.ts";
import { witnessCommand } from "./commands/witness.ts";
import { out, say } from "./console.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { reasonOf } from "./files.ts";

const COMMANDS: readonly Command[] = [
    demoTamperCommand,
    demoCommand,
    serveCommand,
    localnetCommand,
    simulateCommand,
    enrolCommand,
    revokeCommand,
    meterInitCommand,
    meterRunCommand,
    meterLoraCommand,
    bridgeCommand,
    meterCorrectCommand,
    meterExchangeCommand,
    meterResetRegisterCommand,
    meterMoveInCommand,
    meterRecoverCommand,
    meterRotateKeyCommand,
    walletInitCommand,
    walletRunCommand,
    walletPublishCommand,
    subscriptionCreateCommand,
    subscriptionListCommand,
    subscriptionRevokeCommand,
    walletExportCommand,
    walletImportCommand,
    walletEraseCommand,
    providerInitCommand,
    monitorInitCommand,
    partyRotateCommand,
    monitorFormCommand,
    monitorPublishCommand,
    monitorSumsCommand,
    monitorBalanceCommand,
    walletCohortCommand,
    providerGrantsCommand,
    providerSumsCommand,
    grantCheckCommand,
    grantCreateCommand,
    grantListCommand,
    grantShowCommand,
    grantRevokeCommand,
    grantAccessesCommand,
    usageCommand,
    exportCommand,
    verifyCommand,
    tariffPublishCommand,
    tariffShowCommand,
    billProveCommand,
    billCheckCommand,
    decodeCommand,
    receiptGetCommand,
    receiptVerifyCommand,
    contradictionListCommand,
    contradictionGetCommand,
    contradictionVerifyCommand,
    contradictionPackCommand,
    witnessCommand,
    ledgerJoinCommand,
    ledgerAdmitCommand,
    ledgerStatusCommand,
    ledgerHeadsCommand,
    ledgerDagCommand,
    anchorKeyCommand,
    anchorDeployCommand,
    anchorExportCommand,
    anchorCheckCommand,
    anchorCommand,
    doctorCommand,
    backupCommand,
    restoreCommand,
    pruneCommand,
    resetCommand,
    versionCommand,
];

/** Runs one command line; returns the exit code. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
    if (words[0] === "--version") return await runCommandLine(["version", ...words.slice(1)]);
    const command = COMMANDS.find(({ name }) =>
        name.split(" ").every((word, i) => words[i] === word),
    );
    if (command === undefined) return answerNoCommand(words[0], words[1]);
    const rest = words.slice(command.name.split(" ").length);
    if (rest.includes("--help") || rest.includes("-h")) {
        out(commandHelp(command));
        return EXIT.ok;
    }
    try {
        const { options, positionals } = parseOptions(command, rest);
        return await command.run(options, positionals);
    } catch (cause) {
        return answerFailure(cause);
    }
}

/** File system errors that are the machine's and not ours. */
const DISK_ERRORS = ["ENOSPC", "EACCES", "EPERM", "EROFS", "EIO", "EDQUOT", "EMFILE"];

function answerFailure(cause: unknown): number {
    if (cause instanceof MetersealError) {
        say(cause.message);
        // What lies behind it, such as the full disk behind a record that was not written.
        if (cause.cause instanceof MetersealError) say(`Because: ${cause.cause.message}`);
        return exitCodeOf(cause.code);
    }
    const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
    if (code !== undefined && DISK_ERRORS.includes(code)) {
        return answerFailure(error("MS_STORE_UNWRITABLE", { got: reasonOf(cause), cause }));
    }
    const details = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    say(`MS_INTERNAL: This is a defect of Meterseal; please report it.\n${details}`);
    return EXIT.internal;
}

function answerNoCommand(word: string | undefined, second: string | undefined): number {
    if (word === undefined || word === "--help" || word === "-h" || word === "help") {
        out(programHelp([...COMMANDS].sort((a, b) => a.name.localeCompare(b.name))));
        return word === undefined ? EXIT.usage : EXIT.ok;
    }
    const names = COMMANDS.map(({ name }) => name.split(" ")[0] ?? name);
    if (names.includes(word)) return answerHalfCommand(word, second);
    const nearest = nearestName(word, names);
    const hint = nearest === null ? "" : ` Did you mean '${nearest}'?`;
    say(`MS_USAGE: There is no command '${word}'.${hint} See: meterseal --help`);
    return EXIT.usage;
}

/** For the first word of commands that have two. */
function answerHalfCommand(word: string, second: string | undefined): number {
    const ways = COMMANDS.filter(({ name }) => name.startsWith(`${word} `));
    if (second === "--help" || second === "-h") {
        out(programHelp(ways));
        return EXIT.ok;
    }
    const seconds = ways.map(({ name }) => name.slice(word.length + 1)).join(", ");
    const got = second === undefined ? "none" : `'${second}'`;
    say(`MS_USAGE: '${word}' needs one of ${seconds}; got ${got}. See: meterseal ${word} --help`);
    return EXIT.usage;
}
