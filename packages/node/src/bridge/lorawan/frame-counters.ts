import { error } from "@meterseal/core";
import type { FrameCounters } from "@meterseal/links/lorawan";
import { DurableLines, wholeLinesOf } from "../../durable-lines.ts";

/** Lines that later ones made void, before the file is written anew. */
const STALE_MAX = 10_000;
/** Sessions of one device behind a network server whose counters are kept; a new one drops the oldest. */
const SESSIONS = 4;
const LINE = /^([0-9a-f]{16} [0-9a-z]{1,8}) (\d{1,10})$/;
/** Counter of a session that a network server made; `up` and `down` are of sessions made by hand. */
const OF_SESSION = /^([0-9a-f]{16} )[0-9a-f]{8}$/;

/** Frame counters in a file of lines, each durable before its frame has any effect. */
export class FileFrameCounters implements FrameCounters {
    /** By name, the one that was kept last at the end. */
    readonly #counters = new Map<string, number>();
    readonly #file: DurableLines;
    #stale = 0;

    /**
     * Opens the file, or begins it.
     * @throws MetersealError MS_MALFORMED for a file that is none of ours.
     */
    constructor(path: string) {
        for (const [name, counter] of readCounters(path)) this.#set(name, counter);
        this.#file = new DurableLines(path, this.#lines());
    }

    last(name: string): number {
        return this.#counters.get(name) ?? -1;
    }

    keep(name: string, counter: number): void {
        this.#file.add(lineOf(name, counter));
        const before = this.#counters.size;
        this.#set(name, counter);
        this.#stale += before + 1 - this.#counters.size;
        if (this.#stale < STALE_MAX) return;
        this.#file.replace(this.#lines());
        this.#stale = 0;
    }

    #set(name: string, counter: number): void {
        const isNew = !this.#counters.delete(name);
        this.#counters.set(name, counter);
        const [, device] = OF_SESSION.exec(name) ?? [];
        if (device === undefined || !isNew) return;
        const sessions = [...this.#counters.keys()].filter(
            (each) => each.startsWith(device) && OF_SESSION.test(each),
        );
        if (sessions.length > SESSIONS) this.#counters.delete(sessions[0] as string);
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

function readCounters(path: string): [name: string, counter: number][] {
    return wholeLinesOf(path).map((line) => {
        const [, name, counter] = LINE.exec(line) ?? [];
        if (name === undefined)
            throw error("MS_MALFORMED", { where: path, expected: "frame counters" });
        return [name, Number(counter)];
    });
}
