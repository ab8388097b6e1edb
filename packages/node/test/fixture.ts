import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "@meterseal/core";
import { LONDON_SLOT_SECONDS } from "@meterseal/meter";
import { STREAM_MODE } from "@meterseal/record";
import { afterAll } from "vitest";
import { ReplayClock } from "../src/clocks.ts";
import { claimDirectory } from "../src/files.ts";
import { londonReplayHome } from "../src/fleet/home.ts";
import { openHousehold } from "../src/fleet/household.ts";
import { loadLondonHomes } from "../src/fleet/london.ts";
import { REPLAY_START_MS, type ReplayMember, replayDays } from "../src/fleet/replay.ts";
import { ServerProcess } from "../src/fleet/server-process.ts";
import { WitnessStore } from "./kill/witness-store.ts";

/** Homes and days of the fixture directories. */
export const FIXTURE = { meters: 3, days: 7, looseDays: 2, zone: "Europe/London" } as const;

/** Longest time that making the fixture may take, on a machine that is busy with other things. */
export const FIXTURE_MS = 60_000;

/** A log that says nothing. */
export const quiet: Log = { info: () => {}, warn: () => {} };

/** Data directories that all tests of a run read and none changes. */
export type Fixture = {
    /** Everything is final, two vertices; nothing runs. */
    readonly finished: string;
    /**
     * The same and two days more, and then the server was killed: loose records, and outboxes that
     * still hold them with a `stored` receipt.
     */
    readonly crashed: string;
    /** Names of the homes. */
    readonly names: readonly string[];
};

let made: Promise<Fixture> | null = null;

/** The fixture, made at its first use. */
export function useFixture(): Promise<Fixture> {
    made ??= makeFixture();
    return made;
}

/** Directory of a test file for its own copies; removed at its end. */
export function useScratch(): string {
    const directory = mkdtempSync(join(tmpdir(), "meterseal-node-"));
    afterAll(() => rmSync(directory, { recursive: true, force: true }));
    return directory;
}

async function makeFixture(): Promise<Fixture> {
    const root = mkdtempSync(join(tmpdir(), "meterseal-fixture-"));
    const [finished, crashed] = [join(root, "finished"), join(root, "crashed")];
    claimDirectory(finished);
    await replaySome(finished, FIXTURE.days - 2, "stop");
    await replaySome(finished, FIXTURE.days, "stop");
    await replaySome(finished, FIXTURE.days, "settle");
    cpSync(finished, crashed, { recursive: true });
    await replaySome(crashed, FIXTURE.days + FIXTURE.looseDays, "kill");
    const names = loadLondonHomes(FIXTURE.meters).map((home) => home.id);
    return { finished, crashed, names };
}

/** Replays days until all is stored, and then stops properly, waits for finality, or kills. */
async function replaySome(
    dataDir: string,
    days: number,
    end: "stop" | "settle" | "kill",
): Promise<void> {
    const clock = new ReplayClock(REPLAY_START_MS);
    const mode = STREAM_MODE.sealed;
    const ports = { httpPort: 0, mqttPort: 0 };
    const start = { dataDir, ...ports, nowMs: REPLAY_START_MS, clockLabel: "test", mode };
    const server = await ServerProcess.start(start);
    const stores: WitnessStore[] = [];
    const members: ReplayMember[] = [];
    const openStore = async (meterDir: string): Promise<WitnessStore> => {
        const store = await WitnessStore.open(meterDir);
        stores.push(store);
        return store;
    };
    for (const home of loadLondonHomes(FIXTURE.meters)) {
        const plan = { name: home.id, zone: FIXTURE.zone, slotSeconds: LONDON_SLOT_SECONDS, mode };
        const tools = { dataDir, server, clock, log: quiet, openStore };
        members.push({
            home: londonReplayHome(home),
            household: await openHousehold(plan, tools),
        });
    }
    const agents = members.map(({ household }) => household.agent);
    await Promise.all(agents.map((agent) => agent.connect()));
    await replayDays({
        members,
        days,
        clock,
        setServerClock: (nowMs) => server.setClock(nowMs),
        onProgress: () => {},
        signal: new AbortController().signal,
    });
    while (stores.some((store) => store.acknowledged().length < store.records.size)) await sleep(5);
    if (end === "settle") await Promise.all(agents.map((agent) => agent.settled()));
    if (end === "kill") server.kill();
    await Promise.all(agents.map((agent) => agent.close()));
    await server.stop();
}
