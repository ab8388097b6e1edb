import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where Debian puts servers that a user's path does not have. */
const SYSTEM_PLACES = ["/usr/sbin", "/sbin"];

/** Path of the first of some programs that is installed; null where none is. */
export function findProgram(...names: readonly string[]): string | null {
    const places = [...(process.env.PATH ?? "").split(delimiter), ...SYSTEM_PLACES];
    const paths = names.flatMap((name) => places.map((place) => join(place, name)));
    return paths.find((path) => existsSync(path)) ?? null;
}

/** Why a suite is not run: the names of what is missing; false where all is there. */
export function missing(programs: Readonly<Record<string, string | null>>): string | false {
    const absent = Object.entries(programs).filter(([, path]) => path === null);
    return absent.length === 0
        ? false
        : `not installed: ${absent.map(([name]) => name).join(", ")}`;
}

/** What a program that ended has said. */
export type Ended = {
    readonly code: number | null;
    readonly output: Buffer;
    readonly errors: string;
};

/** Runs a program to its end, for so many milliseconds at most. */
export async function runProgram(
    path: string,
    words: readonly string[],
    limitMs = 20_000,
    input?: Uint8Array,
): Promise<Ended> {
    const child = spawn(path, words, { timeout: limitMs, killSignal: "SIGKILL" });
    const [output, errors]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (part: Buffer) => output.push(part));
    child.stderr.on("data", (part: Buffer) => errors.push(part));
    child.stdin.on("error", () => {}); // a program that does not read
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    return { code, output: Buffer.concat(output), errors: Buffer.concat(errors).toString() };
}

/** A program that serves while a suite runs, and what it says. */
export class Served {
    readonly child: ChildProcess;
    output = "";

    constructor(
        path: string,
        words: readonly string[],
        environment: NodeJS.ProcessEnv = {},
        input: "ignore" | "pipe" = "ignore",
    ) {
        this.child = spawn(path, words, {
            env: { ...process.env, ...environment },
            stdio: [input, "pipe", "pipe"],
            detached: true, // a group of its own, which ends as a whole
        });
        for (const stream of [this.child.stdout, this.child.stderr]) {
            stream?.on("data", (part: Buffer) => {
                this.output += part.toString();
            });
        }
    }

    /** Ends it and what it started; resolves when it has gone. */
    async stop(): Promise<void> {
        const { child } = this;
        if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
        const gone = once(child, "exit");
        const kill = (signal: NodeJS.Signals): void => {
            try {
                process.kill(-(child.pid ?? 0), signal);
            } catch {
                // it went by itself
            }
        };
        kill("SIGTERM");
        const late = setTimeout(() => kill("SIGKILL"), 5_000);
        await gone;
        clearTimeout(late);
    }
}
