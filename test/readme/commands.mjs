// Commands of a Markdown page: what stands in its `sh` blocks, in order.

/** Programs that stay until somebody presses Ctrl-C. */
const STAYS =
    /^npm start\b(?!.*(?:--once|--help))|\bmeterseal (?:serve|demo)\b(?! tamper)(?!.*(?:--once|--help|--print-config))/;
/** Whole test suites: CI runs each of them in a section of its own. */
const SUITE = /^npm (?:test|run (?:check|fix|bench|coverage|test:\w+))\b/;

/**
 * Commands of a page with the line they begin at; a here-document and a line that goes on with a
 * backslash are one command. A comment that names an exit code says what the command must end with.
 * @returns `{ text, line, exitCode, kind }` with kind `run`, `stays` or `suite`.
 */
export function commandsOf(markdown) {
    const commands = [];
    let inBlock = false;
    let open = null;
    for (const [index, line] of markdown.split("\n").entries()) {
        if (open !== null) {
            open.text += `\n${line}`;
            if (open.ends(line)) open = null;
        } else if (line.startsWith("```")) {
            inBlock = !inBlock && line === "```sh";
        } else if (inBlock && line.trim() !== "" && !line.startsWith("#")) {
            const command = { text: line, line: index + 1, ends: endOf(line) };
            commands.push(command);
            if (command.ends !== null) open = command;
        }
    }
    return commands.map(({ text, line }) => ({
        text,
        line,
        exitCode: Number(/#.*exit code (\d+)/.exec(text)?.[1] ?? 0),
        kind: SUITE.test(text) ? "suite" : STAYS.test(text) ? "stays" : "run",
    }));
}

/** Tells the last line of a command by its first; null where that is the same one. */
function endOf(line) {
    const word = /<<'?(\w+)'?$/.exec(line)?.[1];
    if (word !== undefined) return (each) => each === word;
    return line.endsWith("\\") ? (each) => !each.endsWith("\\") : null;
}
