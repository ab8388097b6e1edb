import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../../../test/process-alive.ts";
import { run, spawned } from "./command.ts";

/** Command line of a small demo on a directory. */
export function demo(dataDir: string, ...words: string[]): string[] {
    return ["demo", "--meters", "2", "--days", "3", "--port", "0", "--data", dataDir, ...words];
}

/** Process ids of a process's children. */
export function childrenOf(pid: number | undefined): number[] {
    const listed = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
    return listed.stdout.trim().split(/\s+/).filter(Boolean).map(Number);
}

/** Whether all processes have ended within a time. */
export async function allGone(pids: readonly number[], withinMs: number): Promise<boolean> {
    const untilMs = performance.now() + withinMs;
    while (pids.some(isAlive)) {
        if (performance.now() > untilMs) return false;
        await sleep(20);
    }
    return true;
}

type Result = { readings: number; records: number; verified: boolean };
type LastLine = Result & { households: { source: string; keyFile: string }[] };

/** Ends what was begun in a directory, and returns its totals by home. */
export async function finish(dataDir: string): Promise<{ result: Result; totals: unknown[] }> {
    const { code, stderr, stdout } = await spawned(...demo(dataDir, "--once", "--json"));
    if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
    const { households, ...result } = JSON.parse(
        stdout.trim().split("\n").at(-1) ?? "",
    ) as LastLine;
    const totals = [];
    for (const { keyFile, source } of households) {
        const opened = await run(
            ...["usage", "--key", keyFile, "--data", dataDir, "--level", "slot", "--json"],
        );
        const { intervals, totalImportWh } = JSON.parse(opened.stdout) as {
            intervals: unknown[];
            totalImportWh: number;
        };
        totals.push({ source, intervals, totalImportWh });
    }
    return { result, totals };
}
