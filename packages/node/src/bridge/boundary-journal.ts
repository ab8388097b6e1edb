import {
    closeSync,
    existsSync,
    fsyncSync,
    openSync,
    readFileSync,
    renameSync,
    writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Boundary } from "@meterseal/meter";
import { syncDirectory } from "@meterseal/stores";
import type { FrameCounter } from "./telegrams.ts";

/** File in the gateway's directory; it holds readings in the open, as the meter's port does. */
const JOURNAL_FILE = "boundaries.jsonl";
/** Lines for boundaries that are in a record, before the file is written anew. */
const STALE_MAX = 1_000;

type Line = {
    readonly slot: number;
    readonly registers: readonly string[];
    readonly flag: Boundary["flag"];
    /** Counter of the last encrypted frame, where the port has them. */
    readonly counter: number;
};

/**
 * Boundaries that were measured and are in no record yet: a line of a meter does not say them again.
 * Each is on disk before it goes on.
 */
export class BoundaryJournal {
    readonly #path: string;
    readonly #directory: string;
    #lines: Line[];
    #file: number;
    #stale = 0;

    /** Opens the journal; a line that a crash cut off was never acknowledged and is left out. */
    constructor(directory: string) {
        this.#directory = directory;
        this.#path = join(directory, JOURNAL_FILE);
        this.#lines = existsSync(this.#path) ? readLines(readFileSync(this.#path, "utf8")) : [];
        this.#file = this.#rewrite();
    }

    /** Boundaries from a slot on, oldest first. */
    from(slot: number): Boundary[] {
        return this.#lines
            .filter((line) => line.slot >= slot)
            .map(({ flag, registers, slot: at }) => ({
                ...{ slot: at, flag },
                registers: registers.map(BigInt),
            }));
    }

    /** Counter of the last encrypted frame that a boundary was kept after; -1 before the first. */
    get counter(): number {
        return this.#lines.reduce((most, { counter }) => Math.max(most, counter), -1);
    }

    /** Keeps a boundary, durably. */
    keep({ flag, registers, slot }: Boundary, { value: counter }: FrameCounter): void {
        const line: Line = { slot, registers: registers.map(String), flag, counter };
        writeSync(this.#file, `${JSON.stringify(line)}\n`);
        fsyncSync(this.#file);
        this.#lines.push(line);
    }

    /** Forgets boundaries before a slot, which are in records; the newest line stays for its counter. */
    taken(slot: number): void {
        const kept = this.#lines.filter(
            (line, i) => line.slot >= slot || i === this.#lines.length - 1,
        );
        this.#stale += this.#lines.length - kept.length;
        this.#lines = kept;
        if (this.#stale < STALE_MAX) return;
        closeSync(this.#file);
        this.#file = this.#rewrite();
        this.#stale = 0;
    }

    /** Ends the journal. */
    close(): void {
        closeSync(this.#file);
    }

    /** Writes the file anew beside the old one, and puts it in its place. */
    #rewrite(): number {
        const next = `${this.#path}.next`;
        const file = openSync(next, "w", 0o600);
        for (const line of this.#lines) writeSync(file, `${JSON.stringify(line)}\n`);
        fsyncSync(file);
        renameSync(next, this.#path);
        syncDirectory(this.#directory);
        return file;
    }
}

function readLines(text: string): Line[] {
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Line);
}
