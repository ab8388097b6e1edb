import { createInterface } from "node:readline/promises";
import { error } from "@meterseal/core";

/**
 * Asks at the terminal whether something may be deleted.
 * @throws MetersealError MS_USAGE where there is no terminal; nothing was deleted then.
 */
export async function isConfirmed(): Promise<boolean> {
    if (process.stdin.isTTY !== true) {
        throw error("MS_USAGE", {
            expected: "a terminal to ask at, or --yes",
            got: "neither; nothing was deleted",
        });
    }
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
        return (await terminal.question("Type 'yes' to delete: ")).trim() === "yes";
    } finally {
        terminal.close();
    }
}
