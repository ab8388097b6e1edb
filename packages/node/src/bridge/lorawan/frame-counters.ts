import { error } from "@meterseal/core";
import type { FrameCounters } from "@meterseal/links/lorawan";
import { DurableLines, wholeLinesOf } from "../../durable-lines.ts";

/** Lines that later ones made void, before the file is written anew. */
const STALE_MAX = 10_000;
const LINE = /^([0-9a-f]{16} [0-9a-z]{1,8}) (\d{1,10})$/;

/** Frame counters in a file of lines, each durable before its frame has any effect. */
export class FileFrameCounters implements FrameCounters {
    readonly #counters: Map<string, number>;
    readonly #file: DurableLines;
    #stale = 0;

    /**
     * Opens the file, or begins it.
     * @throws MetersealError MS_MALFORMED for a file that is none of ours.
     */
    constructor(path: string) {
        this.#counters = readCounters(path);
        this.#file = new DurableLines(path, this.#lines());
    }

    last(name: string): number {
        return this.#counters.get(name) ?? -1;
    }

    keep(name: string, counter: number): void {
        this.#file.add(lineOf(name, counter));
        if (this.#counters.has(name)) this.#stale++;
        this.#counters.set(name, counter);
        if (this.#stale < STALE_MAX) return;
        this.#file.replace(this.#lines());
        this.#stale = 0;
    }

    /** Ends the file. */
    close(): void {
        this.#file.close();
    }

    #lines(): string[] {
        return [...this.#counters].map(([name, counter]) => lineOf(name, counter));
    }
}

function lineOf(name: string, counter: number): string {
    return `${name} ${counter}`;
}

function readCounters(path: string): Map<string, number> {
    const counters = new Map<string, number>();
    for (const line of wholeLinesOf(path)) {
        const [, name, counter] = LINE.exec(line) ?? [];
        if (name === undefined)
            throw error("MS_MALFORMED", { where: path, expected: "frame counters" });
        counters.set(name, Number(counter));
    }
    return counters;
}
