import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../src/limits.ts";

const page = readFileSync(new URL("../../../docs/reference/limits.md", import.meta.url), "utf8");

describe("docs/reference/limits.md", () => {
    it("lists every limit with its value, in the order of the table", () => {
        const row = /^\| `(\w+)` \| ([\d,]+) \| ([^|]+) \| ([^|]{10,}) \|$/gm;
        const listed = [...page.matchAll(row)].map(([, name, value]) => [
            name,
            Number((value ?? "").replaceAll(",", "")),
        ]);
        expect(listed).toEqual(Object.entries(LIMITS));
    });

    it("is about positive integers only", () => {
        for (const value of Object.values(LIMITS)) {
            expect(Number.isSafeInteger(value) && value > 0).toBe(true);
        }
    });
});
