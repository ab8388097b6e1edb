import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockDirectory } from "@meterseal/stores";
import { beforeAll, describe, expect, it } from "vitest";
import { PLACES } from "../src/files.ts";
import { run, spawned } from "./command.ts";
import { FIXTURE_MS, type Fixture, useFixture, useScratch } from "./fixture.ts";

const scratch = useScratch();
let fixture: Fixture;

beforeAll(async () => {
    fixture = await useFixture();
}, FIXTURE_MS);

function copyOf(name: string): string {
    const copy = join(scratch, name);
    cpSync(fixture.finished, copy, { recursive: true });
    return copy;
}

describe("reset", () => {
    it("says what it deletes, and deletes the directory", async () => {
        const dataDir = copyOf("whole");
        const { code, stderr, stdout } = await run("reset", "--data", dataDir, "--yes", "--json");
        expect(code).toBe(0);
        expect(stderr).toContain("its store with log and records, and its private keys");
        expect(stderr).toContain("3 meters");
        expect(stderr).toContain("3 households");
        expect(JSON.parse(stdout)).toEqual({
            data: dataDir,
            server: true,
            meters: 3,
            households: 3,
            providers: 0,
            monitors: 0,
            kept: [],
        });
        expect(existsSync(dataDir)).toBe(false);
    });

    it("keeps what somebody else put there", async () => {
        const dataDir = copyOf("shared");
        writeFileSync(join(dataDir, "letter.txt"), "dear");
        const { code, stderr } = await run("reset", "--data", dataDir, "--yes");
        expect([code, stderr]).toEqual([0, expect.stringContaining("not ours: letter.txt")]);
        expect(readdirSync(dataDir)).toEqual(["letter.txt"]);
    });

    it("deletes nothing without --yes where it cannot ask", async () => {
        const dataDir = copyOf("asked");
        const { code, stderr } = await spawned("reset", "--data", dataDir);
        expect([code, stderr]).toEqual([2, expect.stringContaining("--yes")]);
        expect(existsSync(join(PLACES.server(dataDir), "store.db"))).toBe(true);
    });

    it("refuses while a server or a demo has the directory", async () => {
        for (const [name, place] of [
            ["of-server", PLACES.server],
            ["of-demo", (dir: string) => dir],
        ] as const) {
            const dataDir = copyOf(name);
            const { release } = lockDirectory(place(dataDir));
            const { code, stderr } = await run("reset", "--data", dataDir, "--yes");
            release();
            expect([code, stderr]).toEqual([3, expect.stringMatching(/^MS_STORE_LOCKED: /)]);
            expect(existsSync(join(PLACES.server(dataDir), "store.db"))).toBe(true);
        }
    });

    it("refuses a directory that is not ours", async () => {
        const foreign = join(scratch, "foreign");
        mkdirSync(join(foreign, "server"), { recursive: true });
        const { code, stderr } = await run("reset", "--data", foreign, "--yes");
        expect([code, stderr]).toEqual([3, expect.stringMatching(/^MS_STORE_FORMAT: /)]);
        expect(readdirSync(foreign)).toEqual(["server"]);
    });
});

describe("version", () => {
    it("names the release and what it runs on", async () => {
        const text = await run("--version");
        expect([text.code, text.stdout]).toEqual([0, expect.stringMatching(/^meterseal \d+\.\d+/)]);
        const { stdout } = await run("version", "--json");
        expect(JSON.parse(stdout)).toMatchObject({ node: process.versions.node });
        expect((await run("--version", "--json")).stdout).toBe(stdout);
    });
});

describe("help", () => {
    it.each(["backup", "restore", "reset", "version"])("of %s has examples", async (name) => {
        const { code, stderr, stdout } = await run(name, "--help");
        expect([code, stderr]).toEqual([0, ""]);
        expect(stdout).toMatch(/\nExamples:\n {2}meterseal \S/);
        expect((await run("--help")).stdout).toContain(`\n  ${name} `);
    });
});
