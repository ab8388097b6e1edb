import { execFileSync, spawnSync } from "node:child_process";
import {
    chmodSync,
    chownSync,
    closeSync,
    mkdirSync,
    openSync,
    readdirSync,
    readFileSync,
    renameSync,
    statSync,
    truncateSync,
    writeFileSync,
    writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { utf8 } from "@meterseal/core";
import { StoreSamples } from "@meterseal/testkit/store-compliance";
import { describe, expect, it } from "vitest";
import { METER_FILE, openMeterStore, openServerStore, SERVER_FILE } from "../src/sqlite/index.ts";
import { copyFiles, useDirectory } from "./helpers.ts";

const samples = new StoreSamples();
const directory = useDirectory();
const file = (): string => join(directory(), SERVER_FILE);
const formatRefused = { name: "MetersealError", code: "MS_STORE_FORMAT" };
const unwritable = { name: "MetersealError", code: "MS_STORE_UNWRITABLE" };

/** Every file of the directory with its bytes. */
function contents(): [string, string][] {
    return readdirSync(directory())
        .sort()
        .map((name) => [name, readFileSync(join(directory(), name)).toString("base64")]);
}

/** Expects that neither way to open the store works, and that nothing changes on disk. */
async function expectRefusedUntouched(): Promise<void> {
    const before = contents();
    await expect(openServerStore(directory())).rejects.toMatchObject(formatRefused);
    expect(contents()).toEqual(before);
    const reading = openServerStore(directory(), { readOnly: true });
    await expect(reading).rejects.toMatchObject(formatRefused);
    expect(contents()).toEqual(before);
}

async function filledStore(count: number): Promise<void> {
    const store = await openServerStore(directory());
    await store.insertRecords(await samples.chain(count));
    await store.close();
}

describe("settings that durability rests on", () => {
    it("are in force, for a new file and for one that was there", async () => {
        for (let i = 0; i < 2; i++) {
            const store = await openServerStore(directory());
            expect(await store.durability()).toEqual({ journalMode: "wal", synchronous: 2 });
            await store.close();
            const meter = await openMeterStore(directory());
            expect(await meter.durability()).toEqual({ journalMode: "wal", synchronous: 2 });
            await meter.close();
        }
    });
    it("are set again in a file whose journal mode somebody changed", async () => {
        await filledStore(1);
        const tool = new DatabaseSync(file());
        tool.exec("PRAGMA journal_mode = DELETE");
        tool.close();
        const store = await openServerStore(directory());
        expect(await store.durability()).toEqual({ journalMode: "wal", synchronous: 2 });
        await store.close();
    });
    it("leave one file behind, for its owner only", async () => {
        await filledStore(10);
        expect(readdirSync(directory())).toEqual([SERVER_FILE]);
        expect(statSync(file()).mode & 0o777).toBe(0o600);
    });
});

describe("a file that is not ours is refused and not changed", () => {
    it("text", async () => {
        writeFileSync(file(), "a diary of many years\n".repeat(1_000));
        await expectRefusedUntouched();
    });
    it("an empty file", async () => {
        writeFileSync(file(), "");
        await expectRefusedUntouched();
    });
    it("another program's database, with a write-ahead log that still has content", async () => {
        mkdirSync(join(directory(), "theirs"));
        const theirs = new DatabaseSync(join(directory(), "theirs", SERVER_FILE));
        theirs.exec("PRAGMA journal_mode = WAL; CREATE TABLE diary (day TEXT)");
        for (const name of [SERVER_FILE, `${SERVER_FILE}-wal`]) {
            writeFileSync(join(directory(), name), readFileSync(join(directory(), "theirs", name)));
        }
        theirs.close();
        renameSync(join(directory(), "theirs"), `${directory()}-theirs`);
        await expectRefusedUntouched();
        renameSync(`${directory()}-theirs`, join(directory(), "theirs"));
    });
    it("a meter's store in the place of the server's", async () => {
        await (await openMeterStore(directory())).close();
        renameSync(join(directory(), METER_FILE), file());
        await expectRefusedUntouched();
    });
    it("a newer version of ours", async () => {
        await filledStore(1);
        const newer = new DatabaseSync(file());
        newer.exec("PRAGMA user_version = 3");
        newer.close();
        await expectRefusedUntouched();
        const opening = openServerStore(directory());
        await expect(opening).rejects.toThrow("Expected version 2. Got version 3.");
    });
    it("a directory", async () => {
        mkdirSync(file());
        const opening = openServerStore(directory());
        await expect(opening).rejects.toMatchObject(formatRefused);
        expect(readdirSync(file())).toEqual([]);
    });
    it("nothing, when it is opened to read", async () => {
        const reading = openServerStore(directory(), { readOnly: true });
        await expect(reading).rejects.toMatchObject(formatRefused);
        expect(readdirSync(directory())).toEqual([]);
    });
    it("a file in the place of the directory", async () => {
        writeFileSync(join(directory(), "file"), "");
        const opening = openServerStore(join(directory(), "file", "server"));
        await expect(opening).rejects.toMatchObject(unwritable);
    });
});

describe("a damaged file", () => {
    it("with a page overwritten fails typed, and the check names the fault", async () => {
        await filledStore(500);
        const bytes = readFileSync(file());
        const pageBytes = bytes.readUInt16BE(16);
        for (let page = 1; page < bytes.length / pageBytes; page++) {
            const damaged = Buffer.from(bytes);
            damaged.fill(0xee, page * pageBytes, (page + 1) * pageBytes);
            writeFileSync(file(), damaged);
            try {
                const store = await openServerStore(directory(), { readOnly: true });
                const faults = await store.reader.fileFaults().catch((cause) => [cause.code]);
                expect(faults, `page ${page}`).not.toEqual([]);
                await store.reader.counts().catch((cause) => {
                    expect(cause).toMatchObject(formatRefused);
                });
                await store.close();
            } catch (cause) {
                expect(cause).toMatchObject(formatRefused);
            }
        }
    });
    it("with its end cut off fails typed", async () => {
        await filledStore(500);
        truncateSync(file(), 80_000);
        const attempt = async (): Promise<void> => {
            const store = await openServerStore(directory(), { readOnly: true });
            try {
                await store.reader.counts();
                await store.looseRecords();
            } finally {
                await store.close();
            }
        };
        await expect(attempt()).rejects.toMatchObject(formatRefused);
    });
    it("with an integer that no JavaScript number holds fails typed", async () => {
        await filledStore(2);
        const tool = new DatabaseSync(file());
        tool.exec("UPDATE records SET seq = 9223372036854775807 WHERE n = 2");
        tool.close();
        const store = await openServerStore(directory());
        const refused = { name: "MetersealError", code: "MS_STORE_COLUMN" };
        const read = Array.fromAsync(store.reader.records());
        await expect(read).rejects.toMatchObject(refused);
        await store.close();
    });
    it("with its log cut anywhere holds a whole number of transactions", async () => {
        const live = join(directory(), "live");
        const store = await openServerStore(live);
        for (let i = 0; i < 12; i++) {
            const seqs = Array.from({ length: 10 }, (_, k) =>
                samples.usage({ seq: 10 * i + k + 1 }),
            );
            await store.insertRecords(await Promise.all(seqs));
        }
        const wal = `${SERVER_FILE}-wal`;
        const length = statSync(join(live, wal)).size;
        let before = 0;
        for (let cut = 0; cut <= 40; cut++) {
            const copy = join(directory(), `copy ${cut}`);
            copyFiles(live, copy);
            truncateSync(join(copy, wal), Math.floor((length * cut) / 40));
            const crashed = await openServerStore(copy);
            const { records } = await crashed.reader.counts();
            expect(records % 10).toBe(0);
            expect(records).toBeGreaterThanOrEqual(before);
            expect(await crashed.reader.fileFaults()).toEqual([]);
            before = records;
            await crashed.close();
        }
        expect(before).toBe(120);
        await store.close();
    });
    it("cut off while its log was moved into it is whole again", async () => {
        const [live, moved] = [join(directory(), "live"), join(directory(), "moved")];
        const store = await openServerStore(live);
        await store.insertRecords(await samples.chain(200));
        copyFiles(live, moved);
        await (await openServerStore(moved)).close();
        // The first page names the new length already, and no other page has been written.
        const crashed = join(directory(), "crashed");
        copyFiles(live, crashed);
        const page = readFileSync(join(moved, SERVER_FILE)).subarray(0, 16_384);
        const handle = openSync(join(crashed, SERVER_FILE), "r+");
        writeSync(handle, page, 0, page.length, 0);
        closeSync(handle);
        await store.close();
        for (const readOnly of [true, false]) {
            const again = await openServerStore(crashed, { readOnly });
            expect(await again.reader.counts()).toMatchObject({ records: 200 });
            expect(await again.reader.fileFaults()).toEqual([]);
            await again.close();
        }
    });
    it("half-made by a crash is made again", async () => {
        writeFileSync(`${file()}.new`, "half a store");
        writeFileSync(`${file()}.new-wal`, "half a log");
        await filledStore(3);
        expect(readdirSync(directory())).toEqual([SERVER_FILE]);
    });
});

describe("a failed disk", () => {
    it("that is full refuses the one write, and takes the next", async () => {
        let fail = true;
        const beforeCommit = (): void => {
            if (fail) throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
        };
        const store = await openServerStore(directory(), { hooks: { beforeCommit } });
        await expect(store.initialize(utf8("genesis"))).rejects.toMatchObject(unwritable);
        fail = false;
        await store.initialize(utf8("genesis"));
        await store.close();
    });
    it("that loses a write gets no further one until the store is opened again", async () => {
        let fail = true;
        const beforeCommit = (): void => {
            if (fail) throw Object.assign(new Error("disk I/O error"), { errcode: 10 + (4 << 8) });
        };
        const store = await openServerStore(directory(), { hooks: { beforeCommit } });
        await store.probe();
        await expect(store.initialize(utf8("genesis"))).rejects.toMatchObject(unwritable);
        fail = false;
        await expect(store.initialize(utf8("genesis"))).rejects.toMatchObject(unwritable);
        await expect(store.probe()).rejects.toMatchObject(unwritable);
        expect(await store.genesis()).toBeNull();
        await store.close();
        const again = await openServerStore(directory());
        await again.initialize(utf8("genesis"));
        await again.close();
    });
});

describe("a directory that cannot be written", () => {
    const nobody = 65_534;
    const script = fileURLToPath(new URL("open-child.ts", import.meta.url));
    /** Opens the store in a process without rights of its own: root may write everything. */
    const openAsNobody = (path: string, readOnly: boolean): string =>
        execFileSync(process.execPath, [script, path, `${readOnly}`], {
            ...(process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}),
            encoding: "utf8",
        });

    /** A checkout in a directory of root's own cannot be entered by anybody else. */
    const isRoot = process.getuid?.() === 0;
    const entered = spawnSync(
        process.execPath,
        ["-e", "require('node:fs').readFileSync(process.argv[1])", script],
        isRoot ? { uid: nobody, gid: nobody } : {},
    );
    const canRun = entered.status === 0;
    if (!canRun)
        console.log("sqlite-file.test.ts: nobody may not enter the checkout, read-only not tested");

    it.runIf(canRun)("is refused for writing and can be read", async () => {
        await filledStore(5);
        if (process.getuid?.() === 0) {
            chownSync(directory(), nobody, nobody);
            chownSync(file(), nobody, nobody);
        }
        chmodSync(file(), 0o444);
        expect(openAsNobody(directory(), false)).toBe("MS_STORE_UNWRITABLE");
        chmodSync(file(), 0o644);
        chmodSync(directory(), 0o555);
        expect(openAsNobody(directory(), false)).toBe("MS_STORE_UNWRITABLE");
        expect(openAsNobody(directory(), true)).toBe("5 records");
        expect(openAsNobody(join(directory(), "new"), false)).toBe("MS_STORE_UNWRITABLE");
        expect(readdirSync(directory())).toEqual([SERVER_FILE]);
        chmodSync(directory(), 0o755);
    });
});
