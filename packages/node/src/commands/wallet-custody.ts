import { error, LIMITS, unwrap } from "@meterseal/core";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { isConfirmed } from "../cli/confirm.ts";
import { systemRandom } from "../clocks.ts";
import { out, say } from "../console.ts";
import { type ArchiveSecret, openArchive, sealArchive } from "../custody/archive.ts";
import { makeRecoveryCode } from "../custody/recovery-code.ts";
import { askNewPassphrase, askSecret } from "../custody/secret.ts";
import { eraseWallet, hasMeter, readWallet, writeWallet } from "../custody/wallet-files.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded, writeSecret } from "../files.ts";

const PASSPHRASE_OPTION = {
    kind: "value",
    value: "FILE",
    help: "file with the passphrase; asked for where it is not given",
} as const;

/** `meterseal wallet export`: an encrypted copy of a household's keys. */
export const walletExportCommand: Command = {
    name: "wallet export",
    summary: "writes an encrypted copy of a household's keys, and prints a recovery code once",
    options: {
        dir: { kind: "value", value: "DIR", help: "directory of the wallet" },
        to: { kind: "value", value: "FILE", help: "the copy; there must be nothing" },
        "passphrase-file": PASSPHRASE_OPTION,
        json: { kind: "flag", help: "prints the recovery code and what is in the copy as JSON" },
    },
    examples: [
        "meterseal wallet export --dir .meterseal/demo/households/MAC000515 --to mine.wallet",
    ],
    async run(options) {
        const files = readWallet(requiredOption(options, "dir", "DIR"));
        const to = requiredOption(options, "to", "FILE");
        const passphrase = await askNewPassphrase(options);
        const recoveryCode = makeRecoveryCode(systemRandom);
        const secrets: ArchiveSecret[] = [
            { kind: "passphrase", text: passphrase },
            { kind: "recovery code", text: recoveryCode },
        ];
        writeSecret(to, sealArchive(files, secrets, systemRandom));
        const names = files.map(({ name }) => name);
        if (options.json === true) out(JSON.stringify({ to, recoveryCode, files: names }));
        else {
            out(recoveryCode);
            say(`The wallet is in ${to}, encrypted: ${names.join(", ")}.
Write the recovery code above on paper and keep it apart: it opens the copy without the passphrase,
and is shown this once. Grants that are issued from now on are not in the copy.`);
        }
        return EXIT.ok;
    },
};

/** `meterseal wallet import`: a household's keys out of an encrypted copy. */
export const walletImportCommand: Command = {
    name: "wallet import",
    positional: "FILE",
    summary: "brings a household's keys back from an encrypted copy",
    options: {
        out: {
            kind: "value",
            value: "DIR",
            help: "directory of the wallet; made where it is missing",
        },
        "passphrase-file": PASSPHRASE_OPTION,
        "recovery-file": {
            kind: "value",
            value: "FILE",
            help: "file with the recovery code instead",
        },
        recovery: { kind: "flag", help: "asks for the recovery code instead" },
        json: { kind: "flag", help: "prints what was in the copy as JSON" },
    },
    examples: [
        "meterseal wallet import mine.wallet --out .meterseal/mine",
        "meterseal wallet import mine.wallet --out .meterseal/mine --recovery",
    ],
    async run(options, [source]) {
        if (source === undefined) throw error("MS_USAGE", { expected: "FILE: a copy of a wallet" });
        const directory = requiredOption(options, "out", "DIR");
        const text = readBounded(source, LIMITS.walletBytes * 2).toString("utf8");
        const files = unwrap(openArchive(text, await askWhich(options)));
        writeWallet(directory, files);
        const names = files.map(({ name }) => name);
        if (options.json === true) out(JSON.stringify({ directory, files: names }));
        else say(`The wallet is in ${directory}: ${names.join(", ")}.`);
        return EXIT.ok;
    },
};

/** `meterseal wallet erase`: makes a household's stored data useless to everybody. */
export const walletEraseCommand: Command = {
    name: "wallet erase",
    summary: "deletes a household's keys: without a copy nobody can ever open its data again",
    options: {
        dir: { kind: "value", value: "DIR", help: "directory of the wallet" },
        yes: { kind: "flag", help: "does not ask" },
        json: { kind: "flag", help: "prints what was deleted as JSON" },
    },
    examples: ["meterseal wallet erase --dir .meterseal/mine"],
    async run(options) {
        const directory = requiredOption(options, "dir", "DIR");
        const names = readWallet(directory).map(({ name }) => name);
        say(`This deletes from ${directory}, for good: ${names.join(", ")}.
What the server stores of this household can then be opened by nobody, but with a copy of the keys:
bills that were proven still verify, and whoever was granted something keeps what it holds.`);
        if (options.yes !== true && !(await isConfirmed("delete"))) {
            say("Nothing was deleted.");
            return EXIT.ok;
        }
        eraseWallet(directory);
        if (options.json === true) out(JSON.stringify({ directory, files: names }));
        else say("Deleted. A disk may keep what was on it: encrypt disks that held keys.");
        if (hasMeter(directory)) {
            say(
                `The meter's own copy of the master secret is still in ${directory}: it goes with the meter.`,
            );
        }
        return EXIT.ok;
    },
};

async function askWhich(options: Options): Promise<ArchiveSecret> {
    const byCode = options.recovery === true || textOption(options, "recovery-file") !== undefined;
    if (byCode) {
        const text = await askSecret(options, "recovery-file", "Recovery code: ");
        return { kind: "recovery code", text };
    }
    return {
        kind: "passphrase",
        text: await askSecret(options, "passphrase-file", "Passphrase: "),
    };
}
