import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const BIN = fileURLToPath(new URL("../bin/meterseal.mjs", import.meta.url));
let caches: string;
beforeEach(() => {
    caches = mkdtempSync(join(tmpdir(), "meterseal-bin-"));
});
afterEach(() => rmSync(caches, { recursive: true }));

function version(environment: Readonly<Record<string, string>>) {
    const { NODE_COMPILE_CACHE: _, ...rest } = process.env;
    const env = { ...rest, ...environment };
    const { status, stdout } = spawnSync(process.execPath, [BIN, "--version"], { env });
    return { status, stdout: String(stdout) };
}

describe("the program", () => {
    it("keeps compiled modules in the user's own cache", () => {
        const first = version({ XDG_CACHE_HOME: caches });
        expect(first).toMatchObject({ status: 0, stdout: expect.stringMatching(/^meterseal \d/) });
        const [kept = ""] = readdirSync(join(caches, "meterseal"));
        expect(readdirSync(join(caches, "meterseal", kept)).length).toBeGreaterThan(100);
        expect(version({ XDG_CACHE_HOME: caches })).toEqual(first);
    });

    it("runs as well where nothing can be kept", () => {
        const file = join(caches, "file");
        writeFileSync(file, "");
        expect(version({ XDG_CACHE_HOME: file }).status).toBe(0);
        expect(readdirSync(caches)).toEqual(["file"]);
    });
});
