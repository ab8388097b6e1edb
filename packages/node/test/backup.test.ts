import { createHash, randomInt } from "node:crypto";
import {
    chmodSync,
    cpSync,
    existsSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { makeBackup } from "../src/backup/make.ts";
import { MANIFEST_FILE, type Manifest } from "../src/backup/manifest.ts";
import { restoreBackup } from "../src/backup/restore.ts";
import { PLACES } from "../src/files.ts";
import { run, spawned, start } from "./command.ts";
import { FIXTURE_MS, type Fixture, useFixture, useScratch } from "./fixture.ts";
import { randomOf } from "./kill/random.ts";

const scratch = useScratch();
let fixture: Fixture;
/** A backup of the finished fixture. */
let backup = "";

beforeAll(async () => {
    fixture = await useFixture();
    backup = join(scratch, "backup");
    const { code, stderr } = await run("backup", "--data", fixture.finished, "--to", backup);
    expect(code, stderr).toBe(0);
}, FIXTURE_MS);

/** A copy of the backup that a test may spoil. */
function copyOf(name: string): string {
    const copy = join(scratch, name);
    cpSync(backup, copy, { recursive: true });
    return copy;
}

function manifestOf(directory: string): Manifest {
    return JSON.parse(readFileSync(join(directory, MANIFEST_FILE), "utf8")) as Manifest;
}

/** Puts the digests of the present files into the manifest, as a careful forger would. */
function rewriteManifest(directory: string): void {
    const manifest = manifestOf(directory);
    const files = manifest.files.map(({ path }) => {
        const content = readFileSync(join(directory, path));
        const sha256 = createHash("sha256").update(content).digest("hex");
        return { path, bytes: content.length, sha256 };
    });
    writeFileSync(join(directory, MANIFEST_FILE), JSON.stringify({ ...manifest, files }));
}

async function restore(from: string, dataDir: string) {
    return await run("restore", "--from", from, "--data", dataDir, "--json");
}

describe("backup", () => {
    it("holds the store and the keys with mode 600, the manifest says what, and nothing else is there", () => {
        const manifest = manifestOf(backup);
        const paths = manifest.files.map((file) => file.path);
        expect(paths).toEqual([
            "server/grants.db",
            "server/store.db",
            "server/keys/collector.id",
            "server/keys/collector.pem",
            "server/keys/log.pem",
            "server/keys/operator.pem",
        ]);
        const found = readdirSync(backup, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => join(entry.parentPath, entry.name));
        const expected = [...paths, MANIFEST_FILE].map((path) => join(backup, path));
        expect(found.sort()).toEqual(expected.sort());
        for (const path of found) expect(statSync(path).mode & 0o777, path).toBe(0o600);
        for (const { bytes, path, sha256 } of manifest.files) {
            const content = readFileSync(join(backup, path));
            expect(content.length).toBe(bytes);
            expect(createHash("sha256").update(content).digest("hex"), path).toBe(sha256);
        }
    });

    it("says that it holds private keys, and what it leaves out", async () => {
        const to = join(scratch, "said");
        const { stderr, stdout } = await run("backup", "--data", fixture.finished, "--to", to);
        expect(stdout).toMatch(/Log head: size 6, root [0-9a-f]{64}/);
        expect(stderr).toContain("3 private keys, mode 600");
        expect(stderr).toContain("memories of 3 meters are not in it");
        expect(stderr).toContain("key files of 3 households are not in it");
    });

    it(
        "is whole while a server runs, and does not disturb it",
        async () => {
            const dataDir = join(scratch, "running");
            cpSync(fixture.crashed, dataDir, { recursive: true });
            const ports = ["--port", "0", "--mqtt-port", "0"];
            const server = start(["serve", "--data", dataDir, ...ports]);
            await server.shows("Ctrl-C stops");
            const to = join(scratch, "of-running");
            const saved = await spawned("backup", "--data", dataDir, "--to", to, "--json");
            server.child.kill("SIGTERM");
            expect((await server.outcome).code).toBe(0);
            expect(saved.code, saved.stderr).toBe(0);
            const answer = JSON.parse(saved.stdout) as Manifest & { running: boolean };
            expect(answer.running).toBe(true);
            const restored = await restore(to, join(scratch, "of-running-restored"));
            expect(restored.code, restored.stderr).toBe(0);
            expect(JSON.parse(restored.stdout)).toMatchObject({ verified: true, log: answer.log });
        },
        FIXTURE_MS,
    );

    it("refuses what is no server's directory, and a target that is not empty", async () => {
        const foreign = join(scratch, "foreign");
        mkdirSync(foreign);
        writeFileSync(join(foreign, "letter.txt"), "dear");
        const of = async (data: string, to: string) =>
            await run("backup", "--data", data, "--to", to);
        const onForeign = await of(foreign, join(scratch, "never"));
        expect([onForeign.code, onForeign.stderr]).toEqual([
            3,
            expect.stringMatching(/^MS_STORE_FORMAT: .*meterseal\.json/),
        ]);
        const onFull = await of(fixture.finished, foreign);
        expect([onFull.code, onFull.stderr]).toEqual([
            3,
            expect.stringMatching(/^MS_STORE_UNWRITABLE: .*letter\.txt/),
        ]);
        expect(readdirSync(foreign)).toEqual(["letter.txt"]);
        expect(existsSync(join(scratch, "never"))).toBe(false);
    });

    it("that is stopped leaves nothing behind", async () => {
        const room = join(scratch, "stopped");
        mkdirSync(room);
        const stop = new AbortController();
        const options = {
            dataDir: fixture.finished,
            to: join(room, "backup"),
            signal: stop.signal,
            onProgress: () => stop.abort(),
        };
        await expect(makeBackup(options)).rejects.toMatchObject({ code: "MS_BACKUP" });
        expect(readdirSync(room)).toEqual([]);
    });
});

describe("restore", () => {
    it("gives a directory that verifies, with the head of the manifest and keys of mode 600", async () => {
        const dataDir = join(scratch, "restored");
        const { code, stderr, stdout } = await restore(backup, dataDir);
        expect(code, stderr).toBe(0);
        const { log } = manifestOf(backup);
        expect(JSON.parse(stdout)).toMatchObject({ data: dataDir, verified: true, log });
        expect(stderr).toContain("its log has now gone back, and that shows");
        expect(stderr).toContain("never put a meter's memory");
        for (const name of readdirSync(PLACES.serverKeys(dataDir))) {
            expect(statSync(join(PLACES.serverKeys(dataDir), name)).mode & 0o777).toBe(0o600);
        }
        const verified = await run("verify", "--data", dataDir, "--json");
        expect(JSON.parse(verified.stdout)).toMatchObject({ verified: true, checkpoint: log });
    });

    it("of an older server shows at meters that hold later receipts", async () => {
        const dataDir = join(scratch, "rolled-back");
        expect((await restore(backup, dataDir)).code).toBe(0);
        cpSync(PLACES.meters(fixture.crashed), PLACES.meters(dataDir), { recursive: true });
        const { code, stdout } = await run("verify", "--data", dataDir, "--json");
        expect(code).toBe(1);
        const { faults } = JSON.parse(stdout) as { faults: { code: string }[] };
        expect(new Set(faults.map((fault) => fault.code))).toEqual(new Set(["MS_OUTBOX"]));
    });

    it.each<[string, (directory: string) => void, RegExp]>([
        [
            "a flipped bit in the store",
            (directory) => flip(directory),
            /server\/store\.db.*SHA-256/,
        ],
        [
            "a file that is missing",
            (directory) => rmSync(join(directory, "server/keys/log.pem")),
            /log\.pem.*no file/,
        ],
        [
            "a file that is too short",
            (directory) => writeFileSync(join(directory, "server/keys/log.pem"), "-"),
            /log\.pem.*Got 1 bytes/,
        ],
        [
            "a flipped bit that the manifest covers up",
            (directory) => {
                flip(directory);
                rewriteManifest(directory);
            },
            /the restored directory/,
        ],
        [
            "another server's key that the manifest covers up",
            (directory) => {
                const keys = join(directory, "server/keys");
                cpSync(join(keys, "collector.pem"), join(keys, "operator.pem"));
                rewriteManifest(directory);
            },
            /MS_GENESIS.*operator\.pem/,
        ],
        [
            "a shorter log that the manifest covers up",
            (directory) => {
                const store = new DatabaseSync(join(directory, "server/store.db"));
                store.exec(
                    "PRAGMA foreign_keys = OFF; DELETE FROM checkpoints WHERE size = 6; PRAGMA journal_mode = DELETE",
                );
                store.close();
                rewriteManifest(directory);
            },
            /the restored directory/,
        ],
        [
            "a manifest of another format",
            (directory) => edit(directory, { format: "tar" }),
            /format tar/,
        ],
        [
            "a manifest that is no JSON",
            (directory) => writeFileSync(join(directory, MANIFEST_FILE), "{"),
            /JSON/,
        ],
        [
            "a manifest with a name that leads elsewhere",
            (directory) =>
                edit(directory, {
                    files: [{ path: "server/keys/../../../evil.pem", bytes: 1, sha256: "" }],
                }),
            /evil/,
        ],
        ["a manifest without files", (directory) => edit(directory, { files: [] }), /store\.db/],
        [
            "a manifest without a head",
            (directory) => edit(directory, { log: { size: -1 } }),
            /head/,
        ],
    ])("refuses %s, and makes nothing", async (name, spoil, expected) => {
        const copy = copyOf(`spoilt ${name.replaceAll(" ", "-")}`);
        spoil(copy);
        const room = join(scratch, `room ${name.replaceAll(" ", "-")}`);
        mkdirSync(room);
        const { code, stderr, stdout } = await restore(copy, join(room, "data"));
        expect(stderr).toMatch(/MS_BACKUP: /);
        expect(stderr).toMatch(expected);
        expect([code, stdout]).toEqual([1, ""]);
        expect(readdirSync(room)).toEqual([]);
    });

    it("refuses a directory that is not empty or a place without a backup, and changes neither", async () => {
        const full = join(scratch, "full");
        mkdirSync(full);
        writeFileSync(join(full, "letter.txt"), "dear");
        const onFull = await restore(backup, full);
        expect([onFull.code, onFull.stderr]).toEqual([
            3,
            expect.stringMatching(/^MS_STORE_UNWRITABLE: .*letter\.txt/),
        ]);
        expect(readdirSync(full)).toEqual(["letter.txt"]);
        const onNothing = await restore(full, join(scratch, "nothing"));
        expect([onNothing.code, onNothing.stderr]).toEqual([
            2,
            expect.stringMatching(/^MS_NOT_FOUND: /),
        ]);
    });

    it("that is stopped at any step leaves nothing behind", async () => {
        const room = join(scratch, "stopped-restore");
        mkdirSync(room);
        for (const steps of [0, 1, 2]) {
            const stop = new AbortController();
            let seen = 0;
            if (steps === 0) stop.abort();
            const onProgress = (): void => {
                seen++;
                if (seen === steps) stop.abort();
            };
            const options = { from: backup, dataDir: join(room, "data"), signal: stop.signal };
            await expect(restoreBackup({ ...options, onProgress })).rejects.toMatchObject({
                code: "MS_BACKUP",
            });
            expect(readdirSync(room), `after ${steps} steps`).toEqual([]);
        }
    });

    it(
        "and backup, killed at any moment, leave nothing or a whole directory at the place",
        async () => {
            const seed = randomInt(2 ** 31);
            const random = randomOf(seed);
            console.log(`backup.test.ts: seed ${seed}`);
            const attempts = Array.from({ length: 6 }, async (_, index) => {
                const room = join(scratch, `killed-${index}`);
                mkdirSync(room);
                const place = join(room, "made");
                const words =
                    index % 2 === 0
                        ? ["backup", "--data", fixture.finished, "--to", place]
                        : ["restore", "--from", backup, "--data", place];
                const { child, outcome } = start(words);
                await sleep(random() * 2_500);
                child.kill("SIGKILL");
                await outcome;
                const others = readdirSync(room).filter((name) => name !== "made");
                for (const name of others) expect(name).toMatch(/^made\.partial-\d+$/);
                if (!existsSync(place)) return;
                const checked =
                    index % 2 === 0
                        ? await spawned("restore", "--from", place, "--data", join(room, "data"))
                        : await spawned("verify", "--data", place);
                expect(checked.code, `seed ${seed}: ${checked.stderr}`).toBe(0);
            });
            for (const attempt of attempts) await attempt;
        },
        FIXTURE_MS,
    );

    it("names what a kill left beside its place", async () => {
        const dataDir = join(scratch, "after-kill");
        const left = `${dataDir}.partial-4194305`;
        mkdirSync(left);
        chmodSync(left, 0o700);
        const { code, stderr } = await restore(backup, dataDir);
        expect(code).toBe(0);
        expect(stderr).toContain(`${left} is an unfinished restore`);
        expect(existsSync(left)).toBe(true);
    });
});

/** Flips a bit in the middle of the store. */
function flip(directory: string): void {
    const path = join(directory, "server/store.db");
    const content = readFileSync(path);
    // A signed record: SQLite takes any bytes there, only signatures tell.
    const at = content.indexOf(Buffer.from("meterseal", "latin1"), content.length / 2);
    content[at + 3] = (content[at + 3] ?? 0) ^ 1;
    writeFileSync(path, content);
}

function edit(directory: string, change: object): void {
    const text = JSON.stringify({ ...manifestOf(directory), ...change });
    writeFileSync(join(directory, MANIFEST_FILE), text);
}
