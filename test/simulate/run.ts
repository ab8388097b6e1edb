import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Answer, FailedSeed, Tally } from "./tally.ts";

const WORKER = join(import.meta.dirname, "worker.ts");
/** A process holds no more than this; it starts anew after so many seeds. */
const HEAP_MIB = 1_024;
/** Room for what is young: collecting it less often saves a twentieth of the time. */
const YOUNG_MIB = 64;
const SEEDS_EACH = 250;
const SAVE_EVERY_MS = 5_000;

/** What a run tells while it goes on. */
export type RunEvents = {
    readonly onFailed: (failed: FailedSeed) => void;
    readonly onProgress: () => void;
};

/** Runs what a tally has left, in so many processes; resolves early where the signal says so. */
export async function runSeeds(
    tally: Tally,
    jobs: number,
    signal: AbortSignal,
    events: RunEvents,
): Promise<void> {
    const seeds = tally.left();
    let savedMs = performance.now();
    const take = (answer: Answer): void => {
        const failed = tally.take(answer);
        if (failed !== null) events.onFailed(failed);
        events.onProgress();
        if (performance.now() - savedMs < SAVE_EVERY_MS) return;
        savedMs = performance.now();
        tally.save();
    };
    await Promise.all(Array.from({ length: jobs }, () => runWorkers(seeds, signal, take)));
    tally.save();
}

async function runWorkers(
    seeds: Generator<number, void, undefined>,
    signal: AbortSignal,
    take: (answer: Answer) => void,
): Promise<void> {
    while (!signal.aborted) {
        const execArgv = [`--max-old-space-size=${HEAP_MIB}`, `--max-semi-space-size=${YOUNG_MIB}`];
        const worker = fork(WORKER, [], { execArgv });
        try {
            for (let left = SEEDS_EACH; left > 0; left--) {
                const next = seeds.next();
                if (next.done === true) return;
                const answer = await answerOf(worker, next.value, signal);
                if (answer === null) return;
                take(answer);
            }
        } finally {
            worker.kill();
        }
    }
}

/** Answer of a worker to a seed; null where the run ends before it. */
function answerOf(worker: ChildProcess, seed: number, signal: AbortSignal): Promise<Answer | null> {
    return new Promise((resolve) => {
        const settle = (answer: Answer | null): void => {
            worker.off("message", onMessage);
            worker.off("exit", onExit);
            signal.removeEventListener("abort", onAbort);
            resolve(answer);
        };
        const onMessage = (answer: unknown): void => settle(answer as Answer);
        const onExit = (code: number | null, by: string | null): void =>
            settle({ seed, failure: `its process ended with ${code ?? by}` });
        const onAbort = (): void => settle(null);
        worker.once("message", onMessage);
        worker.once("exit", onExit);
        signal.addEventListener("abort", onAbort, { once: true });
        worker.send(seed);
    });
}
