import { join } from "node:path";
import { type Boundary, firstSlotFrom } from "@meterseal/meter";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BoundaryJournal } from "../src/bridge/boundary-journal.ts";
import { openAgent } from "../src/device/agent.ts";
import { DEVICE_FILES, openDevice, provideKeyFile } from "../src/device/device.ts";
import { collectorOf } from "../src/device/link.ts";
import { lastState } from "../src/device/replacement.ts";
import type { Server } from "../src/server/server.ts";
import { run } from "./command.ts";
import { makeEnrolledMeter } from "./enrolled-meter.ts";
import { useScratch } from "./fixture.ts";
import { must } from "./provider-bed.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const SLOT = firstSlotFrom(Date.UTC(2026, 5, 1) / 1000, 1_800);
const scratch = useScratch();
const dataDir = join(scratch, "utility");
let server: Server;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
});
afterAll(() => server.close());

const at = (i: number): Boundary => ({ slot: SLOT + i, registers: [1_000n + BigInt(i)], flag: 0 });

/** A gateway that has sent four boundaries, and stopped when two more were in its journal. */
async function gateway(name: string): Promise<string> {
    const directory = join(scratch, name);
    await makeEnrolledMeter(dataDir, directory, "--observed");
    const device = openDevice(directory);
    provideKeyFile(directory, name, device);
    const target = collectorOf({ to: server.mqttUrl });
    const agent = await openAgent(directory, device, target, "registers");
    for (let i = 0; i < 4; i++) await agent.add(at(i));
    await agent.flush();
    await agent.close();
    const journal = new BoundaryJournal(directory);
    journal.keep([at(3), { ...at(4), flag: 1 }, at(5)], { value: -1 });
    journal.close();
    return directory;
}

describe("a gateway with readings that are in no record yet", { timeout: TEST_MS }, () => {
    it.each(["exchange", "rotate-key", "move-in"])(
        "seals them before its last record: meter %s",
        async (name) => {
            const old = await gateway(name);
            const words = ["--dir", old, "--new", `${old}-next`, "--to", server.mqttUrl, "--json"];
            await must(run("meter", name, ...words));
            const state = await lastState(old);
            expect(state).toMatchObject({ registers: [1_005n], ended: true, nextSeq: 4 });
            expect(state?.seal.nextSlot).toBe(SLOT + 6);
            const key = ["--key", join(old, DEVICE_FILES.keyFile), "--json"];
            const { stdout } = await must(run("usage", ...key, "--url", server.httpUrl));
            expect(JSON.parse(stdout)).toMatchObject({ totalImportWh: 5 });
            const again = new BoundaryJournal(old);
            expect(again.from(state?.seal.nextSlot ?? 0)).toEqual([]);
            again.close();
        },
    );

    it("is not ended with a final register below them", async () => {
        const old = await gateway("below");
        const words = ["--dir", old, "--new", `${old}-next`, "--to", server.mqttUrl];
        const stated = await run("meter", "exchange", ...words, "--final-import", "1.004");
        expect([stated.code, stated.stderr]).toEqual([
            expect.any(Number),
            expect.stringContaining("MS_REGISTER_DECREASED"),
        ]);
        await must(run("meter", "exchange", ...words, "--final-import", "1.006", "--json"));
        expect((await lastState(old))?.registers).toEqual([1_006n]);
    });
});
