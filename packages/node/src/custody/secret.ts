import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { error, LIMITS } from "@meterseal/core";
import { type Options, textOption } from "../cli/arguments.ts";
import { readBounded } from "../files.ts";

const FILE_BYTES = 4_096;

/**
 * A secret of a person: from the file of an option, whose last line break does not count, or asked
 * for at the terminal without showing it. Never on the command line, where others can read it.
 * @throws MetersealError MS_USAGE where there is neither file nor terminal.
 */
export async function askSecret(options: Options, option: string, prompt: string): Promise<string> {
    const path = textOption(options, option);
    if (path !== undefined) {
        return readBounded(path, FILE_BYTES)
            .toString("utf8")
            .replace(/\r?\n$/, "");
    }
    if (process.stdin.isTTY !== true) {
        throw error("MS_USAGE", { expected: `a terminal to ask at, or --${option} FILE` });
    }
    process.stderr.write(prompt);
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
    try {
        return await terminal.question("");
    } finally {
        terminal.close();
        process.stderr.write("\n");
    }
}

/**
 * A new passphrase, asked for twice at a terminal.
 * @throws MetersealError MS_USAGE for one that is shorter than {@link LIMITS.passphraseCharacters},
 * or where the two differ.
 */
export async function askNewPassphrase(options: Options): Promise<string> {
    const option = "passphrase-file";
    const first = await askSecret(options, option, "New passphrase: ");
    if ([...first].length < LIMITS.passphraseCharacters) {
        const expected = `a passphrase of at least ${LIMITS.passphraseCharacters} characters`;
        throw error("MS_USAGE", { expected, todo: "Four or five words at random are a good one." });
    }
    if (textOption(options, option) !== undefined) return first;
    if ((await askSecret(options, option, "The same again: ")) === first) return first;
    throw error("MS_USAGE", { expected: "the same passphrase twice" });
}
