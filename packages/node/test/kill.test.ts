import { randomInt } from "node:crypto";
import { describe, expect, it } from "vitest";
import { runKillTest } from "./kill/run.ts";

const quiet = { info: () => {}, warn: () => {} };

describe("kill -9 of the server, 4 times", () => {
    const seed = randomInt(2 ** 31);

    it("loses nothing acknowledged, doubles nothing, and the meters finish", async () => {
        console.log(`kill.test.ts: seed ${seed}`);
        const size = { kills: 4, meters: 3, days: 60, lifeMs: 1_200 };
        const report = await runKillTest({ ...size, seed, log: quiet });
        expect(report.kills).toBe(4);
        expect(report.records).toBeGreaterThanOrEqual(3 * 31);
    }, 60_000);
});
