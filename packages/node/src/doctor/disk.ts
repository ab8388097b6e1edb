import {
    closeSync,
    existsSync,
    fstatSync,
    fsyncSync,
    openSync,
    rmSync,
    statfsSync,
    writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { LIMITS } from "@meterseal/core";
import { systemClock } from "../clocks.ts";
import { reasonOf } from "../files.ts";
import { type Check, fault, fine, warning } from "./check.ts";

const MIB = 1024 * 1024;
const FREE_WARNING_BYTES = 1024 * MIB;
const FSYNC_ROUNDS = 20;
const FSYNC_BYTES = 8_192;
/** An acknowledgement waits for one of these; beyond it, the disk decides how fast the server is. */
const FSYNC_SLOW_MS = 20;
const CLOCK_SKEW_MS = 2_000;

/** File systems on Linux that keep less than a server needs (statfs(2)). */
const POOR_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
    [0x0102_1994, "a memory file system (tmpfs): everything is gone after a restart"],
    [0x8584_58f6, "a memory file system (ramfs): everything is gone after a restart"],
    [0x794c_7630, "a container's own layer (overlay): everything is gone with the container"],
    [0x6969, "a network file system (NFS): its locks and fsync may not hold"],
    [0xff53_4d42, "a network file system (SMB): its locks and fsync may not hold"],
    [0xfe53_4d42, "a network file system (SMB): its locks and fsync may not hold"],
]);

/** The directory itself, or the nearest one above it that exists. */
export function nearestDirectory(path: string): string {
    let directory = resolve(path);
    while (!existsSync(directory) && dirname(directory) !== directory) {
        directory = dirname(directory);
    }
    return directory;
}

/** Room on the disk, and what kind of file system it is. */
export function checkSpace(directory: string): Check {
    const { bavail, bsize, type } = statfsSync(directory);
    const freeBytes = bavail * bsize;
    const message = `${Math.floor(freeBytes / MIB)} MiB free at ${directory}`;
    if (freeBytes < LIMITS.freeDiskBytes) return fault("disk space", message, "Make room.");
    const poor = process.platform === "linux" ? POOR_FILE_SYSTEMS.get(type) : undefined;
    if (poor !== undefined) {
        return warning("disk space", `${message}, on ${poor}`, "Use a local disk or a volume.");
    }
    if (freeBytes < FREE_WARNING_BYTES) return warning("disk space", message, "Make room soon.");
    return fine("disk space", message);
}

/** Writes and syncs a small file a few times; and compares its time stamp with the clock. */
export function checkFsync(directory: string): Check[] {
    const path = join(directory, `.meterseal-doctor-${process.pid}`);
    let handle: number;
    try {
        handle = openSync(path, "wx", 0o600);
    } catch (cause) {
        const todo = "Give the server's user the right to write here.";
        return [fault("fsync", `cannot write: ${reasonOf(cause)}`, todo)];
    }
    try {
        const tookMs: number[] = [];
        for (let round = 0; round < FSYNC_ROUNDS; round++) {
            const startMs = performance.now();
            writeSync(handle, new Uint8Array(FSYNC_BYTES));
            fsyncSync(handle);
            tookMs.push(performance.now() - startMs);
        }
        const skewMs = Math.abs(fstatSync(handle).mtimeMs - systemClock.nowMs());
        return [fsyncCheck(tookMs), fileClockCheck(skewMs)];
    } catch (cause) {
        const todo = "Check the disk: without fsync nothing can be acknowledged.";
        return [fault("fsync", reasonOf(cause), todo)];
    } finally {
        closeSync(handle);
        rmSync(path, { force: true });
    }
}

function fsyncCheck(tookMs: number[]): Check {
    const sorted = tookMs.sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    const worst = sorted.at(-1) ?? 0;
    const message = `${median.toFixed(2)} ms in the middle, ${worst.toFixed(2)} ms at worst, of ${sorted.length}`;
    if (median <= FSYNC_SLOW_MS) return fine("fsync", message);
    return warning("fsync", `slow: ${message}`, "Use a faster disk if meters wait for receipts.");
}

function fileClockCheck(skewMs: number): Check {
    const name = "clock of files";
    if (skewMs <= CLOCK_SKEW_MS) return fine(name, "as the clock of this machine");
    const message = `${(skewMs / 1000).toFixed(1)} s away from the clock of this machine`;
    return warning(name, message, "Synchronise both, or use a local disk.");
}
