import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toHex } from "@meterseal/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../src/device/device.ts";
import type { Server } from "../src/server/server.ts";
import { run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const LONDON = fileURLToPath(
    new URL("../../../examples/london-2013/block16sep.csv.gz", import.meta.url),
);
const TEST_MS = 60_000;

const scratch = useScratch();
const dataDir = join(scratch, "utility");
let server: Server;

beforeAll(async () => {
    server = await startQuietServer(dataDir, {
        httpLink: { host: "127.0.0.1", port: 0, tls: null },
    });
});
afterAll(() => server.close());

/** A meter's directory with its request. */
async function init(name: string, ...more: string[]): Promise<string> {
    const directory = join(scratch, name);
    const words = ["--dir", directory, "--zone", "Europe/London", "--json", ...more];
    const { code, stderr } = await run("meter", "init", ...words);
    expect([code, stderr]).toEqual([0, ""]);
    return directory;
}

const requestOf = (directory: string): string => join(directory, DEVICE_FILES.request);

function csv(name: string, text: string): string {
    const path = join(scratch, name);
    writeFileSync(path, text);
    return path;
}

/** Half-hours of a summer's day, 0.125 kWh each, the third one blank. */
const ROWS = Array.from({ length: 12 }, (_, i) => {
    const time = new Date(Date.UTC(2024, 6, 1, 0, 30 * i)).toISOString().replace(".000Z", "Z");
    return `${time},${i === 2 ? "" : "0.125"}`;
});
const PLAIN = `timestamp,import_kwh\n${ROWS.join("\n")}\n`;

describe("a meter of one's own", () => {
    it(
        "is made, enrolled at a running server, and sends a file; the household reads it",
        async () => {
            const directory = await init("mine", "--slot-seconds", "1800");
            for (const name of [DEVICE_FILES.signingKey, DEVICE_FILES.master])
                expect(statSync(join(directory, name)).mode & 0o777, name).toBe(0o600);
            const file = csv("mine.csv", PLAIN);
            const words = [
                "meter",
                "run",
                "--dir",
                directory,
                "--csv",
                file,
                "--to",
                server.mqttUrl,
            ];
            const early = await run(...words);
            expect(early.code).toBe(2);
            expect(early.stderr).toContain("meterseal enrol --data DIR");

            const enrolled = await run("enrol", "--data", dataDir, requestOf(directory), "--json");
            expect(enrolled.code).toBe(0);
            const answer = readFileSync(join(directory, DEVICE_FILES.enrolment), "utf8");
            expect(JSON.parse(enrolled.stdout)).toEqual(JSON.parse(answer));
            const again = await run("enrol", "--data", dataDir, requestOf(directory), "--json");
            expect(again.stdout).toBe(enrolled.stdout);

            const sent = await run(...words, "--json");
            expect(sent.code).toBe(0);
            expect(JSON.parse(sent.stdout)).toMatchObject({ records: 2, openRecords: 0 });
            const { keyFile } = JSON.parse(sent.stdout);
            expect(statSync(keyFile).mode & 0o777).toBe(0o600);
            const usage = await run("usage", "--key", keyFile, "--url", server.httpUrl, "--json");
            expect(usage.code).toBe(0);
            expect(JSON.parse(usage.stdout)).toMatchObject({ totalImportWh: 1375 });

            // A second run sends what is new, and nothing twice.
            const longer = `${PLAIN}2024-07-01T07:00:00+01:00,0.125\n`;
            writeFileSync(file, longer);
            expect(JSON.parse((await run(...words, "--json")).stdout)).toMatchObject({
                records: 3,
            });
            const more = await run("usage", "--key", keyFile, "--url", server.httpUrl, "--json");
            expect(JSON.parse(more.stdout)).toMatchObject({ totalImportWh: 1500 });
        },
        TEST_MS,
    );

    it(
        "has a gap in it that usage shows and never spreads: no other row holds its energy",
        async () => {
            const directory = await init("gap", "--slot-seconds", "1800");
            await run("enrol", "--data", dataDir, requestOf(directory));
            const file = csv("gap.csv", PLAIN);
            await run("meter", "run", "--dir", directory, "--csv", file, "--to", server.mqttUrl);
            const keyFile = join(directory, DEVICE_FILES.keyFile);
            const words = ["usage", "--key", keyFile, "--url", server.httpUrl, "--level", "slot"];
            const json = async (...more: string[]) =>
                JSON.parse((await run(...words, "--json", ...more)).stdout);

            const read = await json();
            expect(read).toMatchObject({ totalImportWh: 1375, estimated: 0 });
            expect(read.intervals.slice(1, 5)).toMatchObject([
                { importWh: 125, quality: "measured", marks: [] },
                { importWh: null, quality: "missing", marks: [] },
                { importWh: 125, quality: "measured", marks: [] },
                { importWh: 125, quality: "measured", marks: [] },
            ]);
            const spread = await json("--estimate");
            expect(spread).toEqual(read);
            const table = (await run(...words)).stdout;
            expect(table).toMatch(/no reading\n.* 0\.125 kWh\n/);
            expect(table).toMatch(/total 1\.375 kWh, 91\.7 % of the slots measured\n$/);
            expect((await run(...words, "--estimate")).stdout).toBe(table);
            const asked = ["export", "--key", keyFile, "--url", server.httpUrl];
            const exported = (await run(...asked)).stdout;
            expect(exported).toMatch(/,0\.125,measured\r\n.*,,missing\r\n.*,0\.125,measured\r\n/);
            expect((await run(...asked, "--estimate")).stdout).toBe(exported);
            const evidence = await run(
                ...asked,
                "--estimate",
                "--format",
                "evidence",
                "--out",
                "x",
            );
            expect([evidence.code, evidence.stderr]).toEqual([2, expect.stringContaining("csv")]);
            const inside = await json("--estimate", "--from", "2024-07-01T02:30:00+01:00");
            expect(inside.intervals[0]).toMatchObject({ importWh: 125, quality: "measured" });
            const verified = await run("verify", "--data", dataDir, "--key", keyFile, "--json");
            expect([verified.code, JSON.parse(verified.stdout).faults]).toEqual([0, []]);
        },
        TEST_MS,
    );

    it(
        "sends its file over HTTP as well",
        async () => {
            const directory = await init("over-http", "--slot-seconds", "1800");
            await run("enrol", "--data", dataDir, requestOf(directory));
            const file = csv("over-http.csv", PLAIN);
            const url = server.httpLinkUrl ?? "";
            expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
            const words = [
                "meter",
                "run",
                "--dir",
                directory,
                "--csv",
                file,
                "--to",
                url,
                "--json",
            ];
            const { code, stdout } = await run(...words);
            expect(code).toBe(0);
            expect(JSON.parse(stdout)).toMatchObject({ records: 2, openRecords: 0 });
            const { keyFile } = JSON.parse(stdout);
            const usage = await run("usage", "--key", keyFile, "--url", server.httpUrl, "--json");
            expect(JSON.parse(usage.stdout)).toMatchObject({ totalImportWh: 1375 });
        },
        TEST_MS,
    );

    it(
        "goes on after Ctrl-C where it was, each reading once",
        async () => {
            const directory = await init("broken-off", "--slot-seconds", "1800");
            await run("enrol", "--data", dataDir, requestOf(directory));
            const words = ["--dir", directory, "--csv", LONDON, "--home", "MAC000515"];
            const command = ["meter", "run", ...words, "--to", server.mqttUrl, "--json"];
            const first = start(command);
            await first.shows("%");
            first.child.kill("SIGINT");
            expect((await first.outcome).code).toBe(0);
            const { code, stdout } = await run(...command);
            expect(code).toBe(0);
            expect(JSON.parse(stdout)).toMatchObject({ openRecords: 0 });
            const keyFile = join(directory, DEVICE_FILES.keyFile);
            const usage = await run("usage", "--key", keyFile, "--url", server.httpUrl, "--json");
            expect(JSON.parse(usage.stdout)).toMatchObject({ totalImportWh: 1810772 });
        },
        TEST_MS,
    );

    it("is never written over, and needs a zone that exists", async () => {
        const directory = await init("once");
        const twice = await run("meter", "init", "--dir", directory, "--zone", "Europe/London");
        expect(twice.code).toBe(3);
        expect(twice.stderr).toMatch(/^MS_STORE_UNWRITABLE: /);
        const nowhere = join(scratch, "nowhere");
        const zone = await run("meter", "init", "--dir", nowhere, "--zone", "Europe/Atlantis");
        expect(zone.stderr).toMatch(/^MS_ZONE: /);
        expect(existsSync(nowhere)).toBe(false);
    });

    it.each([
        ["a file that is not there", () => join(scratch, "none.csv"), /^MS_NOT_FOUND/],
        [
            "a bad line, by its number",
            () => csv("bad.csv", "timestamp,import_kwh\n2024-07-01T00:00Z,1\nnoon,1\n"),
            /^MS_DATA_FILE: .*bad\.csv.*3/,
        ],
        [
            "other intervals",
            () =>
                csv(
                    "hours.csv",
                    "timestamp,import_kwh\n2024-07-01T00:00Z,1\n2024-07-01T01:00Z,1\n",
                ),
            /^MS_DATA_FILE/,
        ],
        [
            "a channel too many",
            () =>
                csv(
                    "two.csv",
                    "timestamp,import_kwh,export_kwh\n2024-07-01T00:00Z,1,1\n2024-07-01T00:15Z,1,1\n",
                ),
            /^MS_STREAM_RULE/,
        ],
        [
            "readings of the future",
            () =>
                csv(
                    "future.csv",
                    "timestamp,import_kwh\n2099-07-01T00:00Z,1\n2099-07-01T00:15Z,1\n",
                ),
            /^MS_CLOCK/,
        ],
    ])("refuses %s and sends nothing", async (name, path, said) => {
        const directory = await init(name);
        await run("enrol", "--data", dataDir, requestOf(directory));
        const words = ["--dir", directory, "--csv", path(), "--to", server.mqttUrl];
        const { code, stderr } = await run("meter", "run", ...words);
        expect(stderr).toMatch(said);
        expect(code).toBeGreaterThan(0);
        expect(existsSync(join(directory, "outbox.db"))).toBe(false);
    });

    it.each([["http"], ["mqtt://"], ["ftp://127.0.0.1"]])("refuses to send to %s", async (url) => {
        const { code, stderr } = await run("meter", "run", "--dir", "a", "--csv", "b", "--to", url);
        expect(code).toBe(2);
        expect(stderr).toContain("--to mqtt://HOST:PORT");
    });
});

describe("the operator", () => {
    const ask = (body: string, token?: string): Promise<Response> =>
        fetch(`${server.httpUrl}/api/v1/enrolments`, {
            method: "POST",
            headers: {
                "content-type": "application/json",
                ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            },
            body,
        });
    const token = (): string =>
        readFileSync(join(dataDir, "server", "keys", "operator.token"), "utf8").trim();

    it("alone admits meters: nobody without the token does", async () => {
        const directory = await init("stranger");
        const body = readFileSync(requestOf(directory), "utf8");
        expect(statSync(join(dataDir, "server", "keys", "operator.token")).mode & 0o777).toBe(
            0o600,
        );
        for (const wrong of [undefined, "", "0".repeat(64), `${token()}0`]) {
            const answer = await ask(body, wrong);
            expect(answer.status).toBe(403);
            expect(await answer.json()).toMatchObject({ code: "MS_NOT_ALLOWED" });
        }
        expect((await ask(body, token())).status).toBe(201);
    });

    it.each([
        ["no JSON", "{", 400],
        ["another format", '{"format":"meterseal-request/v2"}', 400],
        ["a short subject", '{"format":"meterseal-request/v1","subject":"00"}', 400],
        ["too much", JSON.stringify({ format: "x".repeat(5000) }), 413],
    ])("is told of a request with %s", async (_, body, status) => {
        const answer = await ask(body, token());
        expect(answer.status).toBe(status);
        expect(await answer.text()).toMatch(/"code":"MS_/);
    });

    it("is refused another key for a meter that is enrolled", async () => {
        const [one, other] = [await init("one"), await init("other")];
        await run("enrol", "--data", dataDir, requestOf(one));
        const mixed = JSON.parse(readFileSync(requestOf(one), "utf8"));
        mixed.key = JSON.parse(readFileSync(requestOf(other), "utf8")).key;
        const answer = await ask(JSON.stringify(mixed), token());
        expect(answer.status).toBe(409);
        expect(await answer.json()).toMatchObject({ code: "MS_ENROLMENT" });
    });

    it(
        "admits meters while no server runs, and of the other mode not at all",
        async () => {
            const stopped = join(scratch, "stopped");
            const first = await startQuietServer(stopped);
            const { networkId } = first;
            await first.close();
            const directory = await init("late");
            const { code, stdout } = await run(
                "enrol",
                "--data",
                stopped,
                requestOf(directory),
                "--json",
            );
            expect(code).toBe(0);
            expect(JSON.parse(stdout)).toMatchObject({ network: toHex(networkId) });
            const open = await init("open", "--open");
            const refused = await run("enrol", "--data", stopped, requestOf(open));
            expect(refused.code).toBe(1);
            expect(refused.stderr).toMatch(/^MS_/);
            expect(existsSync(join(open, DEVICE_FILES.enrolment))).toBe(false);
        },
        TEST_MS,
    );
});
