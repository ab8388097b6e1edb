import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { firstSlotFrom, type MeterAgent } from "@meterseal/meter";
import { lockMeter, METER_FILE } from "@meterseal/stores/sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openAgent } from "../src/device/agent.ts";
import { openDevice } from "../src/device/device.ts";
import { collectorOf } from "../src/device/link.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run, spawned } from "./command.ts";
import { makeEnrolledMeter } from "./enrolled-meter.ts";
import { useScratch } from "./fixture.ts";
import { must } from "./provider-bed.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const SLOT = firstSlotFrom(Date.UTC(2026, 5, 1) / 1000, 1_800);
const ABOUT = ["--from", "2026-03-01", "--until", "2026-03-02", "--reason", "counted while open"];
const scratch = useScratch();
const dataDir = join(scratch, "utility");
const place = (name: string): string => join(scratch, name);
let server: Server;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
});
afterAll(() => server.close());

/** A gateway that is enrolled. */
async function gateway(name: string): Promise<string> {
    const directory = place(name);
    const groups = ["--groups", "import,adjustments", "--observed"];
    await makeEnrolledMeter(dataDir, directory, ...groups);
    return directory;
}

/** The agent of a bridge at work, connected. */
async function working(directory: string): Promise<MeterAgent> {
    const target = collectorOf({ to: server.mqttUrl });
    const agent = await openAgent(directory, openDevice(directory), target, "registers");
    await agent.connect();
    return agent;
}

async function feed(agent: MeterAgent, from: number, count: number): Promise<void> {
    for (let i = from; i < from + count; i++) {
        await agent.add({ slot: SLOT + i, registers: [BigInt(1_000 + i)], flag: 0 });
    }
    await agent.flush();
    await agent.settled();
}

const REFUSED = [3, expect.stringMatching(/^MS_STORE_LOCKED: .*stop that process first/m)];
const outcomeOf = ({ code, stderr }: Outcome) => [code, stderr];

describe("a meter at work", () => {
    it("has its directory for itself: no second command signs a record of its own", {
        timeout: TEST_MS,
    }, async () => {
        const directory = await gateway("gateway");
        const agent = await working(directory);
        await feed(agent, 0, 4);
        const to = ["--to", server.mqttUrl];
        const file = place("p1.txt");
        writeFileSync(file, "");
        const old = ["--dir", directory];
        const correction = ["meter", "correct", ...old, "--plus", "1", ...ABOUT, ...to];
        const others = [
            ["meter", "rotate-key", ...old, "--new", place("rotated"), ...to],
            ["meter", "exchange", ...old, "--new", place("exchanged"), "--dead"],
            ["meter", "move-in", ...old, "--new", place("moved"), ...to],
            ["bridge", ...old, "--p1", file, ...to],
        ];
        expect(outcomeOf(await spawned(...correction))).toEqual(REFUSED);
        for (const words of others) expect(outcomeOf(await run(...words))).toEqual(REFUSED);
        for (const name of ["rotated", "exchanged", "moved"])
            expect(existsSync(place(name))).toBe(false);

        await feed(agent, 4, 4);
        expect([agent.refusal, agent.recordCount]).toEqual([null, 2]);
        await agent.close();
        await must(run(...correction));
    });

    it("is not recovered beside itself, and its directory stays as it was", async () => {
        const directory = await gateway("recovered");
        const lock = lockMeter(directory);
        const words = ["meter", "recover", "--dir", directory, "--new", place("next")];
        const stated = ["--final-import", "1", "--final-plus", "0", "--final-minus", "0"];
        expect(outcomeOf(await run(...words, ...stated))).toEqual(REFUSED);
        lock.release();
        await must(run(...words, ...stated));
        expect(existsSync(join(directory, METER_FILE))).toBe(false);
    });

    it("gives its directory back where its agent does not open", async () => {
        const directory = await gateway("broken");
        await (await working(directory)).close();
        writeFileSync(join(directory, "starts.counter"), "none\n");
        for (let i = 0; i < 2; i++)
            await expect(working(directory)).rejects.toMatchObject({ code: "MS_OUTBOX" });
        lockMeter(directory).release();
    });

    it("gives its directory back where its journal is damaged", async () => {
        const directory = await gateway("damaged");
        writeFileSync(join(directory, "boundaries.jsonl"), "{}\n");
        const file = place("p1.txt");
        writeFileSync(file, "");
        const words = ["bridge", "--dir", directory, "--p1", file, "--to", server.mqttUrl];
        for (let i = 0; i < 2; i++)
            expect(await run(...words)).toMatchObject({
                stderr: expect.stringContaining("MS_STORE_FORMAT"),
            });
    });
});
