import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Measured } from "./report.ts";

/** The committed results, one entry a suite. */
export const RESULTS_FILE: string = join(import.meta.dirname, "../results/results.json");

/** Puts results in the place of older ones of the same suites, in the order of the names. */
export function saveResults(path: string, results: readonly Measured[], names: string[]): void {
    const before: Measured[] = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : [];
    const all = new Map([...before, ...results].map((each) => [each.name, each]));
    const kept = names.flatMap((name) => all.get(name) ?? []);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(kept, null, 4)}\n`);
}
