import { MetersealError } from "@meterseal/core";
import { type Command, parseOptions } from "./cli/arguments.ts";
import { commandHelp, programHelp } from "./cli/help.ts";
import { decodeCommand } from "./commands/decode.ts";
import { demoCommand } from "./commands/demo.ts";
import { demoTamperCommand } from "./commands/demo-tamper.ts";
import { serveCommand } from "./commands/serve.ts";
import { usageCommand } from "./commands/usage.ts";
import { verifyCommand } from "./commands/verify.ts";
import { out, say } from "./console.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";

const COMMANDS: readonly Command[] = [
    demoTamperCommand,
    demoCommand,
    serveCommand,
    usageCommand,
    verifyCommand,
    decodeCommand,
];

/** Runs one command line; returns the exit code. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
    const command = COMMANDS.find(({ name }) =>
        name.split(" ").every((word, i) => words[i] === word),
    );
    if (command === undefined) return answerNoCommand(words[0]);
    const rest = words.slice(command.name.split(" ").length);
    if (rest.includes("--help") || rest.includes("-h")) {
        out(commandHelp(command));
        return EXIT.ok;
    }
    try {
        const { options, positionals } = parseOptions(command, rest);
        return await command.run(options, positionals);
    } catch (cause) {
        if (!(cause instanceof MetersealError)) throw cause;
        say(cause.message);
        return exitCodeOf(cause.code);
    }
}

function answerNoCommand(word: string | undefined): number {
    if (word === undefined || word === "--help" || word === "-h" || word === "help") {
        out(programHelp([...COMMANDS].sort((a, b) => a.name.localeCompare(b.name))));
        return word === undefined ? EXIT.usage : EXIT.ok;
    }
    say(`MS_USAGE: There is no command '${word}'. See: meterseal --help`);
    return EXIT.usage;
}
