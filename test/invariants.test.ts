import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const PAGE = "docs/reference/invariants.md";
const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

/** Files of tests by the number of the invariant. */
const ROWS = new Map(
    [...read(PAGE).matchAll(/^\| (\d+) \|.*\| ([^|]+) \|$/gm)].map(
        ([, number = "", files = ""]) => [Number(number), files.split(", ")] as const,
    ),
);
const NUMBERS = Array.from({ length: 18 }, (_, i) => i + 1);

describe(PAGE, () => {
    it("has a row for each of the eighteen invariants", () => {
        expect([...ROWS.keys()]).toEqual(NUMBERS);
    });

    it.each(NUMBERS)("names files whose tests carry the number %i", (number) => {
        const files = ROWS.get(number) ?? [];
        expect(files.length).toBeGreaterThan(0);
        for (const file of files) {
            const path = /^`(\S+)`$/.exec(file)?.[1];
            const begin = "^\\s*(?:(?:it|test|describe)\\(|\\]\\)\\(|)\\s*";
            const named = new RegExp(`${begin}["\`][^"\`]*invariant ${number}\\b`, "m");
            expect(read(`packages/${path}`), path).toMatch(named);
        }
    });
});
