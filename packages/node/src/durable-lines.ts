import {
    closeSync,
    existsSync,
    fsyncSync,
    openSync,
    readFileSync,
    renameSync,
    writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "@meterseal/stores";

/**
 * Whole lines of a file, the first line first; none where there is no file. A line that a crash cut off
 * had no effect yet, and is left out.
 */
export function wholeLinesOf(path: string): string[] {
    if (!existsSync(path)) return [];
    const text = readFileSync(path, "utf8");
    return text
        .slice(0, text.lastIndexOf("\n") + 1)
        .split("\n")
        .filter((line) => line !== "");
}

/** A file of lines, mode 600, each on disk before the call returns; written anew where many are void. */
export class DurableLines {
    readonly #path: string;
    #file: number;

    /** Begins with these lines, in the place of what is there. */
    constructor(path: string, lines: Iterable<string>) {
        this.#path = path;
        this.#file = this.#write(lines);
    }

    /** Adds a line. */
    add(line: string): void {
        writeSync(this.#file, `${line}\n`);
        fsyncSync(this.#file);
    }

    /** Puts other lines in the place of all. */
    replace(lines: Iterable<string>): void {
        closeSync(this.#file);
        this.#file = this.#write(lines);
    }

    /** Ends the file. */
    close(): void {
        closeSync(this.#file);
    }

    /** Writes the file anew beside the old one, and puts it in its place. */
    #write(lines: Iterable<string>): number {
        const next = `${this.#path}.next`;
        const file = openSync(next, "w", 0o600);
        for (const line of lines) writeSync(file, `${line}\n`);
        fsyncSync(file);
        renameSync(next, this.#path);
        syncDirectory(dirname(this.#path));
        return file;
    }
}
