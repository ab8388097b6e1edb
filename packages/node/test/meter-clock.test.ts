import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "@meterseal/core";
import { expect, it } from "vitest";
import { ReplayClock, systemClock } from "../src/clocks.ts";
import { DEVICE_FILES } from "../src/device/device.ts";
import { run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const DAY_SECONDS = 86_400;
const scratch = useScratch();

it("says when its records are dated ahead of the collector, and when the clocks have met", async () => {
    const clock = new ReplayClock(systemClock.nowMs() - DAY_SECONDS * 1000);
    const dataDir = join(scratch, "utility");
    const server = await startQuietServer(dataDir, { clock });
    try {
        const directory = join(scratch, "meter");
        await run("meter", "init", "--dir", directory, "--zone", "Europe/London");
        await run("enrol", "--data", dataDir, join(directory, DEVICE_FILES.request));
        const csv = join(scratch, "day.csv");
        writeFileSync(csv, "timestamp,import_kwh\n2024-07-01T00:00Z,1\n2024-07-01T00:15Z,1\n");
        const words = ["meter", "run", "--dir", directory, "--csv", csv, "--to", server.mqttUrl];

        const stopped = start([...words, "--json"]);
        await stopped.shows("Waiting: Record 1 is dated 1 d 0 h ahead of the collector's clock");
        stopped.child.kill("SIGINT");
        const report = JSON.parse((await stopped.outcome).stdout);
        expect(report).toMatchObject({ records: 1, openRecords: 1, clockAhead: { seq: 1 } });
        const { aheadSeconds, waitSeconds } = report.clockAhead;
        expect(waitSeconds).toBe(aheadSeconds - LIMITS.clockAheadSeconds);

        const signedMs = clock.nowMs() + aheadSeconds * 1000;
        clock.advanceTo(signedMs - (LIMITS.clockAheadSeconds + 3) * 1000);
        const again = start(words);
        await again.shows("Record 1 is dated 16 min ahead of the collector's clock");
        clock.advanceTo(signedMs);
        const { code, stderr } = await again.outcome;
        expect(code).toBe(0);
        const said = stderr.split("\n").filter((line) => line.includes("clock"));
        expect(said).toHaveLength(2);
        expect(said[1]).toBe("The clocks have met: the collector takes the meter's records again.");
        expect(stderr).toContain("Everything is final.");
        const last = JSON.parse((await run(...words, "--json")).stdout);
        expect(last).toMatchObject({ openRecords: 0, clockAhead: null });
    } finally {
        await server.close();
    }
}, 60_000);
