import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PLACES } from "../src/files.ts";
import { start } from "./command.ts";
import { FIXTURE_MS, useScratch } from "./fixture.ts";

const scratch = useScratch();

it(
    "a demo with cohorts goes on at the next start, on a clock between two seconds",
    async () => {
        const data = join(scratch, "street");
        const words = ["demo", "--meters", "8", "--days", "1", "--port", "0", "--data", data];
        const first = start([...words, "--california", "0"]);
        await first.shows("Ctrl-C stops");
        const nowMs = (): number =>
            (JSON.parse(readFileSync(PLACES.replayClock(data), "utf8")) as { nowMs: number }).nowMs;
        await expect.poll(() => nowMs() % 1000, { timeout: FIXTURE_MS }).not.toBe(0);
        first.child.kill("SIGINT");
        expect((await first.outcome).code).toBe(0);
        expect(nowMs() % 1000).not.toBe(0);
        const second = start([...words, "--california", "0"]);
        await second.shows("Ctrl-C stops");
        second.child.kill("SIGINT");
        expect((await second.outcome).code).toBe(0);
    },
    FIXTURE_MS,
);
