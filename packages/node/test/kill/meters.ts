import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex, toHex, unwrap } from "@meterseal/core";
import type { LondonHome } from "@meterseal/meter";
import { parseReceipt, STREAM_MODE } from "@meterseal/record";
import { METER_FILE, openMeterStore, openServerStore } from "@meterseal/stores/sqlite";
import { SimNotes } from "@meterseal/testkit/sim-notes";
import { parseKeyFile } from "@meterseal/wallet";
import { PLACES } from "../../src/files.ts";
import { loadLondonHomes } from "../../src/fleet/london.ts";
import { REPLAY_START_MS } from "../../src/fleet/replay.ts";
import { ServerProcess } from "../../src/fleet/server-process.ts";
import { loadKeyFiles, verifyDirectory } from "../../src/verify/verify.ts";
import { liveOnce } from "./meter-life.ts";
import type { Death } from "./meter-messages.ts";
import { randomOf } from "./random.ts";
import { checkReadings } from "./readings.ts";

/** Size of a test that kills meters. */
export type MeterKillTest = {
    readonly seed: number;
    readonly meters: number;
    /** Kills of each meter. */
    readonly kills: number;
    readonly days: number;
    /** Longest life after a meter began to measure. */
    readonly lifeMs: number;
};

/** What a test that kills meters went through. */
export type MeterKillReport = {
    readonly kills: number;
    readonly byMoment: Readonly<Record<Death["kind"], number>>;
    readonly records: number;
    readonly receipts: number;
    readonly seconds: number;
};

const DAY_MS = 86_400_000;
/** Two days are a record: more of a home is measured in each life than fits into it. */
const DAYS_A_RECORD = 2;

/**
 * Meters in processes of their own are killed at random moments and at chosen ones: before a record
 * is durable, while it is being committed, and when it is durable and not sent. Throws where a place
 * of a chain or a register was used twice, or anything is lost, doubled or wrong at the end.
 */
export async function runMeterKillTest(test: MeterKillTest): Promise<MeterKillReport> {
    const startedMs = performance.now();
    const scratch = mkdtempSync(join(tmpdir(), "meterseal-meters-"));
    const dataDir = join(scratch, "data");
    const server = await ServerProcess.start({
        dataDir,
        httpPort: 0,
        mqttPort: 0,
        nowMs: REPLAY_START_MS + test.days * DAY_MS,
        clockLabel: "kill test",
        mode: STREAM_MODE.sealed,
    });
    try {
        const homes = loadLondonHomes(test.meters);
        const victims = homes.map((home, i) => {
            const journal = join(scratch, `${home.id}.journal`);
            return new Victim(test, { home, dataDir, journal, server, seed: test.seed + i });
        });
        await Promise.all(victims.map((victim) => victim.live()));
        await server.stop();
        await checkEnd(test, dataDir, victims);
        const sum = (of: (victim: Victim) => number): number =>
            victims.reduce((total, victim) => total + of(victim), 0);
        return {
            kills: sum(({ kills }) => kills),
            byMoment: {
                time: sum(({ moments }) => moments.time),
                commit: sum(({ moments }) => moments.commit),
                persisted: sum(({ moments }) => moments.persisted),
                unpersisted: sum(({ moments }) => moments.unpersisted),
            },
            records: sum(({ notes }) => notes.written.size),
            receipts: sum(({ notes }) => notes.counts.receipts),
            seconds: (performance.now() - startedMs) / 1000,
        };
    } finally {
        await server.stop();
        rmSync(scratch, { recursive: true, force: true });
    }
}

type VictimOptions = {
    readonly home: LondonHome;
    readonly dataDir: string;
    readonly journal: string;
    readonly server: ServerProcess;
    readonly seed: number;
};

/** One meter with all its lives, and what an outsider knows of it. */
class Victim {
    kills = 0;
    readonly moments = { time: 0, commit: 0, persisted: 0, unpersisted: 0 };
    readonly notes = new SimNotes();
    readonly options: VictimOptions;
    readonly #test: MeterKillTest;
    readonly #random: () => number;
    #journalRead = 0;
    /** Hash of each record that was durable when its meter went on, by sequence number. */
    readonly #durable = new Map<number, string>();
    /** Receipts that came and are not noted yet. */
    readonly #told: Uint8Array[] = [];

    constructor(test: MeterKillTest, options: VictimOptions) {
        this.#test = test;
        this.options = options;
        this.#random = randomOf(options.seed);
    }

    get keyFile(): string {
        return PLACES.keyFile(this.options.dataDir, this.options.home.id);
    }

    /** Dies as often as it has to, and then finishes. */
    async live(): Promise<void> {
        const { dataDir, home, journal, server } = this.options;
        const start = { dataDir, home: home.id, journal, info: server.info };
        const { days, kills } = this.#test;
        while (this.kills < kills) {
            const share = (this.kills + 1) / (kills + 1);
            const death = this.#drawDeath();
            const upTo = Math.max(DAYS_A_RECORD + 1, Math.floor(days * share));
            await liveOnce({ ...start, days: upTo, death }, server);
            this.moments[death.kind]++;
            this.kills++;
            await this.#check(`${home.id} after kill ${this.kills} (${death.kind})`);
        }
        await liveOnce({ ...start, days, death: null }, server);
        await this.#check(`${home.id} at the end`);
    }

    #drawDeath(): Death {
        const roll = this.#random();
        const nth = 1 + Math.floor(this.#random() * 3);
        if (roll < 0.4) return { kind: "time", afterMs: this.#random() * this.#test.lifeMs };
        if (roll < 0.6) return { kind: "commit", nth, afterMs: this.#random() * 4 };
        return { kind: roll < 0.8 ? "persisted" : "unpersisted", nth };
    }

    /** What is on the two disks against what the meter said before it died. */
    async #check(when: string): Promise<void> {
        this.#readJournal();
        const { dataDir } = this.options;
        if (!existsSync(this.keyFile)) return;
        const { meter } = unwrap(parseKeyFile(readFileSync(this.keyFile, "utf8")));
        const meterDir = PLACES.meter(dataDir, toHex(meter));
        if (!existsSync(join(meterDir, METER_FILE))) return;
        const store = await openMeterStore(meterDir);
        const outbox = await store.outbox();
        const { final } = await store.receipts();
        await store.close();
        const stored = await this.#recordsOfServer(meter);
        for (const bytes of [...outbox.map((record) => record.bytes), ...stored]) {
            this.notes.record(bytes);
        }
        for (const bytes of this.#told.splice(0)) this.notes.receipt(unwrap(parseReceipt(bytes)));
        this.notes.requireAcknowledged(stored, when);
        const finalSeq = final === null ? 0 : unwrap(parseReceipt(final)).seq;
        const kept = new Map(outbox.map(({ seq, hash }) => [seq, toHex(hash)]));
        for (const [seq, hash] of this.#durable) {
            if (seq > finalSeq) assert.equal(kept.get(seq), hash, `${when}: record ${seq} is kept`);
        }
        assert.deepEqual(this.notes.violations, [], when);
    }

    async #recordsOfServer(meter: Uint8Array): Promise<Uint8Array[]> {
        const store = await openServerStore(PLACES.server(this.options.dataDir), {
            readOnly: true,
        });
        const records: Uint8Array[] = [];
        for await (const row of store.reader.recordsOf(meter)) records.push(row.bytes);
        await store.close();
        return records;
    }

    /** Takes in the lines since the last time; the last one may be cut off. */
    #readJournal(): void {
        if (!existsSync(this.options.journal)) return;
        const text = readFileSync(this.options.journal, "utf8");
        const end = text.lastIndexOf("\n") + 1;
        const lines = text.slice(this.#journalRead, end).split("\n").filter(Boolean);
        this.#journalRead = end;
        for (const line of lines) {
            const [what, value = "", hash = ""] = line.split(" ");
            if (what === "record") this.#durable.set(Number(value), hash);
            else this.#told.push(fromHex(value));
        }
    }
}

async function checkEnd(
    test: MeterKillTest,
    dataDir: string,
    victims: readonly Victim[],
): Promise<void> {
    const keyFiles = victims.map(({ keyFile }) => keyFile);
    const trusted = unwrap(loadKeyFiles(keyFiles));
    const { counts, faults, notes } = await verifyDirectory(dataDir, trusted, () => {});
    assert.deepEqual(faults, []);
    assert.deepEqual(notes, []);
    assert.equal(counts.readings, test.meters * (test.days * 48 + 1), "readings");
    assert.equal(counts.looseRecords, 0);
    const written = victims.reduce((sum, victim) => sum + victim.notes.written.size, 0);
    assert.equal(counts.records, written, "as many records in the ledger as the meters wrote");
    const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
    for (const { keyFile, notes: seen, options } of victims) {
        assert(seen.finals.length > 0);
        await checkReadings(store, { home: options.home, keyFile, days: test.days });
    }
    await store.close();
}
