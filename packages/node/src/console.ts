import { Console } from "node:console";
import { format } from "node:util";
import { type Log, sparingLog, toHex } from "@meterseal/core";
import { systemClock } from "./clocks.ts";

/** Ours alone: what libraries print may go another way. */
const terminal = new Console(process.stdout, process.stderr);

/** Writes a line of result to standard output; nothing else ever goes there. */
export function out(text: string): void {
    terminal.log(text);
}

/** Writes a line for the person at the terminal to standard error. */
export function say(text: string): void {
    terminal.error(text);
}

const PRINTERS = ["debug", "error", "info", "log", "trace", "warn"] as const;
const LINE_CHARACTERS = 1_000;
/** Control characters, and what else ends a line or turns it around on a terminal. */
const UNPRINTED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A text as one line: control characters as their code, cut after a thousand characters. */
function oneLine(text: string): string {
    const line = text.replace(UNPRINTED, (character) => {
        const code = character.codePointAt(0) ?? 0;
        return `\\u{${code.toString(16)}}`;
    });
    return line.length <= LINE_CHARACTERS ? line : `${line.slice(0, LINE_CHARACTERS)}…`;
}

/**
 * Sends what libraries print to a log, for some print what strangers send: one line each, ten a second,
 * and never to standard output.
 */
export function captureLibraries(log: Log): void {
    const sparing = sparingLog(log, () => performance.now());
    const capture = (...parts: readonly unknown[]): void =>
        sparing.warn("a library says", { text: format(...parts) });
    for (const name of PRINTERS) console[name] = capture;
}

/** A number of things with their name, such as "1 fault" and "2 faults". */
export function counted(count: number, name: string): string {
    return `${count} ${name}${count === 1 ? "" : "s"}`;
}

/** For JSON.stringify: byte strings in hexadecimal, big integers as decimal text, maps as objects. */
export function jsonValue(_key: string, value: unknown): unknown {
    if (value instanceof Uint8Array) return toHex(value);
    if (typeof value === "bigint") return value.toString();
    return value instanceof Map ? Object.fromEntries(value) : value;
}

/** Forms of log lines: for a person, or one JSON object a line. */
export const LOG_FORMATS = ["text", "json"] as const;

/** One of {@link LOG_FORMATS}. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Log of a role on standard error, one line each, no colours; in JSON with the time. */
export function consoleLog(role: string, format: LogFormat = "text"): Log {
    const text = (level: string, message: string, fields = {}): void => {
        const details = Object.entries(fields)
            .map(([name, value]) => ` ${name}=${value}`)
            .join("");
        say(oneLine(`${level} ${role}: ${message}${details}`));
    };
    const json = (level: string, message: string, fields = {}): void => {
        const time = new Date(systemClock.nowMs()).toISOString();
        say(JSON.stringify({ ...fields, time, level, role, message }));
    };
    const line = format === "json" ? json : text;
    return {
        info: (message, fields) => line("info", message, fields),
        warn: (message, fields) => line("warn", message, fields),
    };
}

const BAR_WIDTH = 28;
/** Where the output is no terminal, a line at most this often. */
const PLAIN_INTERVAL_MS = 2_000;

/** Progress of a long job on standard error: a bar in a terminal, a line now and then elsewhere. */
export class Progress {
    readonly #isTerminal = process.stderr.isTTY === true;
    readonly #startMs = performance.now();
    #lastMs = Number.NEGATIVE_INFINITY;

    /** Seconds since the start. */
    get seconds(): number {
        return (performance.now() - this.#startMs) / 1000;
    }

    /** Shows how much is done, 0 … 1, and a text behind it. */
    show(done: number, text: string): void {
        const nowMs = performance.now();
        if (nowMs - this.#lastMs < (this.#isTerminal ? 80 : PLAIN_INTERVAL_MS)) return;
        this.#lastMs = nowMs;
        this.#draw(done, text);
    }

    /** Shows the end. */
    finish(text: string): void {
        this.#draw(1, text);
        if (this.#isTerminal) process.stderr.write("\n");
    }

    #draw(done: number, text: string): void {
        const filled = Math.round(Math.min(1, done) * BAR_WIDTH);
        const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
        const line = `${bar} ${String(Math.floor(done * 100)).padStart(3)} %  ${text}`;
        if (this.#isTerminal) process.stderr.write(`\r\x1b[2K${line}`);
        else say(line);
    }
}
