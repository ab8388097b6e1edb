import { toHex } from "@meterseal/core";
import { LONDON_SLOT_SECONDS } from "@meterseal/meter";
import { STREAM_MODE } from "@meterseal/record";
import { ReplayClock } from "../../src/clocks.ts";
import { londonReplayHome } from "../../src/fleet/home.ts";
import { openHousehold } from "../../src/fleet/household.ts";
import { loadLondonHomes } from "../../src/fleet/london.ts";
import { REPLAY_START_MS, type ReplayMember, replayDays } from "../../src/fleet/replay.ts";
import { ServerProcess } from "../../src/fleet/server-process.ts";
import { WitnessStore } from "./witness-store.ts";

const quiet = { info: () => {}, warn: () => {} };

/** Meters of this process on a server in one of its own. */
export type SmallFleet = {
    readonly server: ServerProcess;
    readonly members: readonly ReplayMember[];
    readonly stores: readonly WitnessStore[];
    /** Measures up to so many days; what cannot be sent waits in the outboxes. */
    replay(days: number): Promise<void>;
    /** Ends the meters, and the server where it still runs. */
    close(): Promise<void>;
};

/** Starts a server on a data directory, and so many meters with what they have in it. */
export async function startSmallFleet(dataDir: string, meters: number): Promise<SmallFleet> {
    const mode = STREAM_MODE.sealed;
    const server = await ServerProcess.start({
        dataDir,
        httpPort: 0,
        mqttPort: 0,
        nowMs: REPLAY_START_MS,
        clockLabel: "disk test",
        mode,
    });
    const clock = new ReplayClock(REPLAY_START_MS);
    const stores: WitnessStore[] = [];
    const members: ReplayMember[] = [];
    for (const home of loadLondonHomes(meters)) {
        const plan = {
            name: home.id,
            zone: "Europe/London",
            slotSeconds: LONDON_SLOT_SECONDS,
            mode,
        };
        const openStore = async (meterDir: string): Promise<WitnessStore> => {
            const store = await WitnessStore.open(meterDir);
            stores.push(store);
            return store;
        };
        const tools = { dataDir, server, clock, log: quiet, openStore };
        members.push({ home: londonReplayHome(home), household: await openHousehold(plan, tools) });
    }
    const agents = members.map(({ household }) => household.agent);
    await Promise.all(agents.map((agent) => agent.connect()));
    return {
        server,
        members,
        stores,
        replay: (days) =>
            replayDays({
                members,
                days,
                clock,
                setServerClock: (nowMs) => server.setClock(nowMs).catch(() => undefined),
                onProgress: () => {},
                signal: new AbortController().signal,
            }),
        close: async () => {
            await Promise.all(agents.map((agent) => agent.close()));
            await server.stop();
        },
    };
}

/** Hashes of what meters were told is stored, and of what is only in their outboxes. */
export async function knownRecords(
    stores: readonly WitnessStore[],
): Promise<{ acknowledged: Set<string>; kept: Set<string> }> {
    const outboxes = await Promise.all(stores.map((store) => store.outbox()));
    return {
        acknowledged: new Set(stores.flatMap((store) => store.acknowledged())),
        kept: new Set(outboxes.flat().map(({ hash }) => toHex(hash))),
    };
}
