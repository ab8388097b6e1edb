// A shell for the commands of a page, as a reader has one: variables stay from one to the next.
import { spawn } from "node:child_process";

const STARTED = /Ctrl-C stops/;
const TIMEOUT_MS = 300_000;

/** A shell in a directory. Programs that stay run beside it, one at a time. */
export class PageShell {
    #cwd;
    #env;
    #shell;
    #said = "";
    #waiting = null;
    #staying = null;

    constructor(cwd, env) {
        this.#cwd = cwd;
        this.#env = env;
        this.#shell = spawn("bash", ["--norc", "-s"], {
            cwd,
            env,
            stdio: ["pipe", "pipe", "pipe"],
        });
        for (const stream of [this.#shell.stdout, this.#shell.stderr])
            stream.on("data", (chunk) => this.#hear(String(chunk)));
    }

    /** Runs one command to its end; resolves with its exit code and all it said. */
    run(text) {
        this.#said = "";
        return new Promise((resolve, reject) => {
            const timer = setTimeout(
                () => reject(new Error(`no end in time: ${text}\n${this.#said}`)),
                TIMEOUT_MS,
            );
            this.#waiting = (code, said) => {
                clearTimeout(timer);
                resolve({ code, said });
            };
            this.#shell.stdin.write(`${text}\necho "@end@ $?"\n`);
        });
    }

    #hear(chunk) {
        this.#said += chunk;
        const end = /^@end@ (\d+)$/m.exec(this.#said);
        if (end === null) return;
        this.#waiting?.(Number(end[1]), this.#said.replace(end[0], ""));
        this.#waiting = null;
    }

    /** Starts a program that stays, after the one before it got its Ctrl-C. */
    async start(text) {
        await this.stop();
        const options = { cwd: this.#cwd, env: this.#env, detached: true };
        const child = spawn("bash", ["-c", text], {
            ...options,
            stdio: ["ignore", "pipe", "pipe"],
        });
        const ended = new Promise((resolve) => child.once("close", resolve));
        this.#staying = { child, ended };
        let said = "";
        await new Promise((resolve, reject) => {
            const timer = setTimeout(
                () => reject(new Error(`no start: ${text}\n${said}`)),
                TIMEOUT_MS,
            );
            const hear = (chunk) => {
                said += chunk;
                if (!STARTED.test(said)) return;
                clearTimeout(timer);
                resolve();
            };
            child.stdout.on("data", hear);
            child.stderr.on("data", hear);
            void ended.then((code) => reject(new Error(`ended with ${code}: ${text}\n${said}`)));
        });
    }

    /** Presses Ctrl-C on the program that stays, if there is one, and waits for its end. */
    async stop() {
        if (this.#staying === null) return;
        const { child, ended } = this.#staying;
        this.#staying = null;
        if (child.exitCode === null) process.kill(-child.pid, "SIGINT");
        await ended;
    }

    /** Ends everything. */
    async close() {
        await this.stop();
        this.#shell.kill();
    }
}
