import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "./process-alive.ts";

const PREFIX = "meterseal-tests-";

/**
 * Gives a whole test run one temporary directory, in which every test makes its own, and removes it
 * with whatever they left: a worker of the test runner is ended without a word. What a run left that
 * was killed itself goes at the start of the next.
 */
export function setup(): () => void {
    const parent = tmpdir();
    for (const name of readdirSync(parent)) {
        const pid = name.startsWith(PREFIX)
            ? Number.parseInt(name.slice(PREFIX.length), 10)
            : Number.NaN;
        if (pid > 0 && !isAlive(pid)) rmSync(join(parent, name), { recursive: true, force: true });
    }
    const directory = mkdtempSync(join(parent, `${PREFIX}${process.pid}-`));
    chmodSync(directory, 0o755); // some tests look at their files as another user
    process.env.TMPDIR = directory; // POSIX
    process.env.TEMP = directory; // Windows
    return () => rmSync(directory, { recursive: true, force: true });
}
