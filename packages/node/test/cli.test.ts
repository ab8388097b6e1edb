import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex, unwrap } from "@meterseal/core";
import { openMeterStore, openServerStore } from "@meterseal/stores/sqlite";
import { parseKeyFile } from "@meterseal/wallet";
import { beforeAll, describe, expect, it } from "vitest";
import { PLACES } from "../src/files.ts";
import { ATTACKS, type Attack, attack } from "../src/tamper/attacks.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, type Fixture, useFixture, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const scratch = useScratch();
let fixture: Fixture;
let keyFile = "";

type Interval = { from: string; to: string; importWh: number | null; quality: string };
type UsageJson = {
    meter: string;
    zone: string;
    level: string;
    intervals: Interval[];
    totalImportWh: number;
    coverage: number;
};

beforeAll(async () => {
    fixture = await useFixture();
    keyFile = PLACES.keyFile(fixture.finished, fixture.names[0] ?? "");
}, FIXTURE_MS);

async function usage(...words: string[]): Promise<UsageJson> {
    const { code, stderr, stdout } = await run("usage", "--key", keyFile, "--json", ...words);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    return JSON.parse(stdout) as UsageJson;
}

describe("help", () => {
    it.each([
        ...["demo", "demo tamper", "serve", "usage", "verify", "decode"],
        ...["enrol", "meter init", "meter run", "meter exchange"],
        ...["grant create", "grant list", "grant show", "grant revoke"],
    ])("of %s has examples and exit codes", async (name) => {
        for (const flag of ["--help", "-h"]) {
            const { code, stderr, stdout } = await run(...name.split(" "), flag);
            expect(code).toBe(0);
            expect(stderr).toBe("");
            expect(stdout).toContain(`meterseal ${name}: `);
            expect(stdout).toMatch(/\nExamples:\n {2}\S/);
            expect(stdout).toMatch(/\nExit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 /);
        }
    });

    it("says what a first word needs behind it", async () => {
        const half = await run("grant");
        expect([half.code, half.stderr]).toEqual([
            2,
            expect.stringContaining(
                "'grant' needs one of check, create, list, show, revoke, accesses; got none",
            ),
        ]);
        expect((await run("meter", "frobnicate")).stderr).toContain("got 'frobnicate'");
        const help = await run("grant", "--help");
        expect(help.code).toBe(0);
        expect(help.stdout).toMatch(/\n {2}grant revoke +\S/);
        expect(help.stdout).not.toContain("meter init");
    });

    it("of the program names every command", async () => {
        for (const words of [["--help"], ["-h"], ["help"]]) {
            const { code, stdout } = await run(...words);
            expect(code).toBe(0);
            for (const name of ["decode", "demo", "demo tamper", "serve", "usage", "verify"]) {
                expect(stdout).toMatch(new RegExp(`\n {2}${name} +\\S`));
            }
        }
        const { code, stdout } = await run();
        expect(code).toBe(2);
        expect(stdout).toContain("Usage:");
    });
});

describe("a command line that is not valid ends with 2 and says what would be", () => {
    it.each([
        [["bogus"], "'bogus'"],
        [["demo", "bogus"], "'bogus'"],
        [["demo", "--bogus"], "'--bogus'"],
        [["demo", "--meters", "0"], "1 … 98"],
        [["demo", "--meters", "99"], "1 … 98"],
        [["demo", "--meters", "1.5"], "1 … 98"],
        [["demo", "--meters"], "--meters"],
        [["demo", "--days", "366"], "1 … 365"],
        [["demo", "--days", "0"], "1 … 365"],
        [["demo", "--days", "abc"], "1 … 365"],
        [["demo", "--port", "65536"], "0 … 65535"],
        [["demo", "--speed", "86401"], "0 … 86400"],
        [["demo", "--speed", "-1"], "--speed"],
        [["demo", "--speed", "1e3"], "0 … 86400"],
        [["demo", "--once=3"], "--once"],
        [["demo", "--data="], "--data"],
        [["verify"], "--data DIR"],
        [["verify", "--data", "/nonexistent-directory"], "/nonexistent-directory"],
        [["usage"], "--key FILE"],
        [["usage", "--key", "/nonexistent.json", "--data", "."], "/nonexistent.json"],
        [["decode"], "HEX or FILE"],
        [["decode", "zz"], "hexadecimal digits or a file"],
        [["decode", "."], "hexadecimal digits or a file"],
    ])("%j", async (words, expected) => {
        const { code, stderr, stdout } = await run(...words);
        expect(stdout).toBe("");
        expect(stderr).toContain(expected);
        expect(stderr).toMatch(/^MS_[A-Z_]+: .*\n$/);
        expect(code).toBe(2);
    });
});

describe("usage", () => {
    it("has the shape that is documented, at all four levels", async () => {
        const rows = { slot: 336, hour: 168, day: 7, month: 1 };
        for (const [level, count] of Object.entries(rows)) {
            const answer = await usage("--data", fixture.finished, "--level", level);
            expect(Object.keys(answer)).toEqual([
                "meter",
                "zone",
                "level",
                "intervals",
                "totalImportWh",
                "coverage",
                "estimated",
            ]);
            expect(answer.meter).toMatch(/^[0-9a-f]{32}$/);
            expect(answer.zone).toBe("Europe/London");
            expect(answer.level).toBe(level);
            expect(answer.intervals).toHaveLength(count);
            for (const interval of answer.intervals) {
                expect(Object.keys(interval).join()).toBe("from,to,importWh,quality,marks");
                expect(["measured", "partial", "missing"]).toContain(interval.quality);
            }
            const sum = answer.intervals.reduce(
                (total, { importWh }) => total + (importWh ?? 0),
                0,
            );
            expect(sum).toBe(answer.totalImportWh);
            expect(answer.totalImportWh).toBe(32_236);
            expect(answer.coverage).toBe(1);
        }
    });

    it("takes dates in the stream's zone, and instants with an offset", async () => {
        const data = ["--data", fixture.finished];
        const days = await usage(...data, "--from", "2013-01-02", "--to", "2013-01-04");
        expect(days.intervals.map(({ from, to }) => [from, to])).toEqual([
            ["2013-01-02T00:00:00+00:00", "2013-01-03T00:00:00+00:00"],
            ["2013-01-03T00:00:00+00:00", "2013-01-04T00:00:00+00:00"],
        ]);
        const offset = await usage(
            ...data,
            ...["--from", "2013-01-02T02:00+02:00", "--to", "2013-01-03T23:00-01:00"],
        );
        expect(offset.intervals).toEqual(days.intervals);
        const none = await usage(...data, "--to", "2012-06-01");
        expect(none).toMatchObject({ intervals: [], totalImportWh: 0, coverage: 0 });
    });

    it("says what is wrong with a time, a level or a range", async () => {
        const base = ["usage", "--key", keyFile, "--data", fixture.finished];
        for (const words of [
            ["--from", "yesterday"],
            ["--from", "2013-02-30"],
            ["--level", "week"],
            ["--from", "2013-01-04", "--to", "2013-01-02"],
            ["--url", "http://127.0.0.1:1"],
        ]) {
            const { code, stderr } = await run(...base, ...words);
            expect(code, words.join(" ")).toBe(2);
            expect(stderr).toMatch(/^MS_USAGE: /);
        }
        const { code, stderr } = await run("usage", "--key", keyFile, "--url", "nowhere");
        expect([code, stderr]).toEqual([2, expect.stringContaining("--url")]);
    });

    it("gives the same from a running server as from the directory", async () => {
        const dataDir = join(scratch, "served");
        cpSync(fixture.finished, dataDir, { recursive: true });
        const server = await startQuietServer(dataDir);
        try {
            for (const level of ["slot", "hour", "day", "month"]) {
                const there = await usage("--url", server.httpUrl, "--level", level);
                expect(there).toEqual(await usage("--data", dataDir, "--level", level));
            }
            const foreign = await run("usage", "--key", otherKey(), "--url", server.httpUrl);
            expect(foreign.code).toBe(2);
            expect(foreign.stderr).toContain("MS_KEY_FOREIGN");
            const verified = await run("verify", "--data", dataDir, "--json");
            expect(verified.code).toBe(0); // while the server runs
        } finally {
            await server.close();
        }
        const { code, stderr } = await run("usage", "--key", keyFile, "--url", server.httpUrl);
        expect([code, stderr]).toEqual([3, expect.stringContaining("MS_LINK")]);
    });

    it("refuses a foreign key, a broken one, and one of another master secret", async () => {
        const data = ["--data", fixture.finished];
        const foreign = await run("usage", "--key", otherKey(), ...data);
        expect([foreign.code, foreign.stderr]).toEqual([
            2,
            expect.stringContaining("MS_KEY_FOREIGN"),
        ]);
        const text = readFileSync(keyFile, "utf8");
        const broken = join(scratch, "broken.json");
        for (const changed of [
            "",
            "{}",
            "null",
            text.slice(0, -20),
            text.replace("meterseal-key/v1", "meterseal-key/v9"),
            text.replace(/"master": "../, '"master": "'),
            text.replace(/"meter": "../, '"meter": "zz'),
        ]) {
            writeFileSync(broken, changed);
            const { code, stderr } = await run("usage", "--key", broken, ...data);
            expect([code, stderr]).toEqual([2, expect.stringContaining("MS_KEY_FILE")]);
            expect(stderr).not.toContain("Unexpected"); // never quotes the file
        }
        const fields = JSON.parse(text) as { master: string };
        const master = Buffer.from(fields.master, "base64");
        master[5] = (master[5] ?? 0) ^ 1;
        writeFileSync(broken, JSON.stringify({ ...fields, master: master.toString("base64") }));
        const verified = await run("verify", ...data, "--key", broken);
        expect(verified.code).toBe(1); // opens to nonsense, which no register can be
        expect(verified.stdout).toContain("FAULT at key file");
    });

    it("opens nothing of a meter whose stored records were changed or removed", async () => {
        const codes = [
            ["one bit", "MS_SIGNATURE_BAD"],
            ["covered bit", "MS_SIGNATURE_BAD"],
            ["deleted record", "MS_CHAIN_MISMATCH"],
        ];
        for (const [name, expected = ""] of codes) {
            const dataDir = join(scratch, `changed ${name}`);
            cpSync(fixture.crashed, dataDir, { recursive: true });
            attack(dataDir, ATTACKS.find((each) => each.name === name) as Attack);
            const outcomes = [];
            for (const home of fixture.names) {
                const key = PLACES.keyFile(fixture.finished, home);
                outcomes.push(await run("usage", "--key", key, "--data", dataDir));
            }
            const refused = outcomes.filter(({ code }) => code !== 0);
            expect(refused).toHaveLength(1);
            expect([refused[0]?.code, refused[0]?.stdout]).toEqual([1, ""]);
            expect(refused[0]?.stderr).toContain(expected);
        }
    });

    function otherKey(): string {
        const path = join(scratch, "other.json");
        const fields = JSON.parse(readFileSync(keyFile, "utf8")) as Record<string, unknown>;
        writeFileSync(path, JSON.stringify({ ...fields, meter: "0".repeat(32) }));
        return path;
    }
});

describe("verify", () => {
    it("prints its report as one object", async () => {
        const keys = fixture.names.flatMap((name) => [
            "--key",
            PLACES.keyFile(fixture.finished, name),
        ]);
        const { code, stdout } = await run("verify", "--data", fixture.finished, "--json", ...keys);
        expect(code).toBe(0);
        const report = JSON.parse(stdout) as Record<string, unknown>;
        expect(Object.keys(report)).toEqual([
            "verified",
            "network",
            "counts",
            "checkpoint",
            "faults",
            "notes",
        ]);
        expect(report).toMatchObject({
            verified: true,
            checkpoint: { size: 6, root: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
            counts: { records: 12, readings: 1_011, vertices: 2, keys: 3, outboxes: 3 },
            faults: [],
        });
    });

    it("says where a fault is, in words and in JSON, and ends with 1", async () => {
        const dataDir = join(scratch, "faulty");
        cpSync(fixture.finished, dataDir, { recursive: true });
        writeFileSync(join(PLACES.serverKeys(dataDir), "log.pem"), "nothing");
        const words = await run("verify", "--data", dataDir);
        expect(words.code).toBe(1);
        expect(words.stdout).toContain("FAULT at server/keys/log.pem");
        expect(words.stdout).toContain("1 faults.");
        const json = await run("verify", "--data", dataDir, "--json");
        expect(json.code).toBe(1);
        expect(JSON.parse(json.stdout)).toMatchObject({
            verified: false,
            faults: [{ code: "MS_GENESIS", where: "server/keys/log.pem" }],
        });
    });
});

describe("decode", () => {
    const samples: [string, Uint8Array][] = [];

    beforeAll(async () => {
        const { meter } = unwrap(parseKeyFile(readFileSync(keyFile, "utf8")));
        const store = await openServerStore(PLACES.server(fixture.finished), { readOnly: true });
        for await (const row of store.reader.recordsOf(meter)) samples.push(["record", row.bytes]);
        for await (const row of store.reader.vertices()) samples.push(["vertex", row.bytes]);
        for await (const row of store.reader.log()) {
            if (row.item !== null) samples.push(["enrolment", row.item]);
        }
        await store.close();
        const directory = PLACES.meter(fixture.finished, toHex(meter));
        const outbox = await openMeterStore(directory, { readOnly: true });
        const { final } = await outbox.receipts();
        await outbox.close();
        samples.push(["receipt", final ?? new Uint8Array()]);
    });

    it("shows each kind of message, from digits, a binary file and a file of digits", async () => {
        expect(new Set(samples.map(([kind]) => kind)).size).toBe(4);
        const path = join(scratch, "message");
        for (const [kind, bytes] of samples) {
            const { code, stderr, stdout } = await run("decode", toHex(bytes), "--json");
            expect([code, stderr]).toEqual([0, ""]);
            expect(JSON.parse(stdout)).toMatchObject({ message: kind });
            writeFileSync(path, bytes);
            expect((await run("decode", path, "--json")).stdout).toBe(stdout);
            writeFileSync(path, `${toHex(bytes)}\n`);
            expect((await run("decode", path, "--json")).stdout).toBe(stdout);
        }
        const two = samples.slice(0, 2).map(([, bytes]) => toHex(bytes));
        const { stdout } = await run("decode", two.join(" "), "--json");
        expect(stdout.trim().split("\n")).toHaveLength(2);
    });

    it("names the code of what it cannot read, and ends with 2", async () => {
        const [, record] = samples[0] ?? ["", new Uint8Array()];
        for (const bytes of [
            Uint8Array.of(0),
            record.subarray(0, 50),
            Uint8Array.from([...record, 0]),
            new Uint8Array(70_000),
        ]) {
            const { code, stderr, stdout } = await run("decode", toHex(bytes));
            expect([code, stdout]).toEqual([2, ""]);
            expect(stderr).toMatch(/^MS_(?:MALFORMED|TOO_LARGE): /);
        }
    });
});
