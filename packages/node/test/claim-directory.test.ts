import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { claimDirectory, MARKER, requireDirectory } from "../src/files.ts";
import { useScratch } from "./fixture.ts";

const scratch = useScratch();

/** A new directory with these files. */
function directoryOf(name: string, files: Readonly<Record<string, string>>): string {
    const directory = join(scratch, name);
    mkdirSync(directory);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
    return directory;
}

describe("claimDirectory", () => {
    it.each([
        ["nothing", {}],
        ["an empty list of what is ignored", { ".gitignore": "" }],
        ["that list", { ".gitignore": "*\n" }],
        ["a part of the mark", { ".gitignore": "*\n", [`${MARKER}.new`]: '{"form' }],
    ])("goes on where a crash in it left %s", (name, files) => {
        const directory = directoryOf(name, files);
        claimDirectory(directory);
        requireDirectory(directory);
        expect(readdirSync(directory).sort()).toEqual([".gitignore", MARKER]);
        expect(readFileSync(join(directory, ".gitignore"), "utf8")).toBe("*\n");
        claimDirectory(directory);
    });

    it.each([
        ["a file", { "thesis.txt": "" }],
        ["a file beside what a crash leaves", { ".gitignore": "*\n", "thesis.txt": "" }],
        ["another list of what is ignored", { ".gitignore": "*.log\n" }],
    ])("takes no directory with %s", (name, files) => {
        const directory = directoryOf(name, files);
        expect(() => claimDirectory(directory)).toThrow("MS_STORE_FORMAT");
        expect(readdirSync(directory).sort()).toEqual(Object.keys(files).sort());
    });
});
