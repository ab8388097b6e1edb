import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { METER_FILE } from "@meterseal/stores/sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COUNTER_FILE } from "../src/device/counter-file.ts";
import { DEVICE_FILES } from "../src/device/device.ts";
import { PROFILE_FILE } from "../src/files.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const DAY = Date.UTC(2024, 6, 1);
const ROWS = 48;

const scratch = useScratch();
const dataDir = join(scratch, "utility");
let server: Server;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
});
afterAll(() => server.close());

const place = (name: string): string => join(scratch, name);
const keyOf = (directory: string): string => join(directory, DEVICE_FILES.keyFile);

/** A file of half-hours of a day of July 2024, each of so many kWh. */
function csv(day: number, kwh: string): string {
    const rows = Array.from({ length: ROWS }, (_, i) => {
        const time = new Date(DAY + (day - 1) * 86_400_000 + i * 1_800_000).toISOString();
        return `${time},${kwh}`;
    });
    const path = place(`${day}-${kwh}.csv`);
    writeFileSync(path, `timestamp,import_kwh\n${rows.join("\n")}\n`);
    return path;
}

const send = (directory: string, file: string): Promise<Outcome> =>
    run("meter", "run", "--dir", directory, "--csv", file, "--to", server.mqttUrl, "--json");

async function must(outcome: Promise<Outcome>): Promise<Outcome> {
    const got = await outcome;
    expect([got.code, got.stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
    return got;
}

const enrol = (directory: string): Promise<Outcome> =>
    must(run("enrol", "--data", dataDir, join(directory, DEVICE_FILES.request), "--json"));

/** A meter that is enrolled and has sent the first of July: 48 times 0.25 kWh. */
async function meterWithDay(name: string): Promise<string> {
    const directory = place(name);
    const words = ["--zone", "UTC", "--slot-seconds", "1800", "--json"];
    await must(run("meter", "init", "--dir", directory, ...words));
    await enrol(directory);
    await must(send(directory, csv(1, "0.25")));
    return directory;
}

type Read = { readonly totalImportWh: number; readonly intervals: unknown[] };

/** Usage as a key file opens it, over the server and over the directory's files alike. */
async function usage(key: string): Promise<Read> {
    const words = ["usage", "--key", key, "--level", "slot", "--json"];
    const { stdout } = await must(run(...words, "--url", server.httpUrl));
    expect((await must(run(...words, "--data", dataDir))).stdout).toBe(stdout);
    return JSON.parse(stdout);
}

describe("a new tenant", () => {
    it(
        "has a secret and a stream of its own: neither household opens what is the other's",
        async () => {
            const [old, next] = [await meterWithDay("flat"), place("flat-next")];
            const at = ["--at", "2024-07-02T00:00Z", "--to", server.mqttUrl];
            const words = ["--dir", old, "--new", next, "--final-import", "12.004"];
            const made = await must(run("meter", "move-in", ...words, ...at));
            expect(made.stderr).toContain("opens nothing of it");
            for (const name of ["master.hex", "meter.pem"]) {
                const text = (directory: string): string =>
                    readFileSync(join(directory, name), "utf8");
                expect(text(next)).not.toBe(text(old));
            }
            expect(existsSync(keyOf(next))).toBe(false);
            const before = await usage(keyOf(old));
            await enrol(next);
            const early = await send(next, csv(1, "0.5"));
            expect(early.stderr).toMatch(/^MS_DATA_FILE: .*2024-07-02T00:00:00/);
            await must(send(next, csv(2, "0.5")));
            expect((await send(old, csv(2, "0.5"))).stderr).toMatch(/^MS_STREAM_RULE: /m);

            expect(await usage(keyOf(old))).toEqual(before);
            expect(before.totalImportWh).toBe(12_000);
            const own = await usage(keyOf(next));
            expect(own.totalImportWh).toBe(24_000);
            expect(own.intervals).toHaveLength(ROWS);

            const mixed = place("mixed.json");
            const fields = JSON.parse(readFileSync(keyOf(next), "utf8"));
            const { master } = JSON.parse(readFileSync(keyOf(old), "utf8"));
            writeFileSync(mixed, JSON.stringify({ ...fields, master }));
            const nonsense = await run("usage", "--key", mixed, "--url", server.httpUrl);
            expect(nonsense.stderr).toMatch(/^MS_(REGISTER_CAP|REGISTER_DECREASED|KEY_FOREIGN): /);
        },
        TEST_MS,
    );
});

describe("a meter that lost its memory", () => {
    it(
        "is refused, also with an older copy of it, and goes on in the next epoch by recover",
        async () => {
            const [old, next] = [await meterWithDay("lost"), place("lost-next")];
            const memory = join(old, METER_FILE);
            copyFileSync(memory, place("copy"));
            await must(send(old, csv(1, "0.25")));
            const counted = readFileSync(join(old, COUNTER_FILE), "utf8");
            expect(counted).toBe("2\n");
            for (const suffix of ["-wal", "-shm"]) rmSync(`${memory}${suffix}`, { force: true });
            copyFileSync(place("copy"), memory);
            const older = await send(old, csv(2, "0.5"));
            expect(older.stderr).toMatch(/^MS_OUTBOX: .*older memory, of start 1 of 2.*recover/);
            for (const file of [memory, join(old, PROFILE_FILE)]) rmSync(file);
            const none = await send(old, csv(2, "0.5"));
            expect(none.stderr).toMatch(/^MS_OUTBOX: .*no memory of a meter that was in service/);
            rmSync(memory, { force: true });

            const words = ["meter", "recover", "--dir", old, "--new", next];
            const missing = await run(...words);
            expect(missing.stderr).toMatch(/^MS_USAGE: .*--final-import KWH/);
            expect(existsSync(next)).toBe(false);
            const when = ["--at", "2024-07-02T00:00Z", "--final-import", "12.1"];
            await must(run(...words, ...when));
            copyFileSync(place("copy"), memory);
            expect((await send(old, csv(2, "0.5"))).stderr).toMatch(/^MS_OUTBOX: /);
            await enrol(next);
            await must(send(next, csv(2, "0.5")));
            const { totalImportWh, intervals } = await usage(keyOf(next));
            expect(totalImportWh).toBe(12_100 + 24_000);
            expect(intervals.at(ROWS - 1)).toMatchObject({ quality: "estimated" });
        },
        TEST_MS,
    );

    it(
        "is refused without its counter",
        async () => {
            const old = await meterWithDay("uncounted");
            rmSync(join(old, COUNTER_FILE));
            expect((await send(old, csv(2, "0.5"))).stderr).toMatch(/^MS_OUTBOX: .*no counter/);
        },
        TEST_MS,
    );
});
