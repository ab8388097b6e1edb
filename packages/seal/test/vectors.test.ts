import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { compute } from "./vector-case.ts";
import { generate, readVectors, VECTOR_FILES } from "./vectors.ts";

describe.each(VECTOR_FILES)("vectors/seal/%s", (name) => {
    const file = readVectors(name);

    test.each(file.vectors.map((vector, i) => [i, vector] as const))("vector %i", (_, vector) => {
        const { expected, ...input } = vector;
        expect(compute(input)).toEqual(expected);
    });

    test("is what the generator makes, and holds refusals too", () => {
        expect(file).toEqual(JSON.parse(JSON.stringify(generate()[name])));
        expect(file.vectors.some(({ expected }) => "error" in expected)).toBe(true);
        expect(file.vectors.some(({ expected }) => !("error" in expected))).toBe(true);
    });
});

test("the browser implementation gives the same vectors", () => {
    const script = fileURLToPath(new URL("vectors.ts", import.meta.url));
    const run = spawnSync(process.execPath, ["--conditions=browser", script, "--check"], {
        encoding: "utf8",
    });
    expect(run.stderr).toBe("");
    expect(run.stdout).toBe("0 wrong\n");
    expect(run.status).toBe(0);
});
