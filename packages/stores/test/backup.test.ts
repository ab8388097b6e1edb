import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { copyServerFile, openServerStore, SERVER_FILE } from "../src/sqlite/index.ts";
import { useDirectory } from "./helpers.ts";

const directory = useDirectory();
const server = (): string => join(directory(), "server");
const copied = (): string => join(directory(), SERVER_FILE);

/** A connection of "another process" that can fill the store with rows of 100 kB. */
async function openWriter(): Promise<{ add(count: number): void; close(): void }> {
    await (await openServerStore(server())).close();
    const connection = new DatabaseSync(join(server(), SERVER_FILE));
    const insert = connection.prepare("INSERT INTO checkpoints (note) VALUES (?)");
    const note = "x".repeat(100_000);
    return {
        add(count) {
            for (let i = 0; i < count; i++) insert.run(note);
        },
        close: () => connection.close(),
    };
}

async function checkpointsOfCopy(): Promise<number> {
    const store = await openServerStore(directory(), { readOnly: true });
    try {
        expect(await store.reader.fileFaults()).toEqual([]);
        return (await store.reader.counts()).checkpoints;
    } finally {
        await store.close();
    }
}

describe("the copy of a store", () => {
    it("is of one moment, whatever another process writes meanwhile", async () => {
        const writer = await openWriter();
        writer.add(100);
        let steps = 0;
        await copyServerFile(server(), SERVER_FILE, copied(), {
            inUse: true,
            onProgress: () => {
                steps++;
                writer.add(1);
            },
        });
        writer.close();
        expect(steps).toBeGreaterThan(1);
        expect(await checkpointsOfCopy()).toBe(100);
        expect(statSync(copied()).mode & 0o777).toBe(0o600);
    });

    it("of a store that nobody has open leaves no helper file beside it", async () => {
        const writer = await openWriter();
        writer.add(3);
        writer.close();
        await copyServerFile(server(), SERVER_FILE, copied(), { inUse: false });
        expect(await checkpointsOfCopy()).toBe(3);
        expect(readdirSync(server())).toEqual([SERVER_FILE]);
    });

    it("ends when its progress is stopped, with the error of whoever stopped it", async () => {
        const writer = await openWriter();
        writer.add(100);
        writer.close();
        const stop = new Error("stop");
        const onProgress = (): never => {
            throw stop;
        };
        await expect(
            copyServerFile(server(), SERVER_FILE, copied(), { inUse: false, onProgress }),
        ).rejects.toBe(stop);
    });

    it("refuses a file that is not ours, a missing one, and a place that is taken", async () => {
        const options = { inUse: false };
        const copy = () => copyServerFile(server(), SERVER_FILE, copied(), options);
        await expect(copy()).rejects.toMatchObject({ code: "MS_STORE_FORMAT" });
        (await openWriter()).close();
        writeFileSync(copied(), "dear");
        await expect(copy()).rejects.toMatchObject({ code: "EEXIST" });
        writeFileSync(join(server(), SERVER_FILE), "dear");
        await expect(copy()).rejects.toMatchObject({ code: "MS_STORE_FORMAT" });
        expect(existsSync(`${copied()}-wal`)).toBe(false);
    });
});
