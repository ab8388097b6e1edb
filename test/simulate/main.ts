/**
 * `npm run simulate -- [--seed N | --seeds FROM..TO] [--jobs N] [--progress FILE] [--trace] [--json]`:
 * four organisations, twelve collectors and 200 meters over a network and disks that fail
 * (docs/reference/simulation.md). Ends with 0 where everything held, 1 where something did not.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { runOrganisations } from "@meterseal/testkit/orgs";
import { runSeeds } from "./run.ts";
import { type FailedSeed, Tally } from "./tally.ts";

const USAGE = `npm run simulate -- [options]

Runs the production rules of 4 organisations, 12 collectors and 200 meters over a simulated network
and disks, and checks the invariants of docs/reference/simulation.md.

  --seed N          one seed, in this process
  --seeds FROM..TO  these seeds (1..20)
  --jobs N          processes side by side (1)
  --progress FILE   keeps what was run in a file, and goes on from it
  --trace           prints each step of one seed
  --json            prints the outcome as JSON
`;
const FINDINGS_SHOWN = 5;
const TTY_EVERY_MS = 1_000;
const LOG_EVERY_MS = 60_000;

type Options = {
    readonly seed?: string;
    readonly seeds: string;
    readonly jobs: string;
    readonly progress?: string;
    readonly trace: boolean;
    readonly json: boolean;
    readonly help: boolean;
};

const options = readOptions();
if (options.help) process.stdout.write(USAGE);
else if (options.seed !== undefined) await one(whole(options.seed, "--seed"));
else await many();

async function one(seed: number): Promise<void> {
    const watch = (line: string): void => console.error(line);
    const report = await runOrganisations(seed, options.trace ? { watch } : {});
    if (report.findings.length > 0) process.exitCode = 1;
    if (options.json) {
        console.log(JSON.stringify(report));
        return;
    }
    const { blocks, findings, profile, records, size, steps, traceHash, virtualSeconds } = report;
    console.log(
        `seed ${seed} (${profile}, ${size}): ${records} records, ${blocks} blocks, ${steps} steps`,
    );
    console.log(`${virtualSeconds} s of virtual time, trace ${traceHash}`);
    for (const [title, counts] of [
        ["happened", report.counts],
        ["checked", report.checked],
    ] as const) {
        console.log(`${title}: ${listOf(counts)}`);
    }
    if (findings.length === 0) console.log("everything held");
    else show({ seed, traceHash, findings });
}

async function many(): Promise<void> {
    const [from, to] = rangeOf(options.seeds);
    const jobs = whole(options.jobs, "--jobs");
    const most = availableParallelism();
    if (jobs < 1 || jobs > most) fail(`--jobs is 1 … ${most} here.`);
    const tally = openTally(from, to);
    const stop = new AbortController();
    const onSignal = (): void => stop.abort();
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
    const before = tally.done;
    const startedMs = performance.now();
    const everyMs = process.stderr.isTTY ? TTY_EVERY_MS : LOG_EVERY_MS;
    let toldMs = startedMs;
    await runSeeds(tally, jobs, stop.signal, {
        onFailed: (failed) => show(failed),
        onProgress() {
            const nowMs = performance.now();
            if (nowMs - toldMs < everyMs) return;
            toldMs = nowMs;
            const perSeedMs = (nowMs - startedMs) / Math.max(1, tally.done - before);
            const etaMs = perSeedMs * (tally.total - tally.done);
            const end = process.stderr.isTTY ? "\r" : "\n";
            process.stderr.write(`${progressOf(tally)}, ${durationOf(etaMs)} to go   ${end}`);
        },
    });
    const seconds = (performance.now() - startedMs) / 1000;
    conclude(tally, seconds);
    if (stop.signal.aborted) process.exitCode = 130;
    else if (tally.state.failed.length > 0) process.exitCode = 1;
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
}

function conclude(tally: Tally, seconds: number): void {
    const { checked, counts, cpuSeconds, failed, from, to } = tally.state;
    const { done, total } = tally;
    if (options.json) {
        const clean = done - failed.length;
        const cpu = Math.round(cpuSeconds);
        console.log(
            JSON.stringify({
                from,
                to,
                done,
                clean,
                failed,
                seconds,
                cpuSeconds: cpu,
                checked,
                counts,
            }),
        );
        return;
    }
    console.log(`${progressOf(tally)}; ${durationOf(seconds * 1000)} this time`);
    console.log(`happened: ${listOf(counts)}`);
    console.log(`checked: ${listOf(checked)}`);
    if (done < total) {
        const again =
            options.progress === undefined
                ? "--progress FILE keeps them"
                : "the same command goes on";
        console.log(`${total - done} seeds are left: ${again}.`);
    }
    if (failed.length > 0)
        console.log(`NOT CLEAN: seeds ${failed.map(({ seed }) => seed).join(", ")}`);
    else console.log(`everything held in ${done} seeds`);
}

function progressOf(tally: Tally): string {
    const { cpuSeconds, failed } = tally.state;
    const each = (cpuSeconds / Math.max(1, tally.done)).toFixed(2);
    return `${tally.done} of ${tally.total} seeds, ${failed.length} not clean, ${each} s of CPU each`;
}

function show({ findings, seed }: FailedSeed): void {
    for (const { invariant, step, what } of findings.slice(0, FINDINGS_SHOWN)) {
        console.error(`seed ${seed}, step ${step}, ${invariant}: ${what}`);
    }
    console.error(`again: npm run simulate -- --seed ${seed} --trace`);
}

function listOf(counts: Readonly<Record<string, number>>): string {
    const names = Object.keys(counts).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    return names.map((name) => `${name} ${counts[name]}`).join(", ");
}

function durationOf(ms: number): string {
    const minutes = Math.round(ms / 60_000);
    if (minutes < 2) return `${Math.round(ms / 1000)} s`;
    return minutes < 120 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

function readOptions(): Options {
    try {
        return parseArgs({
            options: {
                seed: { type: "string" },
                seeds: { type: "string", default: "1..20" },
                jobs: { type: "string", default: "1" },
                progress: { type: "string" },
                trace: { type: "boolean", default: false },
                json: { type: "boolean", default: false },
                help: { type: "boolean", default: false },
            },
        }).values as Options;
    } catch (cause) {
        return fail(cause instanceof Error ? cause.message : String(cause));
    }
}

function openTally(from: number, to: number): Tally {
    try {
        return new Tally(from, to, options.progress ?? null);
    } catch (cause) {
        return fail(cause instanceof Error ? cause.message : String(cause));
    }
}

function rangeOf(text: string): readonly [number, number] {
    const [, from = "", to = ""] = /^(\d+)\.\.(\d+)$/.exec(text) ?? [];
    const range = [whole(from, "--seeds"), whole(to, "--seeds")] as const;
    return range[0] <= range[1] ? range : fail("--seeds goes from the smaller to the larger.");
}

function whole(text: string, name: string): number {
    const value = Number(text);
    const isWhole = /^\d+$/.test(text) && value < 2 ** 31;
    return isWhole ? value : fail(`${name} takes whole numbers: ${USAGE.split("\n")[0]}`);
}

function fail(text: string): never {
    console.error(text);
    process.exit(2);
}
