import { existsSync } from "node:fs";
import { join } from "node:path";
import { error } from "@meterseal/core";
import type { Boundary, MeterAgent } from "@meterseal/meter";
import { DurableLines, wholeLinesOf } from "../durable-lines.ts";
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
    #lines: Line[];
    readonly #file: DurableLines;
    #stale = 0;

    /**
     * Opens the journal; a line that a crash cut off was never acknowledged and is left out.
     * @throws MetersealError MS_STORE_FORMAT for a whole line that is none of ours.
     */
    constructor(directory: string) {
        const path = join(directory, JOURNAL_FILE);
        this.#lines = wholeLinesOf(path).map((line, i) =>
            parseLine(line, `${path}, line ${i + 1}`),
        );
        this.#file = new DurableLines(path, this.#texts());
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

    /** Keeps boundaries, durably and at one time. */
    keep(boundaries: readonly Boundary[], { value: counter }: FrameCounter): void {
        const lines = boundaries.map(
            ({ flag, registers, slot }): Line => ({
                ...{ slot, flag, counter },
                registers: registers.map(String),
            }),
        );
        this.#file.add(...lines.map((line) => JSON.stringify(line)));
        this.#lines.push(...lines);
    }

    /** Forgets boundaries before a slot, which are in records; the newest line stays for its counter. */
    taken(slot: number): void {
        const kept = this.#lines.filter(
            (line, i) => line.slot >= slot || i === this.#lines.length - 1,
        );
        this.#stale += this.#lines.length - kept.length;
        this.#lines = kept;
        if (this.#stale < STALE_MAX) return;
        this.#file.replace(this.#texts());
        this.#stale = 0;
    }

    /** Ends the journal. */
    close(): void {
        this.#file.close();
    }

    #texts(): string[] {
        return this.#lines.map((line) => JSON.stringify(line));
    }
}

/**
 * Puts into records what the journal of a gateway's directory has and no record yet, as its bridge would
 * at its next start: for a meter that is to end, behind which they would be refused.
 * @throws MetersealError MS_STORE_FORMAT for a damaged journal; and as {@link MeterAgent.add}.
 */
export async function handInKept(agent: MeterAgent, directory: string): Promise<void> {
    if (!existsSync(join(directory, JOURNAL_FILE))) return;
    const journal = new BoundaryJournal(directory);
    try {
        for (const boundary of journal.from(agent.nextSlot)) await agent.add(boundary);
        await agent.flush();
        journal.taken(agent.nextSlot);
    } finally {
        journal.close();
    }
}

function parseLine(text: string, where: string): Line {
    try {
        const line = JSON.parse(text) as Line;
        const numbers = [line.slot, line.flag, line.counter];
        const isOurs = numbers.every(Number.isSafeInteger) && line.registers.length > 0;
        if (isOurs && line.registers.every((register) => /^\d+$/.test(register))) return line;
    } catch {
        // Says the same as any other line that is not ours.
    }
    throw error("MS_STORE_FORMAT", {
        where,
        expected: "a boundary as the bridge wrote it",
        todo: "Take the line out of the file: its reading was in no record yet, and is lost.",
    });
}
