import { join } from "node:path";
import { unixOfSlot } from "@meterseal/core";
import { firstSlotFrom } from "@meterseal/meter";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ObservedChannel } from "../src/bridge/lorawan/observed-channel.ts";
import { openAgent } from "../src/device/agent.ts";
import { openDevice } from "../src/device/device.ts";
import { collectorOf } from "../src/device/link.ts";
import type { Server } from "../src/server/server.ts";
import { run } from "./command.ts";
import { enrolMeter, makeEnrolledMeter } from "./enrolled-meter.ts";
import { quiet, useScratch } from "./fixture.ts";
import { must } from "./provider-bed.ts";
import { startQuietServer } from "./quiet-server.ts";

const SLOT = firstSlotFrom(Date.UTC(2026, 5, 1) / 1000, 1_800);
const scratch = useScratch();
const dataDir = join(scratch, "utility");
let server: Server;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
});
afterAll(() => server.close());

it("a LoRaWAN meter that cannot sign goes on behind an exchange with an opening record", {
    timeout: 60_000,
}, async () => {
    const [old, next] = [join(scratch, "old"), join(scratch, "next")];
    const target = collectorOf({ to: server.mqttUrl });
    await makeEnrolledMeter(dataDir, old, "--observed");
    const agent = await openAgent(old, openDevice(old), target, "registers");
    for (const [slot, register] of [1_000n, 1_010n].entries()) {
        await agent.add({ slot: SLOT + slot, registers: [register], flag: 0 });
    }
    await agent.flush();
    await agent.close();
    const to = ["--to", server.mqttUrl, "--json"];
    await must(run("meter", "exchange", "--dir", old, "--new", next, ...to));
    await enrolMeter(dataDir, next);

    const entry = { kind: "observed", devEui: "24e124538b000001", session: null } as const;
    const device = { ...entry, directory: next, payload: "milesight" } as const;
    const options = { target, sendEverySeconds: 3_600, log: quiet };
    const channel = await ObservedChannel.open(device, options);
    expect(channel.recordCount).toBe(1);
    const content = Uint8Array.of(0x06, 0x83, 10, 0, 0, 0);
    await channel.take({ content, receivedUnix: unixOfSlot(SLOT + 4, 1_800) } as never);
    await expect.poll(() => channel.openRecords, { timeout: 20_000 }).toBe(0);
    await channel.close();
    const verified = await run("verify", "--data", dataDir);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining("Everything")]);
    // Opened again, it writes no second one.
    const again = await ObservedChannel.open(device, options);
    expect(again.recordCount).toBe(channel.recordCount);
    await again.close();
});
