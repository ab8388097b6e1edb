import { strict as assert } from "node:assert";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fromBase64, type Log, toHex, unwrap } from "@meterseal/core";
import { LONDON_SLOT_SECONDS, type LondonHome } from "@meterseal/meter";
import { parseRecord, RECEIPT_LEVEL, STREAM_MODE } from "@meterseal/record";
import { openServerStore, SERVER_FILE } from "@meterseal/stores/sqlite";
import { ReplayClock } from "../../src/clocks.ts";
import { PLACES } from "../../src/files.ts";
import { londonReplayHome } from "../../src/fleet/home.ts";
import { type Household, openHousehold } from "../../src/fleet/household.ts";
import { loadLondonHomes } from "../../src/fleet/london.ts";
import { REPLAY_START_MS, replayDays } from "../../src/fleet/replay.ts";
import { loadKeyFiles, verifyDirectory } from "../../src/verify/verify.ts";
import { steadyPort } from "./ports.ts";
import { randomOf } from "./random.ts";
import { checkReadings } from "./readings.ts";
import { Supervisor } from "./supervisor.ts";
import { WitnessStore } from "./witness-store.ts";

/** Size of a kill test. */
export type KillTest = {
    readonly seed: number;
    readonly kills: number;
    readonly meters: number;
    readonly days: number;
    /** Longest life of a server, from the start of its process. */
    readonly lifeMs: number;
    readonly log: Log;
};

/** What a kill test went through, for its closing lines. */
export type KillReport = {
    readonly kills: number;
    readonly killsInStart: number;
    readonly records: number;
    readonly receipts: number;
    readonly vertices: number;
    readonly seconds: number;
};

type Witnessed = { readonly home: LondonHome; readonly store: WitnessStore; household: Household };

/**
 * Meters of this process replay days of real readings while the server's process is killed again and
 * again. Throws where anything acknowledged is missing after a kill, or anything is wrong at the end.
 */
export async function runKillTest(test: KillTest): Promise<KillReport> {
    const startedMs = performance.now();
    const dataDir = mkdtempSync(join(tmpdir(), "meterseal-kill-"));
    const random = randomOf(test.seed);
    const witnessed: Witnessed[] = [];
    const supervisor = new Supervisor({
        start: {
            dataDir,
            httpPort: await steadyPort(random),
            mqttPort: await steadyPort(random),
            nowMs: REPLAY_START_MS,
            clockLabel: "kill test",
            mode: STREAM_MODE.sealed,
        },
        kills: test.kills,
        lifeMs: test.lifeMs,
        random,
        onKilled: async (kill) => checkDisk(dataDir, witnessed, `after kill ${kill}`),
    });
    const servers = supervisor.run();
    servers.catch(() => {}); // whoever waits for a server hears of it
    try {
        await supervisor.up();
        await openMeters(test, dataDir, supervisor, witnessed);
        await Promise.race([load(test, supervisor, witnessed), servers]);
        for (const { household } of witnessed) await household.agent.close();
        await supervisor.stop();
        await servers;
        const report = await checkAll(test, dataDir, witnessed);
        const { kills, killsInStart } = supervisor;
        const seconds = (performance.now() - startedMs) / 1000;
        return { ...report, kills, killsInStart, seconds };
    } finally {
        await Promise.all(
            witnessed.map(({ household }) => household.agent.close().catch(() => {})),
        );
        await supervisor.stop();
        rmSync(dataDir, { recursive: true, force: true });
    }
}

async function openMeters(
    test: KillTest,
    dataDir: string,
    supervisor: Supervisor,
    witnessed: Witnessed[],
): Promise<void> {
    const clock = new ReplayClock(REPLAY_START_MS);
    for (const home of loadLondonHomes(test.meters)) {
        let store: WitnessStore | null = null;
        const household = await openHousehold(
            {
                name: home.id,
                zone: "Europe/London",
                slotSeconds: LONDON_SLOT_SECONDS,
                mode: STREAM_MODE.sealed,
            },
            {
                dataDir,
                server: supervisor,
                clock,
                log: test.log,
                openStore: async (meterDir) => {
                    store = await WitnessStore.open(meterDir);
                    return store;
                },
            },
        );
        assert(store !== null);
        witnessed.push({ home, store, household });
    }
    await Promise.all(witnessed.map(({ household }) => household.agent.connect()));
}

/** Replays the days, spread over the lives of the servers, until every record is final. */
async function load(
    test: KillTest,
    supervisor: Supervisor,
    witnessed: readonly Witnessed[],
): Promise<void> {
    const clock = new ReplayClock(REPLAY_START_MS);
    let day = 0;
    await replayDays({
        members: witnessed.map(({ home, household }) => ({
            home: londonReplayHome(home),
            household,
        })),
        days: test.days,
        clock,
        setServerClock: async (nowMs) => {
            const due = Math.floor((day++ / test.days) * test.kills);
            const paceMs = (test.lifeMs / 2) * (test.kills / test.days);
            if (supervisor.kills < test.kills) await sleep(paceMs);
            while (supervisor.kills < due - 1) await sleep(20);
            await supervisor.setClock(nowMs);
        },
        onProgress: () => {},
        signal: new AbortController().signal,
    });
    while (supervisor.kills < test.kills) await sleep(20);
    await Promise.all(witnessed.map(({ household }) => household.agent.settled()));
}

/** While no server runs: everything that a meter was told is stored must be on the disk. */
async function checkDisk(
    dataDir: string,
    witnessed: readonly Witnessed[],
    when: string,
): Promise<void> {
    const copy = mkdtempSync(join(tmpdir(), "meterseal-kill-copy-"));
    try {
        const from = PLACES.server(dataDir);
        if (!existsSync(join(from, SERVER_FILE))) {
            assert.equal(witnessed.length, 0, `${when}: there is no store`);
            return;
        }
        for (const suffix of ["", "-wal"]) {
            const name = `${SERVER_FILE}${suffix}`;
            if (existsSync(join(from, name))) copyFileSync(join(from, name), join(copy, name));
        }
        const store = await openServerStore(copy, { readOnly: true });
        const stored = new Map<string, number>();
        for await (const row of store.reader.records()) {
            const hash = hashHex(row.bytes);
            stored.set(hash, (stored.get(hash) ?? 0) + 1);
        }
        await store.close();
        for (const { store: witness, household } of witnessed) {
            for (const hash of witness.acknowledged()) {
                const name = `${when}: record ${hash} of meter ${household.subjectHex}`;
                assert.equal(stored.get(hash), 1, name);
            }
        }
    } finally {
        rmSync(copy, { recursive: true, force: true });
    }
}

async function checkAll(
    test: KillTest,
    dataDir: string,
    witnessed: readonly Witnessed[],
): Promise<Pick<KillReport, "records" | "receipts" | "vertices">> {
    for (const { household, store } of witnessed) {
        assert.equal(household.agent.refusal, null);
        assert.equal(household.agent.openRecords, 0, `meter ${household.subjectHex} has settled`);
        assert.equal(store.acknowledged().length, household.agent.recordCount);
    }
    await checkDisk(dataDir, witnessed, "at the end");
    const keyFiles = witnessed.map(({ household }) => household.keyFile);
    const { counts, faults, notes } = await verifyDirectory(
        dataDir,
        unwrap(loadKeyFiles(keyFiles)),
        () => {},
    );
    assert.deepEqual(faults, []);
    assert.deepEqual(notes, []);
    const boundaries = test.days * 48 + 1;
    assert.equal(counts.readings, test.meters * boundaries, "readings");
    assert.equal(counts.keys, test.meters);
    assert.equal(counts.looseRecords, 0);
    const records = witnessed.reduce((sum, { household }) => sum + household.agent.recordCount, 0);
    assert.equal(counts.records, records, "as many records in the ledger as the meters wrote");
    await checkStore(test, dataDir, witnessed);
    const receipts = witnessed.reduce((sum, { store }) => sum + store.heard.length, 0);
    return { records, receipts, vertices: counts.vertices };
}

/** Readings against their source, and every receipt ever heard against the finished log. */
async function checkStore(
    test: KillTest,
    dataDir: string,
    witnessed: readonly Witnessed[],
): Promise<void> {
    const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
    const roots = new Map<number, string>();
    for await (const { size, note } of store.reader.checkpoints()) {
        roots.set(size, toHex(fromBase64(note.split("\n")[2] ?? "")));
    }
    const leaves = new Map<string, number>();
    for await (const row of store.reader.records()) {
        const entry = row.vertex === null ? null : await store.reader.logOfVertex(row.vertex);
        assert(entry !== null, "every record is in the ledger");
        leaves.set(hashHex(row.bytes), entry.index);
    }
    for (const { heard } of witnessed.map((one) => one.store)) {
        for (const { checkpoint, leafIndex, level, recordHash } of heard) {
            if (level !== RECEIPT_LEVEL.final) continue;
            assert(checkpoint !== undefined);
            assert.equal(leaves.get(toHex(recordHash)), leafIndex, "leaf of a final receipt");
            assert.equal(roots.get(checkpoint.size), toHex(checkpoint.root));
        }
    }
    for (const { home, household } of witnessed) {
        await checkReadings(store, { home, keyFile: household.keyFile, days: test.days });
    }
    await store.close();
}

function hashHex(bytes: Uint8Array): string {
    return toHex(unwrap(parseRecord(bytes)).message.hash);
}
