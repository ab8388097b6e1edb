import {
    chmodSync,
    cpSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    truncateSync,
    writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { LIMITS, sha256, toHex } from "@meterseal/core";
import { lockDirectory } from "@meterseal/stores";
import { openServerStore } from "@meterseal/stores/sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import type { Check } from "../src/doctor/check.ts";
import { checkClock } from "../src/doctor/data.ts";
import { PLACES } from "../src/files.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, type Fixture, useFixture, useScratch } from "./fixture.ts";

const scratch = useScratch();
const ANY_PORTS = ["--port", "0", "--mqtt-port", "0"];
let fixture: Fixture;

beforeAll(async () => {
    fixture = await useFixture();
}, FIXTURE_MS);

function copyOf(name: string): string {
    const copy = join(scratch, name);
    cpSync(fixture.finished, copy, { recursive: true });
    return copy;
}

/** Runs the doctor; the exit code, and the checks by name. */
async function examined(...words: string[]): Promise<{ code: number | null } & ByName> {
    const { code, stderr, stdout } = await run("doctor", "--json", ...words);
    expect(stderr).toBe("");
    const { checks, ok } = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
    expect(ok).toBe(checks.every((check) => check.status !== "fault"));
    expect(code).toBe(ok ? 0 : 1);
    for (const { status, todo } of checks) expect(todo === null).toBe(status === "ok");
    return { code, by: Object.fromEntries(checks.map((check) => [check.name, check])) };
}
type ByName = { by: Record<string, Check> };

function filesOf(directory: string): string[] {
    return readdirSync(directory, { recursive: true }).map(String).sort();
}

/** Files with what is in them, but for the memory that SQLite's processes share. */
function contentOf(directory: string): [string, string][] {
    return filesOf(directory)
        .filter((name) => statSync(join(directory, name)).isFile())
        .map((name) => {
            const isShared = name.endsWith("-shm");
            return [name, isShared ? "" : toHex(sha256(readFileSync(join(directory, name))))];
        });
}

describe("doctor", () => {
    it("finds nothing wrong with a directory that is in order, and leaves it as it was", async () => {
        const before = contentOf(fixture.finished);
        const { by, code } = await examined("--data", fixture.finished, ...ANY_PORTS);
        expect(code).toBe(0);
        for (const name of [
            ...["node", "time zones", "fsync", "clock of files", "http port", "mqtt port"],
            ...["data directory", "store", "clock", "keys", "lock", "leftovers"],
        ]) {
            expect(by[name], name).toMatchObject({ status: "ok" });
        }
        expect(by.store?.message).toContain("log of 6 entries, 12 records");
        expect(by.keys?.message).toContain("12 secret files");
        expect(contentOf(fixture.finished)).toEqual(before);
    });

    it("leaves a directory as it was whose server was killed", async () => {
        const copy = join(scratch, "killed");
        cpSync(fixture.crashed, copy, { recursive: true });
        const before = contentOf(copy);
        expect(before.map(([name]) => name)).toContain(join("server", "lock.holder"));
        const { by } = await examined("--data", copy, ...ANY_PORTS);
        expect(by.lock?.message).toContain("free");
        expect(by.store).toMatchObject({ status: "ok" });
        expect(contentOf(copy)).toEqual(before);
    });

    it("says the same in words", async () => {
        const { code, stdout } = await run("doctor", "--data", fixture.finished, ...ANY_PORTS);
        expect(code).toBe(0);
        expect(stdout).toMatch(/^OK {7}node {12}Node \d/m);
        expect(stdout).toMatch(/\n0 faults, \d warnings? in \d+ checks\.\n$/);
    });

    it("works before there is a directory, and looks at no directory when none is named", async () => {
        const fresh = join(scratch, "fresh");
        const { by } = await examined("--data", fresh, ...ANY_PORTS);
        expect(by["data directory"]?.message).toContain("serve makes it");
        expect(readdirSync(scratch)).not.toContain("fresh");
        const { by: machine } = await examined(...ANY_PORTS);
        expect(machine.store).toBeUndefined();
        expect(machine.clock).toMatchObject({ status: "ok" });
    });

    it("takes the settings of a configuration file", async () => {
        const path = join(scratch, "meterseal.yaml");
        writeFileSync(path, `data: ${fixture.finished}\nhost: 10.0.0.1\n`);
        const { by, code } = await examined("--config", path);
        expect(code).toBe(1);
        expect(by["http port"]?.message).toContain("10.0.0.1 is not on the loopback");
        expect(by.store).toMatchObject({ status: "ok" });
    });

    it("names a port that another program has, unless it is the running server", async () => {
        const other = createServer();
        await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
        const address = other.address();
        const port = String(typeof address === "object" ? address?.port : 0);
        const dataDir = copyOf("ports");
        const words = ["--data", dataDir, "--port", "0", "--mqtt-port", port];
        const taken = await examined(...words);
        expect(taken.by["mqtt port"]).toMatchObject({ status: "fault" });
        expect(taken.by["mqtt port"]?.todo).toContain("--mqtt-port");
        const { release } = lockDirectory(PLACES.server(dataDir));
        const served = await examined(...words);
        release();
        await new Promise((done) => other.close(done));
        expect(served.by["mqtt port"]).toMatchObject({ status: "ok" });
        expect(served.by.lock?.message).toContain(`process ${process.pid}`);
    });

    it("names keys that others may read, and how to close them", async () => {
        const dataDir = copyOf("open-keys");
        chmodSync(join(PLACES.serverKeys(dataDir), "log.pem"), 0o640);
        const { by, code } = await examined("--data", dataDir, ...ANY_PORTS);
        expect(code).toBe(1);
        expect(by.keys?.message).toContain(join("server", "keys", "log.pem"));
        expect(by.keys?.todo).toContain(`chmod -R go= ${dataDir}`);
    });

    it("asks a member of a shared ledger for its collector's keys only", async () => {
        const dataDir = copyOf("member");
        const store = await openServerStore(PLACES.server(dataDir));
        const block = { height: 1, appHash: new Uint8Array(32), engineState: new Uint8Array() };
        await store.appendBlock({ ...block, entries: [], checkpoint: null });
        await store.close();
        const remove = (name: string): void => rmSync(join(PLACES.serverKeys(dataDir), name));
        for (const name of ["operator.pem", "log.pem"]) remove(name);
        expect((await examined("--data", dataDir, ...ANY_PORTS)).by.keys?.status).toBe("ok");
        remove("collector.pem");
        const { by } = await examined("--data", dataDir, ...ANY_PORTS);
        expect(by.keys).toMatchObject({ status: "fault" });
        expect(by.keys?.message).toMatch(/keys: collector\.pem$/);
    });

    it("names keys that are missing, and a store that is damaged", async () => {
        const dataDir = copyOf("damaged");
        rmSync(join(PLACES.serverKeys(dataDir), "operator.pem"));
        truncateSync(join(PLACES.server(dataDir), "store.db"), 10_000);
        const { by, code } = await examined("--data", dataDir, ...ANY_PORTS);
        expect(code).toBe(1);
        expect(by.keys?.message).toContain("operator.pem");
        expect(by.store).toMatchObject({ status: "fault" });
        expect(by.store?.message).toMatch(/^MS_STORE_FORMAT: /);
    });

    it("writes nothing into a directory that is not ours", async () => {
        const foreign = join(scratch, "foreign");
        mkdirSync(foreign);
        writeFileSync(join(foreign, "letter.txt"), "dear");
        for (const path of [foreign, join(foreign, "letter.txt")]) {
            const { by, code } = await examined("--data", path, ...ANY_PORTS);
            expect(code).toBe(1);
            expect(by["data directory"]).toMatchObject({ status: "fault" });
            expect(by.fsync).toBeUndefined();
        }
        expect(filesOf(foreign)).toEqual(["letter.txt"]);
        expect(readFileSync(join(foreign, "letter.txt"), "utf8")).toBe("dear");
    });

    it("warns of what an interruption left", async () => {
        const dataDir = copyOf("interrupted");
        const draft = join(PLACES.serverKeys(dataDir), "collector.pem.new");
        writeFileSync(draft, "", { mode: 0o600 });
        mkdirSync(`${dataDir}.partial-4194305`);
        const { by, code } = await examined("--data", dataDir, ...ANY_PORTS);
        expect(code).toBe(0);
        expect(by.leftovers).toMatchObject({ status: "warning" });
        expect(by.leftovers?.message).toContain(draft);
        expect(by.leftovers?.message).toContain(`${dataDir}.partial-4194305`);
    });
});

describe("the clock", () => {
    const nowMs = Date.UTC(2027, 0, 1);
    const aheadMs = LIMITS.clockAheadSeconds * 1000;

    it.each([
        [nowMs, null, "ok"],
        [nowMs, nowMs, "ok"],
        [nowMs, nowMs + 1, "warning"],
        [nowMs, nowMs + aheadMs, "warning"],
        [nowMs, nowMs + aheadMs + 1, "fault"],
        [0, null, "fault"],
        [Date.UTC(2025, 11, 31), null, "fault"],
    ])("at %d with a last entry at %s is %s", (at, last, status) => {
        expect(checkClock(at, last).status).toBe(status);
    });
});
