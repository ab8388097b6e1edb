import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex, unwrap } from "@meterseal/core";
import { checkEvidence, decodeEvidence } from "@meterseal/ledger";
import { eventOf, parseRecord } from "@meterseal/record";
import { ownerKeys, type TreeAddress } from "@meterseal/seal";
import { parseKeyFile } from "@meterseal/wallet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../src/device/device.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const DAY = Date.UTC(2024, 6, 1);
const ROWS = 48;
/** An instant before the last boundary of the day. */
const EARLY = /^MS_SEAL_ORDER: .*an instant from 2024-07-02T00:00:00\+00:00 on/;

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

const openingOf = (directory: string): unknown =>
    JSON.parse(readFileSync(join(directory, DEVICE_FILES.opening), "utf8"));
const keyOf = (directory: string): unknown =>
    JSON.parse(readFileSync(requestOf(directory), "utf8")).key;

/** Kind and reason of the register events of a meter, as the ledger has them. */
async function reasonsOf(directory: string): Promise<{ kind: number; reason: number }[]> {
    const path = `${directory}.cbor`;
    const key = ["--key", join(directory, DEVICE_FILES.keyFile), "--out", path];
    await must(run("export", "--format", "evidence", ...key, "--url", server.httpUrl));
    const { records } = unwrap(decodeEvidence(new Uint8Array(readFileSync(path))));
    const events = records.map(({ bytes }) => eventOf(unwrap(parseRecord(bytes))));
    return events.flatMap((event) =>
        event.ok ? [{ kind: event.value.kind, reason: event.value.reason }] : [],
    );
}

type End = { sealEpoch: number; level: TreeAddress["level"]; index: number };
type Sums = { windows: { parts: { from: End; to: End; difference: string[] }[] }[] };

/** Sums of sealed registers as the server answers them, opened part by part with the owner's keys. */
async function openedSums(
    directory: string,
    window: string,
): Promise<{ total: number; parts: number[] }> {
    const { master, network, meter, stream } = unwrap(
        parseKeyFile(readFileSync(join(directory, DEVICE_FILES.keyFile), "utf8")),
    );
    const base = `${server.httpUrl}/api/v1/streams/${toHex(stream.streamId)}`;
    const answer = await fetch(`${base}/sums?window=${window}`);
    const { windows } = (await answer.json()) as Sums;
    const register = ({ index, level, sealEpoch }: End): bigint => {
        const owner = unwrap(ownerKeys(master ?? new Uint8Array(), { ...stream, sealEpoch }));
        const block = unwrap(owner.keysOf(0, level, [index]));
        return new DataView(block.buffer).getBigUint64(0) - (owner.shiftsOf(0)[0] ?? 0n);
    };
    const amounts = windows.flatMap(({ parts }) =>
        parts.map(({ difference, from, to }) =>
            BigInt.asUintN(64, BigInt(difference[0] ?? 0) + register(to) - register(from)),
        ),
    );
    const evidence = unwrap(decodeEvidence(await (await fetch(`${base}/evidence`)).bytes()));
    const trust = { networkId: network, subject: meter, extent: "stretch" } as const;
    const { continuity, signatures } = checkEvidence(evidence, trust);
    expect([...continuity.faults, ...signatures.faults]).toEqual([]);
    return {
        total: Number(amounts.reduce((a, b) => a + b, 0n)),
        parts: windows.map(({ parts }) => parts.length),
    };
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
            expect(await openedSums(old, "total")).toEqual({ total: totalImportWh, parts: [2] });
            const slots = await openedSums(old, "slot");
            expect(slots.total).toBe(totalImportWh);
            expect(slots.parts.filter((count) => count === 2)).toHaveLength(1);
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
            expect(await openedSums(old, "total")).toEqual({ total: totalImportWh, parts: [2] });
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
            const again = ["--dir", old, "--new", place("never"), "--at", "2024-07-01T23:59Z"];
            const lost = await run("meter", "recover", ...again, "--final-import", "12");
            expect(lost.stderr).toMatch(EARLY);
            const wrong: [string[], RegExp][] = [
                [["--final-import", "12,5"], /^MS_USAGE: .*at most 3 decimals/],
                [["--final-import", "12.0001"], /^MS_USAGE: .*at most 3 decimals/],
                [["--final-import", "11.9"], /^MS_REGISTER_DECREASED: /],
                [["--initial-export", "1"], /^MS_USAGE: .*--initial-import/],
                [["--at", "2124-07-02"], /^MS_CLOCK: /],
                [["--at", "2024-07-01T20:00Z"], EARLY],
                [["--at", "2024-07-01T20:00Z", "--dead", "--final-import", "12"], EARLY],
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

    it(
        "of its key alone goes on with its register, under the same key file",
        async () => {
            const old = await meterWithDay("rotated");
            const next = place("rotated-2");
            const to = ["--at", "2024-07-02T00:00Z", "--to", server.mqttUrl];
            const words = ["--dir", old, "--new", next, ...to];
            const wrong = await run("meter", "rotate-key", ...words, "--initial-import", "0");
            expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("initial")]);
            expect((await run("meter", "rotate-key", ...words, "--dead")).code).toBe(2);
            const said = await must(
                run("meter", "rotate-key", ...words, "--final-import", "12.004"),
            );
            expect(said.stderr).toContain(`The meter under its new key is in ${next}`);
            expect(openingOf(next)).toMatchObject({ reason: 3, registers: ["12004"] });
            expect(keyOf(next)).not.toBe(keyOf(old));
            expect(readFileSync(join(next, "key.json"))).toEqual(
                readFileSync(join(old, "key.json")),
            );
            await must(run("enrol", "--data", dataDir, requestOf(next), "--json"));
            await must(send(next, csv("rotated-2.csv", 2, "0.5")));
            const { intervals, totalImportWh } = await usage(old);
            expect(totalImportWh).toBe(12_004 + 24_000);
            expect(intervals[ROWS - 1]).toMatchObject({ importWh: 254, quality: "measured" });
            expect(await reasonsOf(old)).toEqual([
                { kind: 2, reason: 3 },
                { kind: 1, reason: 3 },
            ]);

            // A try that broke off behind the closing goes on with the register that was signed.
            const other = place("rotated-3");
            await must(run("meter", "rotate-key", "--dir", old, "--new", other, ...to));
            expect(openingOf(other)).toMatchObject({ reason: 3, registers: ["12004"] });
        },
        TEST_MS,
    );

    it(
        "of its register's zero loses nothing of what it had counted",
        async () => {
            const old = await meterWithDay("reset");
            const next = place("reset-2");
            const words = ["--dir", old, "--new", next, "--at", "2024-07-02T00:00Z"];
            const to = ["--to", server.mqttUrl, "--json"];
            const less = await run(
                ...["meter", "reset-register", ...words, ...to],
                ...["--final-import", "11.9"],
            );
            expect(less.stderr).toMatch(/^MS_REGISTER_DECREASED: /);
            expect(existsSync(next)).toBe(false);
            await must(run("meter", "reset-register", ...words, ...to, "--final-import", "12.1"));
            expect(openingOf(next)).toMatchObject({ reason: 2, registers: ["0"] });
            await must(run("enrol", "--data", dataDir, requestOf(next), "--json"));
            await must(send(next, csv("reset-2.csv", 2, "0.5")));
            const { intervals, totalImportWh } = await usage(old);
            expect(totalImportWh).toBe(12_100 + 24_000);
            expect(intervals[ROWS - 1]).toMatchObject({ importWh: 350, quality: "measured" });
            expect(await reasonsOf(old)).toEqual([
                { kind: 2, reason: 2 },
                { kind: 1, reason: 2 },
            ]);
        },
        TEST_MS,
    );

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
