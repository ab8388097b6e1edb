// Runs every check one after the other and names those that failed: types, style, layers, the lock
// file and the tests.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { nodeToRun, root } from "./workspace.mjs";

const modules = join(root, "node_modules");
const tsc = join(modules, "typescript", "bin", "tsc");
const portal = join("packages", "portal", "tsconfig.json");

const steps = [
    ["types", [tsc, "-p", "tsconfig.json"]],
    [
        "types of the portal",
        [tsc, "-p", portal],
        existsSync(join(root, "packages", "portal", "index.html")),
    ],
    [
        "style",
        [join(modules, "@biomejs", "biome", "bin", "biome"), "check", "--error-on-warnings", "."],
    ],
    ["layers", [join("scripts", "check-layers.mjs")]],
    ["exports", [join("scripts", "check-exports.mjs")]],
    ["lock file", [join("scripts", "check-lock.mjs")]],
    ["tests", [join(modules, "vitest", "vitest.mjs"), "run"]],
];

const node = nodeToRun();
const failed = [];
for (const [name, args, applies = true] of steps) {
    console.log(`\n== ${name}`);
    if (!applies) {
        console.log("nothing to check yet");
        continue;
    }
    const { status, error } = spawnSync(node, args, { cwd: root, stdio: "inherit" });
    if (error !== undefined) console.error(error.message);
    if (status !== 0) failed.push(name);
}

console.log(failed.length === 0 ? "\nAll checks passed." : `\nFailed: ${failed.join(", ")}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
