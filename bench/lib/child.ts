import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

/** Calls that a child process answers: by name, what goes in and what comes back. */
export type Calls = Readonly<Record<string, { readonly input: unknown; readonly output: unknown }>>;

type Request = { readonly id: number; readonly name: string; readonly input: unknown };
type Answer = { readonly id: number; readonly output?: unknown; readonly failure?: string };

/** A benchmark process of its own, so that its CPU-seconds and its event loop are its own. */
export class Child<C extends Calls> {
    readonly #process: ChildProcess;
    readonly #waiting = new Map<
        number,
        { done(value: unknown): void; failed(cause: Error): void }
    >();
    #lastId = 0;

    /**
     * @param entry file name in `bench/children`.
     * @param flags of its Node.
     * @param profileDir where it and the processes that it forks write CPU profiles when they end.
     */
    constructor(entry: string, profileDir: string | null, flags: readonly string[] = []) {
        const profile = profileDir === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`];
        const execArgv = [...flags, ...profile];
        this.#process = fork(join(import.meta.dirname, "../children", entry), {
            serialization: "advanced",
            execArgv,
        });
        this.#process.on("message", (answer: Answer) => {
            const entry = this.#waiting.get(answer.id);
            this.#waiting.delete(answer.id);
            if (answer.failure === undefined) entry?.done(answer.output);
            else entry?.failed(new Error(answer.failure));
        });
        this.#process.once("exit", (code) => {
            const gone = new Error(`${entry} ended with exit code ${code}`);
            for (const { failed } of this.#waiting.values()) failed(gone);
            this.#waiting.clear();
        });
    }

    /** Process id, which is part of the name of its profile. */
    get pid(): number {
        return this.#process.pid ?? 0;
    }

    /** Asks and waits for the answer. */
    ask<K extends keyof C & string>(name: K, input: C[K]["input"]): Promise<C[K]["output"]> {
        const id = ++this.#lastId;
        return new Promise((done, failed) => {
            this.#waiting.set(id, { done, failed });
            this.#process.send({ id, name, input } satisfies Request);
        });
    }

    /** Ends the process properly; it writes its profile then. */
    async stop(): Promise<void> {
        if (this.#process.exitCode !== null || !this.#process.connected) return;
        const ended = new Promise<void>((resolve) => this.#process.once("exit", () => resolve()));
        this.#process.disconnect();
        await ended;
    }
}

/** In a child process: answers calls until the parent lets go. */
export function answerCalls<C extends Calls>(
    handlers: {
        readonly [K in keyof C]: (input: C[K]["input"]) => Promise<C[K]["output"]> | C[K]["output"];
    },
): void {
    const answer = async ({ id, input, name }: Request): Promise<void> => {
        try {
            const output = await handlers[name]?.(input);
            process.send?.({ id, output } satisfies Answer);
        } catch (cause) {
            const failure = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
            process.send?.({ id, failure } satisfies Answer);
        }
    };
    process.on("message", (request: Request) => void answer(request));
    process.once("disconnect", () => process.exit());
}
