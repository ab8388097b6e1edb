// Installs what the tests on an EVM node need and users do not: a node and a foreign client, some
// 130 MB. They stand beside the tests and not in the lock file of the project, so that `npm start`
// does not bring them. Does nothing when nothing changed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashFiles, root } from "./workspace.mjs";

const TOOLS = join("test", "evm", "tools");
const MARKER = join(root, TOOLS, "node_modules", ".ready");

const platform = `${process.platform}-${process.arch}`;
const hash = hashFiles([join(TOOLS, "package-lock.json")], platform);
if (!existsSync(MARKER) || readFileSync(MARKER, "utf8") !== hash) {
    process.stderr.write("Installing an EVM node and a client for the tests (once) ...\n");
    const words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    const { status } = spawnSync("npm", words, {
        cwd: join(root, TOOLS),
        stdio: ["ignore", 2, 2],
        shell: process.platform === "win32",
    });
    if (status !== 0) {
        process.stderr.write("They could not be installed; npm says above why.\n");
        process.exit(1);
    }
    writeFileSync(MARKER, hash);
}
