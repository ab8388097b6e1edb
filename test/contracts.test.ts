import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

describe("the compiled contracts", () => {
    it("are what the sources make, byte for byte", { timeout: 60_000 }, () => {
        const script = join("scripts", "compile-contracts.mjs");
        const options = { cwd: root, encoding: "utf8" } as const;
        const { status, stderr } = spawnSync(process.execPath, [script], options);
        expect(stderr.match(/, as kept$/gm)).toHaveLength(3);
        expect(status).toBe(0);
    });
});
