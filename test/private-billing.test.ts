import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const main = fileURLToPath(new URL("../examples/private-billing/main.ts", import.meta.url));
const TEST_MS = 60_000;

it("the example of private billing comes out as it says", { timeout: TEST_MS }, () => {
    const run = spawnSync(process.execPath, [main, "--homes", "3"], { encoding: "utf8" });
    expect(run.stderr).toBe("");
    expect(run.stdout).not.toContain("DOES NOT HOLD");
    expect(run.stdout).toContain("Monthly Power: of 3 homes one sum each, over 744 h");
    expect(run.stdout).toContain("Daily Advice: of one home 31 sums each, over 24 h");
    expect(run.stdout).toContain("Half-Hour Trading: of one home 1488 sums each, over 0.5 h");
    expect(run.stdout).toContain("3 of 3 bills follow from the meters' signed commitments");
    expect(run.stdout.match(/: refused\./g)).toHaveLength(3);
    expect(run.status).toBe(0);
    const wrong = spawnSync(process.execPath, [main, "--homes", "2"], { encoding: "utf8" });
    expect(wrong.status).toBe(2);
});
