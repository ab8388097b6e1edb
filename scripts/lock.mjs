// A lock between processes of one machine, for steps that two starts at once must not both do.
import { createHash } from "node:crypto";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./workspace.mjs";

const POLL_MS = 200;
/** A lock file older than this belongs to nobody, whatever its process number says. */
const STALE_MS = 30 * 60_000;
/** A lock file younger than this may not carry its process number yet. */
const FRESH_MS = 2_000;

/**
 * Runs a task while no other process on this checkout runs a task of the same name.
 * The lock lies outside node_modules, which an installation replaces.
 */
export async function withLock(name, say, task) {
    const id = createHash("sha256").update(root).digest("hex").slice(0, 16);
    const path = join(tmpdir(), `meterseal-${name}-${id}.lock`);
    for (let waits = 0; !take(path); waits++) {
        if (waits === 0) say(`Waiting for another start that is busy with this (${name}) ...`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    try {
        return await task();
    } finally {
        rmSync(path, { force: true });
    }
}

function take(path) {
    try {
        writeFileSync(path, String(process.pid), { flag: "wx" });
        return true;
    } catch (error) {
        if (error.code !== "EEXIST") throw error;
    }
    if (isAbandoned(path)) rmSync(path, { force: true });
    return false;
}

function isAbandoned(path) {
    try {
        const ageMs = Date.now() - statSync(path).mtimeMs;
        if (ageMs > STALE_MS) return true;
        return ageMs > FRESH_MS && !isRunning(Number(readFileSync(path, "utf8")));
    } catch {
        return false; // it went away in the meantime
    }
}

function isRunning(pid) {
    if (!Number.isSafeInteger(pid) || pid <= 0) return false;
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return error.code === "EPERM";
    }
}
