import { Worker } from "node:worker_threads";
import { error } from "../errors.ts";
import type { SignatureJob } from "../ports.ts";
import { packJobs, readVerdicts } from "./job-batch.ts";

/** How a {@link VerifierPool} is made. */
export type VerifierPoolOptions = {
    /** Most threads; they start when there is work for them. */
    readonly threads: number;
    /** What a thread runs; tests put one that fails here. */
    readonly workerUrl?: URL;
};

/** Jobs that were handed in together, and are answered together. */
type Call = {
    readonly jobs: readonly SignatureJob[];
    readonly done: (verdicts: boolean[]) => void;
    readonly failed: (cause: unknown) => void;
    /** Threads that died over it. */
    deaths: number;
};

/** A thread and the calls that it has been given, oldest buffer first. */
type Thread = { readonly worker: Worker; readonly underWay: Call[][] };

/** Signatures in one buffer: enough to make the hand-over cheap, few enough to share the work. */
const BATCH_JOBS = 100;
/** Buffers at a thread: one in work, one waiting, so that it need not wait for us. */
const BATCHES_PER_THREAD = 2;
/** A call that so many threads died over is not tried again. */
const DEATHS_MAX = 2;
/** Young generation of a thread: its objects live for one check, and less memory is as fast. */
const YOUNG_GENERATION_MB = 2;

/**
 * Checks signatures in threads of its own, whole calls at a time: handing over single signatures
 * costs the main thread a tenth of the check itself. Calls of one turn of the event loop travel
 * together. The caller bounds how much is under way.
 *
 * A verdict is what a thread wrote into its place, nothing else. When a thread dies, its calls go to
 * another; a call that has killed {@link DEATHS_MAX} rejects with MS_INTERNAL.
 */
export class VerifierPool {
    readonly #options: VerifierPoolOptions;
    readonly #threads = new Set<Thread>();
    #queue: Call[] = [];
    #scheduled = false;
    #closed = false;

    constructor(options: VerifierPoolOptions) {
        this.#options = options;
    }

    /** Verdicts on signatures, in their order. */
    verify(jobs: readonly SignatureJob[]): Promise<boolean[]> {
        if (jobs.length === 0) return Promise.resolve([]);
        return new Promise((done, failed) => {
            if (this.#closed) {
                failed(closedError());
                return;
            }
            this.#queue.push({ jobs, done, failed, deaths: 0 });
            this.#schedule();
        });
    }

    /** Ends the threads; what is under way rejects. */
    async close(): Promise<void> {
        this.#closed = true;
        const calls = [...this.#threads].flatMap(({ underWay }) => underWay.flat());
        for (const call of [...calls, ...this.#queue]) call.failed(closedError());
        this.#queue = [];
        await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
    }

    #schedule(): void {
        if (this.#scheduled) return;
        this.#scheduled = true;
        setImmediate(() => {
            this.#scheduled = false;
            this.#dispatch();
        });
    }

    #dispatch(): void {
        while (this.#queue.length > 0) {
            const thread = this.#freeThread();
            if (thread === null) return;
            this.#give(thread, this.#nextBatch());
        }
    }

    /** Thread with the least to do; a new one while all have something and one may be added. */
    #freeThread(): Thread | null {
        let best: Thread | null = null;
        for (const thread of this.#threads) {
            if (best === null || thread.underWay.length < best.underWay.length) best = thread;
        }
        const idle = best !== null && best.underWay.length === 0;
        if (!idle && !this.#closed && this.#threads.size < this.#options.threads) {
            return this.#start();
        }
        return best !== null && best.underWay.length < BATCHES_PER_THREAD ? best : null;
    }

    #nextBatch(): Call[] {
        const batch: Call[] = [];
        let jobs = 0;
        for (const call of this.#queue) {
            if (batch.length > 0 && jobs + call.jobs.length > BATCH_JOBS) break;
            batch.push(call);
            jobs += call.jobs.length;
        }
        this.#queue = this.#queue.slice(batch.length);
        return batch;
    }

    #give(thread: Thread, batch: Call[]): void {
        const buffer = packJobs(batch.flatMap(({ jobs }) => jobs));
        thread.underWay.push(batch);
        thread.worker.ref();
        thread.worker.postMessage(buffer, [buffer]);
    }

    #start(): Thread {
        const url = this.#options.workerUrl ?? new URL("./verifier-worker.ts", import.meta.url);
        const worker = new Worker(url, {
            resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
        });
        const thread: Thread = { worker, underWay: [] };
        this.#threads.add(thread);
        worker.on("message", (buffer: ArrayBuffer) => this.#answered(thread, buffer));
        worker.on("error", () => undefined); // the exit that follows is what counts
        worker.once("exit", () => this.#gone(thread));
        return thread;
    }

    #answered(thread: Thread, buffer: ArrayBuffer): void {
        const batch = thread.underWay.shift() ?? [];
        if (thread.underWay.length === 0) thread.worker.unref(); // an idle thread keeps no process
        try {
            const count = batch.reduce((sum, { jobs }) => sum + jobs.length, 0);
            const verdicts = readVerdicts(buffer, count);
            let at = 0;
            for (const { done, jobs } of batch) {
                done(verdicts.slice(at, at + jobs.length));
                at += jobs.length;
            }
        } catch (cause) {
            for (const { failed } of batch) failed(cause);
        }
        this.#dispatch();
    }

    /** Calls of a thread that ended go to the front of the queue, in their order. */
    #gone(thread: Thread): void {
        this.#threads.delete(thread);
        if (this.#closed) return;
        const again: Call[] = [];
        for (const [place, batch] of thread.underWay.entries()) {
            for (const call of batch) {
                if (place === 0) call.deaths++; // the one that it was working on
                if (call.deaths >= DEATHS_MAX) call.failed(diedError());
                else again.push(call);
            }
        }
        this.#queue = [...again, ...this.#queue];
        this.#schedule();
    }
}

function closedError(): Error {
    return error("MS_INTERNAL", { where: "signature check", got: "closed" });
}

function diedError(): Error {
    return error("MS_INTERNAL", { where: "signature check", got: "threads that ended" });
}
