import { join } from "node:path";
import { firstSlotFrom } from "@meterseal/meter";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { openAgent } from "../src/device/agent.ts";
import { openDevice } from "../src/device/device.ts";
import { collectorOf } from "../src/device/link.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run } from "./command.ts";
import { makeEnrolledMeter } from "./enrolled-meter.ts";
import { useScratch } from "./fixture.ts";
import { must } from "./provider-bed.ts";
import { startQuietServer } from "./quiet-server.ts";

/** Records that fill an outbox here: thousands take minutes to sign. */
const FULL = vi.hoisted(() => {
    // Test files share their modules: those that are loaded already have the limit as it is.
    vi.resetModules();
    return 3;
});
vi.mock("@meterseal/core", async (original) => {
    const core = await original<typeof import("@meterseal/core")>();
    return { ...core, LIMITS: { ...core.LIMITS, outboxRecords: FULL } };
});

const TEST_MS = 60_000;
const SLOT = firstSlotFrom(Date.UTC(2026, 5, 1) / 1000, 1_800);
const ABOUT = ["--from", "2026-03-01", "--until", "2026-03-02", "--reason", "counted while open"];
const scratch = useScratch();
const dataDir = join(scratch, "utility");
const place = (name: string): string => join(scratch, name);
let server: Server;
let made = 0;
let directory: string;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
});
afterAll(async () => {
    await server.close();
    vi.resetModules();
});

/** A meter that was out of reach until its outbox was full. */
beforeEach(async () => {
    directory = place(`meter-${made++}`);
    await makeEnrolledMeter(dataDir, directory, "--groups", "import,adjustments");
    const target = collectorOf({ to: server.mqttUrl });
    const agent = await openAgent(directory, openDevice(directory), target);
    for (let i = 0; i < FULL; i++) {
        await agent.add({ slot: SLOT + i, registers: [BigInt(1_000 + i)], flag: 0 });
        await agent.flush();
    }
    expect(agent.openRecords).toBe(FULL);
    await agent.close();
}, TEST_MS);

const correct = (to: string): Promise<Outcome> =>
    run("meter", "correct", "--dir", directory, "--plus", "1", ...ABOUT, "--to", to, "--json");

describe("a meter whose outbox is full", { timeout: TEST_MS }, () => {
    it("sends what it has before it takes a correction", async () => {
        const { stdout } = await must(correct(server.mqttUrl));
        expect(JSON.parse(stdout)).toMatchObject({ record: FULL + 1, final: true });
    });

    it.each([
        ["rotate-key", []],
        ["exchange", ["--final-import", "2"]],
        ["move-in", []],
    ])("sends what it has before it signs its end: %s", async (name, more) => {
        const words = ["--dir", directory, "--new", `${directory}-next`, "--json"];
        await must(run("meter", name, ...words, ...more, "--to", server.mqttUrl));
    });

    it("takes no correction while nobody takes its records, and says so when it is stopped", async () => {
        const outcome = correct("mqtt://127.0.0.1:9");
        setTimeout(() => process.emit("SIGHUP"), 500);
        const { code, stderr, stdout } = await outcome;
        expect([code, stdout]).toEqual([expect.any(Number), ""]);
        expect(stderr).toMatch(/^MS_OUTBOX_FULL: .* 3 records\. Nothing was entered/m);
        const again = await must(correct(server.mqttUrl));
        expect(JSON.parse(again.stdout)).toMatchObject({ record: FULL + 1, final: true });
    });
});
