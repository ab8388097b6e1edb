import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { error } from "@meterseal/core";
import type { MonotonicCounter } from "@meterseal/meter";
import { writeWhole } from "../files.ts";

/** File of a meter's counter in its directory; a TPM's counter may take its place. */
export const COUNTER_FILE = "starts.counter";

/** Puts the counter of a new meter there: a memory without one is never taken for a new one. */
export function startCounter(directory: string): void {
    writeWhole(join(directory, COUNTER_FILE), "0\n");
}

/** Counter of a meter in a file of its own, which stays where its memory is lost or put back. */
export function fileCounter(directory: string): MonotonicCounter {
    const path = join(directory, COUNTER_FILE);
    // biome-ignore lint/suspicious/useAwait: a TPM answers later
    const read = async (): Promise<number | null> => {
        if (!existsSync(path)) return null;
        const text = readFileSync(path, "utf8");
        if (/^\d{1,15}\n$/.test(text)) return Number(text);
        throw error("MS_OUTBOX", { where: path, expected: "one whole number, unchanged" });
    };
    return {
        read,
        async raise(to) {
            const before = await read();
            if (before !== null && to < before) {
                throw error("MS_OUTBOX", { where: path, expected: "a counter that only grows" });
            }
            writeWhole(path, `${to}\n`);
        },
    };
}

/** Ends a meter that another one follows without its closing record: it starts no more. */
export async function retire(directory: string, starts: number): Promise<void> {
    const counter = fileCounter(directory);
    await counter.raise(Math.max((await counter.read()) ?? 0, starts) + 1);
}
