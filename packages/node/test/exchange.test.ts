import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../src/device/device.ts";
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
const requestOf = (directory: string): string => join(directory, DEVICE_FILES.request);

/** A file of half-hours from a day of July 2024 on, each of so many kWh. */
function csv(name: string, day: number, kwh: string): string {
    const rows = Array.from({ length: ROWS }, (_, i) => {
        const time = new Date(DAY + (day - 1) * 86_400_000 + i * 1_800_000).toISOString();
        return `${time},${kwh}`;
    });
    writeFileSync(place(name), `timestamp,import_kwh\n${rows.join("\n")}\n`);
    return place(name);
}

const send = (directory: string, file: string): Promise<Outcome> =>
    run("meter", "run", "--dir", directory, "--csv", file, "--to", server.mqttUrl, "--json");

async function must(outcome: Promise<Outcome>): Promise<Outcome> {
    const got = await outcome;
    expect([got.code, got.stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
    return got;
}

/** A meter that is enrolled and has sent the first of July: 48 times 0.25 kWh. */
async function meterWithDay(name: string): Promise<string> {
    const directory = place(name);
    const words = ["--zone", "UTC", "--slot-seconds", "1800", "--json"];
    await must(run("meter", "init", "--dir", directory, ...words));
    await must(run("enrol", "--data", dataDir, requestOf(directory), "--json"));
    await must(send(directory, csv(`${name}.csv`, 1, "0.25")));
    return directory;
}

const exchange = (old: string, next: string, ...more: string[]): Promise<Outcome> =>
    run("meter", "exchange", "--dir", old, "--new", next, "--at", "2024-07-02T00:00Z", ...more);

/** Usage as the household reads it, over the server and over the directory's files. */
async function usage(directory: string): Promise<{ totalImportWh: number; intervals: unknown[] }> {
    const key = ["--key", join(directory, DEVICE_FILES.keyFile)];
    const more = [...key, "--level", "slot", "--json"];
    const { stdout } = await must(run("usage", ...more, "--url", server.httpUrl));
    const files = await must(run("usage", ...more, "--data", dataDir));
    expect(files.stdout).toBe(stdout);
    return JSON.parse(stdout);
}

describe("a meter exchange", () => {
    it(
        "keeps one series and its exact total, under the household's first key file",
        async () => {
            const old = await meterWithDay("old");
            const next = place("next");
            const to = ["--to", server.mqttUrl, "--json"];
            const registers = ["--final-import", "12.004", "--initial-import", "7"];
            const made = await must(exchange(old, next, ...registers, ...to));
            expect(JSON.parse(made.stdout)).toMatchObject({ request: requestOf(next) });
            for (const name of ["meter.pem", "master.hex", "key.json", "opening.json"])
                expect(statSync(join(next, name)).mode & 0o777, name).toBe(0o600);
            expect(readFileSync(requestOf(next), "utf8")).not.toMatch(/7000|12004/);

            const more = await send(old, csv("more.csv", 2, "0.5"));
            expect(more.stderr).toMatch(/^MS_STREAM_RULE: .*closing record/m);

            await must(run("enrol", "--data", dataDir, requestOf(next), "--json"));
            const early = await send(next, csv("early.csv", 1, "0.5"));
            expect(early.stderr).toMatch(/^MS_DATA_FILE: .*2024-07-02T00:00:00/);
            const sent = await must(send(next, csv("next.csv", 2, "0.5")));
            expect(JSON.parse(sent.stdout)).toMatchObject({ openRecords: 0 });
            await must(send(next, place("next.csv")));

            const { intervals, totalImportWh } = await usage(old);
            expect(totalImportWh).toBe(12_004 + 24_000);
            expect(intervals).toHaveLength(2 * ROWS);
            expect(intervals[ROWS - 1]).toMatchObject({ importWh: 254, quality: "measured" });
            expect(await usage(next)).toEqual({ ...(await usage(old)) });
        },
        TEST_MS,
    );

    it(
        "behind a dead meter states what was read off it, as estimated",
        async () => {
            const old = await meterWithDay("dead");
            const next = place("after-dead");
            const less = await exchange(old, next, "--dead", "--final-import", "11.999");
            expect(less.stderr).toMatch(/^MS_REGISTER_DECREASED: /);
            expect(existsSync(next)).toBe(false);
            await must(exchange(old, next, "--dead", "--final-import", "12.3"));
            await must(run("enrol", "--data", dataDir, requestOf(next), "--json"));
            await must(send(next, csv("after-dead.csv", 2, "0.5")));
            const { intervals, totalImportWh } = await usage(old);
            expect(totalImportWh).toBe(12_300 + 24_000);
            expect(intervals[ROWS - 1]).toMatchObject({ importWh: 550, quality: "estimated" });
        },
        TEST_MS,
    );

    it(
        "takes the last sealed register where none is given, and can be tried again",
        async () => {
            const old = await meterWithDay("again");
            const words = ["--to", server.mqttUrl, "--json"];
            const [first, second] = [place("first-try"), place("second-try")];
            await must(exchange(old, first, ...words));
            await must(exchange(old, second, ...words));
            const opening = (directory: string): string =>
                readFileSync(join(directory, DEVICE_FILES.opening), "utf8");
            expect(opening(second)).toBe(opening(first));
            const over = await exchange(old, first, ...words);
            expect(over.stderr).toMatch(/^MS_STORE_UNWRITABLE: /);
            await must(run("enrol", "--data", dataDir, requestOf(first), "--json"));
            const both = await run("enrol", "--data", dataDir, requestOf(second));
            expect(both.stderr).toMatch(/^MS_ENROLMENT: /);
            await must(send(first, csv("first-try.csv", 2, "0.5")));
            expect((await usage(old)).totalImportWh).toBe(12_000 + 24_000);
        },
        TEST_MS,
    );

    it(
        "that is refused changes nothing: the old meter goes on",
        async () => {
            const old = await meterWithDay("refused");
            const wrong: [string[], RegExp][] = [
                [["--final-import", "12,5"], /^MS_USAGE: .*at most 3 decimals/],
                [["--final-import", "12.0001"], /^MS_USAGE: .*at most 3 decimals/],
                [["--final-import", "11.9"], /^MS_REGISTER_DECREASED: /],
                [["--initial-export", "1"], /^MS_USAGE: .*--initial-import/],
                [["--at", "2124-07-02"], /^MS_CLOCK: /],
                [["--at", "2024-07-01T20:00Z"], /^MS_SEAL_ORDER: /],
            ];
            for (const [words, said] of wrong) {
                const to = ["--to", server.mqttUrl];
                const { stderr } = await exchange(old, place("never"), ...to, ...words);
                expect(stderr).toMatch(said);
                expect(existsSync(place("never"))).toBe(false);
            }
            const day = readFileSync(place("refused.csv"), "utf8");
            writeFileSync(place("refused.csv"), `${day}2024-07-02T00:00:00Z,0.25\n`);
            const { stdout } = await must(send(old, place("refused.csv")));
            expect(JSON.parse(stdout)).toMatchObject({ records: 2, openRecords: 0 });
        },
        TEST_MS,
    );

    it("needs a server that knows the old meter", async () => {
        const request = JSON.parse(readFileSync(requestOf(place("old")), "utf8"));
        const path = place("stranger.json");
        const stranger = { ...request, subject: "ab".repeat(16), chainEpoch: 1 };
        writeFileSync(path, JSON.stringify(stranger));
        const { stderr } = await run("enrol", "--data", dataDir, path);
        expect(stderr).toMatch(/^MS_ENROLMENT: .*an enrolled meter to follow/);
        writeFileSync(path, JSON.stringify({ ...request, chainEpoch: 0 }));
        const zero = await run("enrol", "--data", dataDir, path);
        expect(zero.stderr).toMatch(/^MS_MALFORMED: .*chainEpoch/);
    });

    it("leaves a directory that verify finds whole", { timeout: TEST_MS }, async () => {
        await server.close();
        const key = join(place("old"), DEVICE_FILES.keyFile);
        const { code, stdout } = await run("verify", "--data", dataDir, "--key", key, "--json");
        expect(code).toBe(0);
        expect(JSON.parse(stdout)).toMatchObject({
            verified: true,
            faults: [],
            counts: { keys: 1 },
        });
        server = await startQuietServer(dataDir);
    });
});
