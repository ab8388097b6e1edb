// Runs `meterseal demo` for a browser test, and other commands beside it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const meterseal = join(root, "packages", "node", "bin", "meterseal.mjs");
const START_TIMEOUT_MS = 120_000;

/** Starts a demo in a directory of its own; resolves when its first days are replayed and the portal serves. */
export function startDemo(...options) {
    const still = ["--speed", "0"]; // pages are compared with numbers that must not move meanwhile
    return startServing("demo", ...still, ...options);
}

/** Starts an empty server of today in a directory of its own; resolves when the portal serves. */
export function startServer() {
    return startServing("serve", "--mqtt-port", "0");
}

async function startServing(command, ...options) {
    const dataDir = mkdtempSync(join(tmpdir(), "meterseal-browser-"));
    const args = [meterseal, command, "--port", "0", "--data", dataDir, ...options];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    let said = "";
    const url = await new Promise((resolve, reject) => {
        const give = (why) => {
            clearTimeout(timer);
            child.kill("SIGKILL");
            rmSync(dataDir, { recursive: true, force: true });
            reject(new Error(`${command} ${why}:\n${said}`));
        };
        const timer = setTimeout(() => give("did not start in time"), START_TIMEOUT_MS);
        child.once("exit", () => give("ended"));
        child.stderr.on("data", (chunk) => {
            said += chunk;
            const match = /^portal: (http:\S+)/m.exec(said);
            if (match === null) return;
            clearTimeout(timer);
            resolve(match[1]);
        });
    });
    return {
        url,
        dataDir,
        keyFile: (home) => join(dataDir, "households", home, "key.json"),
        /** Ends the server as Ctrl-C would. */
        async stop() {
            child.kill("SIGINT");
            await ended;
        },
        remove: () => rmSync(dataDir, { recursive: true, force: true }),
    };
}

/** Standard output of a `meterseal` command. */
export async function runMeterseal(...args) {
    const child = spawn(process.execPath, [meterseal, ...args], {
        stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (chunk) => {
        text += chunk;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    if (code !== 0) throw new Error(`meterseal ${args[0]} ended with exit code ${code}`);
    return text;
}
