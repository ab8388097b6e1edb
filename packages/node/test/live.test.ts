import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seriesBoundaries } from "@meterseal/meter";
import { describe, expect, it } from "vitest";
import { ReplayClock } from "../src/clocks.ts";
import { PLACES } from "../src/files.ts";
import { loadCaliforniaHomes } from "../src/fleet/california.ts";
import { readClockFile, writeClockFile } from "../src/fleet/clock-file.ts";
import { londonReplayHome } from "../src/fleet/home.ts";
import { LIVE_RECORD_SECONDS, type LiveOptions, replayLive } from "../src/fleet/live.ts";
import { loadLondonHomes } from "../src/fleet/london.ts";
import { loadOwnHome } from "../src/fleet/own-home.ts";
import { REPLAY_END_MS, REPLAY_START_MS, type ReplayMember } from "../src/fleet/replay.ts";
import { run, spawned, start } from "./command.ts";
import { useScratch } from "./fixture.ts";

const scratch = useScratch();
const HOUR_MS = 3_600_000;
const SLOT_MS = HOUR_MS / 2;
/** Slots of 2000-01-01T00:00Z until the replay starts. */
const FIRST_SLOT = (REPLAY_START_MS - Date.UTC(2000, 0, 1)) / SLOT_MS;

type Closed = { readonly atMs: number; readonly slots: number[] };

/** Meters that only note what they are given, and real time that passes when somebody waits. */
class Street {
    readonly clock: ReplayClock;
    readonly records: Closed[][] = [];
    readonly moves: number[] = [];
    readonly #members: ReplayMember[];
    readonly #buffers: number[][] = [];
    realMs = 1_000_000;

    constructor(homes: number, nowMs: number, nextSlot: number = FIRST_SLOT) {
        this.clock = new ReplayClock(nowMs);
        this.#members = loadLondonHomes(homes).map((home, i) => {
            this.records[i] = [];
            this.#buffers[i] = [];
            const agent = {
                nextSlot,
                add: async ({ slot }: { slot: number }) => void this.#buffers[i]?.push(slot),
                flush: async () => this.#close(i),
            };
            return {
                home: londonReplayHome(home),
                household: { agent },
            } as unknown as ReplayMember;
        });
    }

    #close(i: number): void {
        const slots = this.#buffers[i] ?? [];
        if (slots.length > 0) this.records[i]?.push({ atMs: this.clock.nowMs(), slots });
        this.#buffers[i] = [];
    }

    /** Runs until the end of the data or so many steps. */
    async live(speed: number, steps: number, waitMs = (asked: number) => asked): Promise<void> {
        const stop = new AbortController();
        const options: LiveOptions = {
            members: this.#members,
            speed,
            clock: this.clock,
            moveClock: (nowMs) => {
                this.moves.push(nowMs);
                this.clock.advanceTo(nowMs);
                return Promise.resolve();
            },
            steadyClock: { nowMs: () => this.realMs },
            timers: {
                after: (delayMs, callback) => {
                    this.realMs += waitMs(delayMs);
                    if (--steps < 0) stop.abort();
                    queueMicrotask(callback);
                    return () => {};
                },
            },
            signal: stop.signal,
        };
        await replayLive(options);
    }
}

describe("time that goes on", () => {
    it("moves as many times faster than real time as it is told", async () => {
        for (const speed of [1, 1_200, 86_400]) {
            const street = new Street(1, REPLAY_START_MS);
            const startMs = street.realMs;
            await street.live(speed, 20);
            const realMs = street.realMs - startMs;
            expect(street.moves.length).toBeGreaterThanOrEqual(20);
            const moved = (street.moves[19] ?? 0) - REPLAY_START_MS;
            expect(moved).toBe(Math.round((realMs / 21) * 20) * speed);
        }
    });

    it("does not make up for time in which the machine slept", async () => {
        const street = new Street(1, REPLAY_START_MS);
        await street.live(1_200, 1, () => 8 * HOUR_MS);
        expect(street.moves[0]).toBe(REPLAY_START_MS + 1_200 * 1_000);
    });

    it("reads every boundary once, in order, and never before its time", async () => {
        const street = new Street(3, REPLAY_START_MS);
        await street.live(7_000, 400);
        for (const records of street.records) {
            const slots = records.flatMap((record) => record.slots);
            expect(slots).toEqual(slots.map((_, i) => FIRST_SLOT + i));
            expect(slots.length).toBeGreaterThan(700);
            for (const { atMs, slots } of records) {
                const lastMs = Date.UTC(2000, 0, 1) + (slots.at(-1) ?? 0) * SLOT_MS;
                expect(lastMs).toBeLessThanOrEqual(atMs);
            }
        }
    });

    it("closes a record of each meter every two hours, in turn with the others", async () => {
        const street = new Street(4, REPLAY_START_MS);
        await street.live(1_200, 100);
        const ends = street.records.map((records) => {
            const whole = records.slice(1);
            expect(whole.length).toBeGreaterThan(5);
            for (const { slots } of whole) {
                expect(slots.length * SLOT_MS).toBe(LIVE_RECORD_SECONDS * 1_000);
            }
            return (whole[0]?.slots.at(-1) ?? 0) % 4;
        });
        expect(new Set(ends).size).toBe(4);
    });

    it("goes on behind what was sealed before, and seals none of it again", async () => {
        const sealed = FIRST_SLOT + 1_000;
        const street = new Street(1, REPLAY_START_MS + 1_001 * SLOT_MS, sealed);
        await street.live(1_200, 30);
        expect(street.records[0]?.[0]?.slots[0]).toBe(sealed);
    });

    it("stops at the end of the data, with everything in records", async () => {
        const street = new Street(2, REPLAY_END_MS - 5 * HOUR_MS, FIRST_SLOT);
        await street.live(1_300, Number.POSITIVE_INFINITY);
        expect(street.moves.at(-1)).toBe(REPLAY_END_MS);
        expect(street.clock.nowMs()).toBe(REPLAY_END_MS);
        for (const records of street.records) {
            expect(records.at(-1)?.slots.at(-1)).toBe(FIRST_SLOT + 365 * 48);
        }
        const again = new Street(1, REPLAY_END_MS, FIRST_SLOT + 365 * 48 + 1);
        await again.live(1_300, 3);
        expect(again.moves).toEqual([]);
    });
});

describe("a demo that goes on", () => {
    /** Waits until the API shows a time of the replay, and returns what it says of the clock. */
    async function clockPast(url: string, nowMs: number): Promise<ClockView> {
        for (;;) {
            const { clock } = (await (await fetch(`${url}/api/v1/network`)).json()) as NetworkView;
            if (clock.nowMs > nowMs) return clock;
            await new Promise((done) => setTimeout(done, 100));
        }
    }

    type ClockView = {
        readonly nowMs: number;
        readonly label: string;
        readonly replay: {
            readonly speed: number;
            readonly endMs: number;
            readonly ended: boolean;
        };
    };
    type NetworkView = { readonly clock: ClockView };

    it("is stopped, and killed, and goes on where it was with nothing sealed twice", async () => {
        const dataDir = join(scratch, "going on");
        const words = ["demo", "--meters", "2", "--days", "1", "--speed", "40000", "--port", "0"];
        let lastMs = REPLAY_START_MS + 24 * HOUR_MS;
        for (const signal of ["SIGINT", "SIGKILL", "SIGINT"] as const) {
            const demo = start([...words, "--data", dataDir]);
            await demo.shows("Ctrl-C stops");
            const url = /portal: (\S+)/.exec(demo.said())?.[1] ?? "";
            const clock = await clockPast(url, lastMs);
            expect(clock.label).toBe("replay of 2013");
            expect(clock.replay).toEqual({ speed: 40_000, endMs: REPLAY_END_MS, ended: false });
            const { nowMs } = await clockPast(url, clock.nowMs);
            expect(nowMs).toBeGreaterThan(lastMs);
            // Beside a server that goes on: what meters were answered meanwhile is no fault.
            for (let i = 0; i < 4; i++) {
                const { code, stdout } = await run("verify", "--data", dataDir);
                expect([code, stdout]).toEqual([0, expect.stringContaining("Everything holds")]);
            }
            demo.child.kill(signal);
            await demo.outcome;
            lastMs = readClockFile(dataDir);
            expect(lastMs).toBeGreaterThanOrEqual(nowMs);
        }
        const { code, stdout } = await run("verify", "--data", dataDir);
        expect([code, stdout]).toEqual([0, expect.stringContaining("Everything holds")]);
    }, 60_000);

    it("says that it is at the end of its data, and stands still", async () => {
        const dataDir = join(scratch, "at the end");
        const words = ["--meters", "1", "--days", "365", "--port", "0", "--data", dataDir];
        const demo = start(["demo", ...words]);
        await demo.shows("Ctrl-C stops");
        const url = /portal: (\S+)/.exec(demo.said())?.[1] ?? "";
        const clock = await clockPast(url, 0);
        expect(clock).toMatchObject({ nowMs: REPLAY_END_MS, replay: { ended: true } });
        expect(demo.said()).toContain("at the end of its data");
        demo.child.kill("SIGINT");
        expect((await demo.outcome).code).toBe(0);
    }, 60_000);
});

describe("the file of the replay clock", () => {
    it("holds the time, whole or not at all", () => {
        const dataDir = join(scratch, "clock");
        mkdirSync(dataDir);
        expect(readClockFile(dataDir)).toBe(0);
        for (const nowMs of [REPLAY_START_MS, REPLAY_END_MS]) {
            writeClockFile(dataDir, nowMs);
            expect(readClockFile(dataDir)).toBe(nowMs);
        }
        expect(existsSync(`${PLACES.replayClock(dataDir)}.new`)).toBe(false);
    });

    it("is refused where it is not what we wrote", () => {
        const dataDir = join(scratch, "clock bad");
        mkdirSync(dataDir);
        writeClockFile(dataDir, REPLAY_START_MS);
        const good = readFileSync(PLACES.replayClock(dataDir), "utf8");
        for (const bad of [
            "",
            "null",
            good.slice(0, -4),
            good.replace("/v1", "/v2"),
            good.replace(/\d{10,}/, "-1"),
            good.replace(/\d{10,}/, "1.5"),
            good.replace(/\d{10,}/, '"now"'),
        ]) {
            writeFileSync(PLACES.replayClock(dataDir), bad);
            expect(() => readClockFile(dataDir), bad).toThrow("MS_STORE_FORMAT");
        }
    });
});

describe("other streets", () => {
    it("have import and export, end to end, in their own zone", async () => {
        const dataDir = join(scratch, "california");
        const words = ["--meters", "1", "--california", "1", "--days", "3", "--once", "--json"];
        const { code, stdout } = await spawned("demo", ...words, "--port", "0", "--data", dataDir);
        expect(code).toBe(0);
        const { households } = JSON.parse(stdout) as {
            households: { keyFile: string; zone: string }[];
        };
        expect(households.map(({ zone }) => zone)).toEqual([
            "Europe/London",
            "America/Los_Angeles",
        ]);
        const keyFile = households[1]?.keyFile ?? "";
        const usage = await run("usage", "--key", keyFile, "--data", dataDir, "--json");
        const [home] = loadCaliforniaHomes(1);
        if (home === undefined) throw new Error("no home");
        const hours = 3 * 24 - 8;
        const end = [
            ...seriesBoundaries(home.series, {
                ...home.range,
                toSlot: home.range.fromSlot + hours,
            }),
        ].at(-1);
        expect(JSON.parse(usage.stdout)).toMatchObject({
            totalImportWh: Number(end?.registers[0]),
            totalExportWh: Number(end?.registers[1]),
        });
    }, 60_000);

    it("may hold a home of one's own, moved by whole weeks", async () => {
        const dataDir = join(scratch, "own");
        const rows = Array.from({ length: 96 }, (_, i) => {
            const time = new Date(Date.UTC(2024, 0, 3, 0, 15 * i)).toISOString();
            return `${time.replace(".000Z", "Z")},0.25`;
        });
        const file = join(scratch, "my readings.csv");
        writeFileSync(file, `timestamp,import_kwh\n${rows.join("\n")}\n`);
        const home = loadOwnHome(file, "Europe/Berlin");
        const first = new Date((home.series.firstSlot * 900 + Date.UTC(2000, 0, 1) / 1000) * 1000);
        expect(first.getUTCDay()).toBe(new Date(Date.UTC(2024, 0, 3)).getUTCDay());
        expect(first.toISOString()).toBe("2013-01-02T00:00:00.000Z");
        const words = ["--meters", "1", "--days", "3", "--once", "--json", "--port", "0"];
        const more = ["--household", file, "--zone", "Europe/Berlin", "--data", dataDir];
        const { code, stdout } = await spawned("demo", ...words, ...more);
        expect(code).toBe(0);
        const { households } = JSON.parse(stdout) as {
            households: { keyFile: string; source: string }[];
        };
        expect(households[1]?.source).toBe("own-my-readings");
        const usage = await run(
            "usage",
            "--key",
            households[1]?.keyFile ?? "",
            "--data",
            dataDir,
            "--json",
        );
        expect(JSON.parse(usage.stdout)).toMatchObject({ totalImportWh: 24_000 });
    }, 60_000);

    it("are refused with a bad file, by line, before anything is made", async () => {
        const dataDir = join(scratch, "bad own");
        const file = join(scratch, "bad.csv");
        writeFileSync(file, "timestamp,import_kwh\n2024-01-01T00:00Z,1\n2024-01-01T00:15Z,one\n");
        for (const [words, said] of [
            [["--household", file], /^MS_DATA_FILE: .*line 3/],
            [["--household", join(scratch, "none.csv")], /^MS_NOT_FOUND/],
        ] as const) {
            const { code, stderr } = await run("demo", ...words, "--once", "--data", dataDir);
            expect(code).toBe(2);
            expect(stderr).toMatch(said);
            expect(existsSync(dataDir)).toBe(false);
        }
    });
});
