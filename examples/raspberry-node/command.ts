import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../packages/node/bin/meterseal.mjs", import.meta.url));
/** On a machine that is busy with other things. */
const WAIT_MS = 120_000;

/** What a command came to. */
export type Outcome = { readonly code: number | null; readonly out: string; readonly said: string };

/** `meterseal` in a process of its own, as somebody at a terminal starts it. */
export class Command {
    readonly #child: ChildProcess;
    readonly outcome: Promise<Outcome>;
    #out = "";
    #said = "";
    #ended = false;

    constructor(words: readonly string[]) {
        const child = spawn(process.execPath, [MAIN, ...words], {
            stdio: ["ignore", "pipe", "pipe"],
        });
        this.#child = child;
        child.stdout?.setEncoding("utf8").on("data", (text: string) => {
            this.#out += text;
        });
        child.stderr?.setEncoding("utf8").on("data", (text: string) => {
            this.#said += text;
        });
        this.outcome = new Promise((resolve, reject) => {
            child.on("error", reject);
            child.on("close", (code) => {
                this.#ended = true;
                resolve({ code, out: this.#out, said: this.#said });
            });
        });
    }

    /** What it has said so far on standard error. */
    get said(): string {
        return this.#said;
    }

    /** Waits until it has said what a pattern finds. */
    async says(pattern: RegExp): Promise<RegExpExecArray> {
        return await until(`${pattern} in what it says`, () => {
            const found = pattern.exec(this.#said);
            if (found === null && this.#ended) throw new Error(`it ended: ${this.#said}`);
            return found;
        });
    }

    /** Ends it as Ctrl-C does. */
    async stop(): Promise<Outcome> {
        if (!this.#ended) this.#child.kill("SIGINT");
        return await this.outcome;
    }
}

/** Runs `meterseal` to its end. */
export async function run(...words: string[]): Promise<Outcome> {
    return await new Command(words).outcome;
}

/** Runs `meterseal` to its end, which has to be a good one; what it prints is JSON. */
export async function must(...words: string[]): Promise<unknown> {
    const { code, out, said } = await run(...words, "--json");
    if (code !== 0) throw new Error(`meterseal ${words.join(" ")} ended with ${code}: ${said}`);
    return JSON.parse(out) as unknown;
}

/** Asks again and again until there is an answer. */
export async function until<T>(what: string, ask: () => T | null | Promise<T | null>): Promise<T> {
    const endMs = Date.now() + WAIT_MS;
    for (;;) {
        const answer = await ask();
        if (answer !== null) return answer;
        if (Date.now() > endMs) throw new Error(`${what} did not come about`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}
