import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { drawCurves } from "./curve.ts";
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

/** Where the picture of a suite's curves is kept. */
export function figureOf(name: string): string {
    return join(import.meta.dirname, `../../docs/figures/${name}.svg`);
}

/** Draws what has curves; returns the paths of the pictures. */
export function saveFigures(results: readonly Measured[]): string[] {
    return results.flatMap(({ curves, name }) => {
        if (curves === undefined) return [];
        const path = figureOf(name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, drawCurves(curves));
        return [path];
    });
}
