import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { runCommandLine } from "../src/command-line.ts";

/** Program that every command line starts with. */
export const MAIN: string = fileURLToPath(new URL("../bin/meterseal.mjs", import.meta.url));

/** What a command line came to. */
export type Outcome = {
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly stdout: string;
    readonly stderr: string;
};

/** A command line in a process of its own. */
export type Running = {
    readonly child: ChildProcess;
    readonly outcome: Promise<Outcome>;
    /** Resolves when the standard error has shown a text. */
    shows(text: string): Promise<void>;
    /** What the standard error has shown so far. */
    said(): string;
};

/** Runs a command line that asks nothing of the process: in this one, with its output caught. */
export async function run(...words: string[]): Promise<Outcome> {
    const caught = { stdout: "", stderr: "" };
    const writers = [process.stdout, process.stderr].map(({ write }) => write);
    for (const name of ["stdout", "stderr"] as const) {
        process[name].write = (text: string | Uint8Array) => {
            caught[name] += String(text);
            return true;
        };
    }
    try {
        return { code: await runCommandLine(words), signal: null, ...caught };
    } finally {
        for (const stream of [process.stdout, process.stderr]) {
            stream.write = writers.shift() as typeof stream.write;
        }
    }
}

/** Starts a command line in a process of its own. */
export function start(words: readonly string[], options: { command?: string[] } = {}): Running {
    const [program = "", ...before] = [...(options.command ?? []), process.execPath, MAIN];
    const child = spawn(program, [...before, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    let waiting: { text: string; done: () => void }[] = [];
    child.stdout.on("data", (chunk) => {
        stdout += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
        stderr += stripVTControlCharacters(String(chunk));
        waiting = waiting.filter(({ done, text }) => {
            if (!stderr.includes(text)) return true;
            done();
            return false;
        });
    });
    const outcome = new Promise<Outcome>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
    });
    const shows = (text: string): Promise<void> =>
        stderr.includes(text)
            ? Promise.resolve()
            : new Promise((done, failed) => {
                  waiting.push({ text, done });
                  void outcome.then(() => failed(new Error(`never showed '${text}': ${stderr}`)));
              });
    return { child, outcome, shows, said: () => stderr };
}

/** Runs a command line in a process of its own to its end. */
export function spawned(...words: string[]): Promise<Outcome> {
    return start(words).outcome;
}
