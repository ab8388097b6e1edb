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
import { error } from "@meterseal/core";
import type { FrameCounters } from "@meterseal/links/lorawan";
import { syncDirectory } from "@meterseal/stores";

/** Lines that later ones made void, before the file is written anew. */
const STALE_MAX = 10_000;
const LINE = /^([0-9a-f]{16} [0-9a-z]{1,8}) (\d{1,10})$/;

/** Frame counters in a file of lines, each durable before its frame has any effect. */
export class FileFrameCounters implements FrameCounters {
    readonly #path: string;
    readonly #counters: Map<string, number>;
    #file: number;
    #stale = 0;

    /**
     * Opens the file, or begins it; a line that a crash cut off had no effect yet.
     * @throws MetersealError MS_MALFORMED for a file that is none of ours.
     */
    constructor(path: string) {
        this.#path = path;
        this.#counters = existsSync(path) ? readCounters(path) : new Map();
        this.#file = this.#rewrite();
    }

    last(name: string): number {
        return this.#counters.get(name) ?? -1;
    }

    keep(name: string, counter: number): void {
        writeSync(this.#file, `${name} ${counter}\n`);
        fsyncSync(this.#file);
        if (this.#counters.has(name)) this.#stale++;
        this.#counters.set(name, counter);
        if (this.#stale < STALE_MAX) return;
        closeSync(this.#file);
        this.#file = this.#rewrite();
        this.#stale = 0;
    }

    /** Ends the file. */
    close(): void {
        closeSync(this.#file);
    }

    /** Writes the file anew beside the old one, and puts it in its place. */
    #rewrite(): number {
        const next = `${this.#path}.next`;
        const file = openSync(next, "w", 0o600);
        for (const [name, counter] of this.#counters) writeSync(file, `${name} ${counter}\n`);
        fsyncSync(file);
        renameSync(next, this.#path);
        syncDirectory(dirname(this.#path));
        return file;
    }
}

function readCounters(path: string): Map<string, number> {
    const counters = new Map<string, number>();
    const text = readFileSync(path, "utf8");
    for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
        const [, name, counter] = LINE.exec(line) ?? [];
        if (name !== undefined) counters.set(name, Number(counter));
        else if (line !== "")
            throw error("MS_MALFORMED", { where: path, expected: "frame counters" });
    }
    return counters;
}
