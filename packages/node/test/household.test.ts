import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { METER_FILE } from "@meterseal/stores/sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import { ReplayClock } from "../src/clocks.ts";
import { openHousehold } from "../src/fleet/household.ts";
import { REPLAY_START_MS } from "../src/fleet/replay.ts";
import { ServerProcess } from "../src/fleet/server-process.ts";
import { FIXTURE, FIXTURE_MS, type Fixture, quiet, useFixture, useScratch } from "./fixture.ts";

const scratch = useScratch();
let fixture: Fixture;
let copies = 0;

beforeAll(async () => {
    fixture = await useFixture();
}, FIXTURE_MS);

describe("a household that was in service", () => {
    /** Opens the first home of a copy of the finished fixture after something was done to its meter. */
    async function openAfter(harm: (meterDir: string) => void): Promise<unknown> {
        const dataDir = join(scratch, `harmed ${++copies}`);
        cpSync(fixture.finished, dataDir, { recursive: true });
        const server = await ServerProcess.start({
            dataDir,
            httpPort: 0,
            mqttPort: 0,
            nowMs: REPLAY_START_MS,
            clockLabel: "test",
            mode: null,
        });
        const clock = new ReplayClock(REPLAY_START_MS);
        const plan = {
            name: fixture.names[0] ?? "",
            zone: FIXTURE.zone,
            slotSeconds: 1800,
            mode: 0,
        };
        const tools = { dataDir, server, clock, log: quiet };
        try {
            const { agent, meterDir } = await openHousehold(plan, tools);
            await agent.close();
            harm(meterDir);
            const again = await openHousehold(plan, tools);
            await again.agent.close();
            return null;
        } catch (cause) {
            return cause;
        } finally {
            await server.stop();
        }
    }

    it("opens again as it was left", async () => {
        expect(await openAfter(() => {})).toBeNull();
    });

    it("is refused without its memory: it would seal boundaries a second time", async () => {
        const cause = await openAfter((meterDir) => {
            for (const end of ["", "-wal", "-shm"]) {
                rmSync(join(meterDir, METER_FILE + end), { force: true });
            }
        });
        expect(cause).toMatchObject({ code: "MS_OUTBOX" });
        expect(String(cause)).toContain("has lost its memory");
    });

    it("is refused with another key than the enrolled one, at once", async () => {
        const cause = await openAfter((meterDir) => rmSync(meterDir, { recursive: true }));
        expect(cause).toMatchObject({ code: "MS_ENROLMENT" });
    });
});
