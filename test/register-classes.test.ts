import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

/** Rows of the guide's table of what happens to registers, by class. */
const ROWS = new Map(
    [...read("docs/guides/readings.md").matchAll(/^\| (C\d+) \|.*\| ([^|]+) \|$/gm)].map(
        ([, name = "", files = ""]) => [name, files.split(", ")] as const,
    ),
);
const CLASSES = Array.from({ length: 12 }, (_, i) => `C${i + 1}`);

describe("docs/guides/readings.md", () => {
    it("has a row for each of the twelve classes", () => {
        expect([...ROWS.keys()]).toEqual(CLASSES);
    });

    it.each(CLASSES)("names the files that test %s, and no other", (name) => {
        for (const file of ROWS.get(name) ?? []) {
            const path = /^`(\S+)`$/.exec(file)?.[1];
            const tests = read(`packages/${path}`);
            expect(tests, path).toMatch(new RegExp(`(it|describe|\\]\\))\\(\\s*["\`]${name} `));
        }
    });
});
