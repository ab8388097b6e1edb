/**
 * One meter in a process of its own: measures days of a London home, and dies where it was told to.
 * Its record of what was written and acknowledged is a journal that it writes before it goes on.
 */
import { openSync, writeSync } from "node:fs";
import { toHex } from "@meterseal/core";
import { LONDON_SLOT_SECONDS } from "@meterseal/meter";
import { type MeterStore, STREAM_MODE } from "@meterseal/record";
import { openMeterStore } from "@meterseal/stores/sqlite";
import { ReplayClock } from "../../src/clocks.ts";
import { londonReplayHome } from "../../src/fleet/home.ts";
import { openHousehold } from "../../src/fleet/household.ts";
import { loadLondonHomes } from "../../src/fleet/london.ts";
import { REPLAY_START_MS, replayDays } from "../../src/fleet/replay.ts";
import type { EnrolRequest } from "../../src/server/server.ts";
import type { MeterStart } from "./meter-messages.ts";

/** Homes among which the one is looked for. */
const HOMES = 8;

process.once("message", (start: MeterStart) => {
    live(start).catch((cause: unknown) => {
        console.error(cause);
        process.exit(70);
    });
});
process.on("disconnect", () => process.exit(0));

function die(): void {
    process.kill(process.pid, "SIGKILL");
}

async function live(start: MeterStart): Promise<void> {
    const home = loadLondonHomes(HOMES).find(({ id }) => id === start.home);
    if (home === undefined) throw new Error(`no home ${start.home}`);
    const journal = openSync(start.journal, "a");
    const note = (line: string): void => void writeSync(journal, `${line}\n`);
    const clock = new ReplayClock(REPLAY_START_MS);
    const mode = STREAM_MODE.sealed;
    const household = await openHousehold(
        { name: home.id, zone: "Europe/London", slotSeconds: LONDON_SLOT_SECONDS, mode },
        {
            dataDir: start.dataDir,
            server: { info: start.info, enrol: askToEnrol },
            clock,
            log: { info: () => {}, warn: () => {} },
            openStore: (meterDir) => openMortalStore(meterDir, start, note),
        },
    );
    await household.agent.connect();
    process.send?.({ type: "measuring" });
    await replayDays({
        members: [{ home: londonReplayHome(home), household }],
        days: start.days,
        clock,
        setServerClock: () => Promise.resolve(),
        onProgress: () => {},
        signal: new AbortController().signal,
    });
    if (start.death?.kind === "time") return; // waits for it
    if (start.death !== null) die(); // what it was to die of did not come
    await household.agent.settled();
    await household.agent.close();
    process.exit(0);
}

/** The parent enrols: it has the server. */
function askToEnrol(request: EnrolRequest): Promise<Uint8Array> {
    return new Promise((resolve) => {
        process.once("message", (hash: Uint8Array) => resolve(hash));
        process.send?.({ type: "enrol", request });
    });
}

/** The meter's real store, which dies in its transactions and notes what it was given. */
async function openMortalStore(
    meterDir: string,
    { death }: MeterStart,
    note: (line: string) => void,
): Promise<MeterStore> {
    let records = 0;
    const reached = (kind: "commit" | "persisted" | "unpersisted"): boolean =>
        death?.kind === kind && death.nth === records;
    const store = await openMeterStore(meterDir, {
        hooks: {
            beforeCommit: (point) => {
                if (point !== "append") return;
                records++;
                if (reached("unpersisted")) die();
                if (reached("commit")) process.send?.({ type: "commits" });
            },
            afterCommit: (point) => {
                if (point === "append" && reached("persisted")) die();
            },
        },
    });
    return {
        state: () => store.state(),
        append: async (state, record) => {
            await store.append(state, record);
            if (record !== null) note(`record ${record.seq} ${toHex(record.hash)}`);
        },
        outbox: () => store.outbox(),
        keepStored: async (receipt) => {
            note(`stored ${toHex(receipt)}`);
            await store.keepStored(receipt);
        },
        keepFinal: async (receipt, chainEpoch, seq) => {
            note(`final ${toHex(receipt)}`);
            await store.keepFinal(receipt, chainEpoch, seq);
        },
        receipts: () => store.receipts(),
        close: () => store.close(),
    };
}
