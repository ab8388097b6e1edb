import { EXIT } from "../exit-codes.ts";
import type { Command } from "./arguments.ts";

const EXIT_CODES = [
    `  ${EXIT.ok}   done; everything that was checked holds`,
    `  ${EXIT.fault}   a check found a fault`,
    `  ${EXIT.usage}   the command line, a key file or another input is not valid`,
    `  ${EXIT.environment}   a port, a lock or the disk stands in the way`,
    `  ${EXIT.internal}  a defect of Meterseal: please report it`,
].join("\n");

/** Help over all commands. */
export function programHelp(commands: readonly Command[]): string {
    const width = Math.max(...commands.map((command) => command.name.length));
    const lines = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
    return `meterseal: electricity metering that nobody has to trust blindly

Usage: meterseal COMMAND [OPTIONS]      meterseal COMMAND --help

Commands:
${lines.join("\n")}

Exit codes:
${EXIT_CODES}`;
}

/** Help of one command, with examples. */
export function commandHelp(command: Command): string {
    const options = Object.entries(command.options).map(([name, spec]) => {
        const left = spec.kind === "flag" ? `--${name}` : `--${name} ${spec.value ?? "VALUE"}`;
        return [left, spec.help] as const;
    });
    options.push(["--help", "shows this text"]);
    const width = Math.max(...options.map(([left]) => left.length));
    const positional = command.positional === undefined ? "" : ` ${command.positional}`;
    return `meterseal ${command.name}: ${command.summary}

Usage: meterseal ${command.name}${positional} [OPTIONS]

Options:
${options.map(([left, text]) => `  ${left.padEnd(width)}  ${text}`).join("\n")}

Examples:
${command.examples.map((example) => `  ${example}`).join("\n")}

Exit codes:
${EXIT_CODES}`;
}
