import {
    closeSync,
    existsSync,
    fsyncSync,
    ftruncateSync,
    openSync,
    readFileSync,
    renameSync,
    rmSync,
    writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { error } from "@meterseal/core";
import { syncDirectory } from "@meterseal/stores";
import { reasonOf } from "./files.ts";

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

/**
 * Puts text behind the first bytes of an open file, over what a crash left there, and returns how many
 * bytes the file then has on disk. Where not all of it finds room, none of it stays.
 */
export function writeDurably(file: number, text: string, fromBytes: number): number {
    const content = Buffer.from(text);
    try {
        ftruncateSync(file, fromBytes);
        // One call may take a part only, as on a disk that is about to be full.
        for (let done = 0; done < content.length; ) {
            done += writeSync(file, content, done, content.length - done, fromBytes + done);
        }
        fsyncSync(file);
    } catch (cause) {
        ftruncateSync(file, fromBytes);
        throw cause;
    }
    return fromBytes + content.length;
}

type Written = { readonly file: number; readonly bytes: number };

/**
 * A file of lines, mode 600, each on disk before the call returns; written anew where many are void.
 * Whatever finds no room is MS_STORE_UNWRITABLE, and leaves the lines of before, which go on.
 */
export class DurableLines {
    readonly #path: string;
    #written: Written;

    /** Begins with these lines, in the place of what is there. */
    constructor(path: string, lines: Iterable<string>) {
        this.#path = path;
        this.#written = this.#try(() => this.#write(lines));
        this.#try(() => syncDirectory(dirname(path)));
    }

    /** Adds lines: all of them, or none. */
    add(...lines: readonly string[]): void {
        const { bytes, file } = this.#written;
        this.#written = { file, bytes: this.#try(() => writeDurably(file, textOf(lines), bytes)) };
    }

    /** Puts other lines in the place of all. */
    replace(lines: Iterable<string>): void {
        const before = this.#written;
        this.#written = this.#try(() => this.#write(lines));
        closeSync(before.file);
        this.#try(() => syncDirectory(dirname(this.#path)));
    }

    /** Ends the file. */
    close(): void {
        closeSync(this.#written.file);
    }

    /** Writes the file anew beside the old one, and puts it in its place. */
    #write(lines: Iterable<string>): Written {
        const draft = `${this.#path}.next`;
        const file = openSync(draft, "w", 0o600);
        try {
            const bytes = writeDurably(file, textOf(lines), 0);
            renameSync(draft, this.#path);
            return { file, bytes };
        } catch (cause) {
            closeSync(file);
            rmSync(draft, { force: true });
            throw cause;
        }
    }

    #try<T>(step: () => T): T {
        try {
            return step();
        } catch (cause) {
            throw error("MS_STORE_UNWRITABLE", { where: this.#path, got: reasonOf(cause), cause });
        }
    }
}

function textOf(lines: Iterable<string>): string {
    return [...lines, ""].join("\n");
}
