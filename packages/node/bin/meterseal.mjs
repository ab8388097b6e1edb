#!/usr/bin/env node
// Starts the command line under a Node that runs TypeScript sources: this one, or the one that npm
// installed beside the packages.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { constants, homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR = 26;
const main = new URL("../src/main.ts", import.meta.url);

keepCompiled();
if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR) {
    module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
    await import(main.href);
} else {
    const node = findNode(dirname(fileURLToPath(import.meta.url)));
    if (node === undefined) {
        console.error(
            `meterseal: needs Node ${NODE_MAJOR} or newer; run \`npm install\` to get it.`,
        );
        process.exitCode = 1;
    } else {
        await runUnder(node);
    }
}

/**
 * Keeps compiled modules for the next start, of which they are half, in threads and children too. In a
 * directory of this user: what lies in it is run. Where there is none, nothing is kept.
 */
function keepCompiled() {
    try {
        const caches = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
        process.env.NODE_COMPILE_CACHE ??= join(caches, "meterseal");
    } catch {
        process.env.NODE_DISABLE_COMPILE_CACHE ??= "1"; // a user without a home directory
    }
}

/** The Node binary of this platform's package in the nearest node_modules, looking upwards. */
function findNode(from) {
    const platform = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
    const file = process.platform === "win32" ? "node.exe" : "node";
    for (let directory = from; ; directory = dirname(directory)) {
        for (const name of [`node-${platform}`, `node-bin-${platform}`]) {
            const binary = join(directory, "node_modules", name, "bin", file);
            if (existsSync(binary)) return binary;
        }
        if (dirname(directory) === directory) return undefined;
    }
}

/** Runs the command line in a child process and ends as the child ends. */
function runUnder(node) {
    const args = [...process.execArgv, fileURLToPath(main), ...process.argv.slice(2)];
    const child = spawn(node, args, { stdio: "inherit" });
    // A terminal sends Ctrl-C to the whole process group, the child included: sending it on would
    // make two of it. Other signals come to this process alone.
    const interactive = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    const handlers = ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => {
        const handler = () => {
            if (signal !== "SIGINT" || !interactive) child.kill(signal);
        };
        process.on(signal, handler);
        return { signal, handler };
    });
    return new Promise((resolve) => {
        child.once("error", (cause) => {
            console.error(`meterseal: could not start ${node}: ${cause.message}`);
            process.exitCode = 1;
            resolve();
        });
        child.once("exit", (code, signal) => {
            for (const { signal: name, handler } of handlers) process.off(name, handler);
            process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
            if (signal !== null && process.platform !== "win32") process.kill(process.pid, signal);
            resolve();
        });
    });
}
