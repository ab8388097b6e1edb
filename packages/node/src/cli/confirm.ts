import { createInterface } from "node:readline/promises";
import { error } from "@meterseal/core";

/**
 * Asks at the terminal whether something may be done that cannot be undone.
 * @throws MetersealError MS_USAGE where there is no terminal; nothing was done then.
 */
export async function isConfirmed(verb: "delete" | "remove"): Promise<boolean> {
    if (process.stdin.isTTY !== true) {
        throw error("MS_USAGE", {
            expected: "a terminal to ask at, or --yes",
            got: `neither; nothing was ${verb}d`,
        });
    }
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
        return (await terminal.question(`Type 'yes' to ${verb}: `)).trim() === "yes";
    } finally {
        terminal.close();
    }
}
