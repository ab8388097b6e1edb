import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { lockDirectory, lockHolder } from "../src/index.ts";
import { lockMeter, METER_FILE, openMeterStore } from "../src/sqlite/index.ts";
import { useDirectory } from "./helpers.ts";

const script = fileURLToPath(new URL("lock-child.ts", import.meta.url));
const directory = useDirectory();
const children: ChildProcess[] = [];

/** Starts a process that takes the lock; resolves with what it said. */
async function start(): Promise<{ child: ChildProcess; said: string }> {
    const child = spawn(process.execPath, [script, directory()], {
        stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [said] = await once(child.stdout as NodeJS.ReadableStream, "data");
    return { child, said: String(said).trim() };
}

async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
}

afterEach(async () => {
    await Promise.all(children.splice(0).map(kill));
});

describe("the lock of a data directory", () => {
    it("is refused to a second holder in one process, until it is released", () => {
        const lock = lockDirectory(directory());
        for (let i = 0; i < 2; i++) {
            expect(() => lockDirectory(directory())).toThrow(
                expect.objectContaining({
                    code: "MS_STORE_LOCKED",
                    message: expect.stringContaining(`process ${process.pid}`),
                }),
            );
        }
        expect(lockHolder(directory())).toBe(`process ${process.pid}`);
        lock.release();
        lock.release();
        expect(lockHolder(directory())).toBeNull();
        expect(lockHolder(join(directory(), "missing"))).toBeNull();
        lockDirectory(directory()).release();
        expect(readdirSync(directory())).toEqual(["lock"]);
    });
    it("makes the directory where it is missing", () => {
        lockDirectory(join(directory(), "a", "b")).release();
        expect(readdirSync(join(directory(), "a"))).toEqual(["b"]);
    });
    it("names another process that holds it, and is free the moment that one is killed", async () => {
        for (let i = 0; i < 3; i++) {
            const { child, said } = await start();
            expect(said).toBe("locked");
            expect(() => lockDirectory(directory())).toThrow(`process ${child.pid}`);
            expect(lockHolder(directory())).toBe(`process ${child.pid}`);
            await kill(child);
            expect(lockHolder(directory())).toBeNull();
            expect(readFileSync(join(directory(), "lock.holder"), "utf8")).toBe(`${child.pid}\n`);
        }
        lockDirectory(directory()).release();
    });
    it("goes to exactly one of many that start at once", async () => {
        const said = await Promise.all(Array.from({ length: 6 }, start));
        expect(said.map((each) => each.said).sort()).toEqual([
            ...Array.from({ length: 5 }, () => "MS_STORE_LOCKED"),
            "locked",
        ]);
    }, 30_000);
    it("is not taken on a file that is something else", () => {
        writeFileSync(join(directory(), "lock"), "somebody's notes ".repeat(100));
        const refused = expect.objectContaining({ code: "MS_STORE_FORMAT" });
        expect(() => lockDirectory(directory())).toThrow(refused);
        expect(readFileSync(join(directory(), "lock"), "utf8")).toMatch(/^somebody's notes/);
    });
});

describe("the lock of a meter's directory", () => {
    it("is held by the store that writes, until it is closed; who reads needs none", async () => {
        const store = await openMeterStore(directory());
        const refused = { code: "MS_STORE_LOCKED", details: { got: `process ${process.pid}` } };
        await expect(openMeterStore(directory())).rejects.toMatchObject(refused);
        expect(() => lockMeter(directory())).toThrow("A meter has one writer");
        await (await openMeterStore(directory(), { readOnly: true })).close();
        await store.close();
        await (await openMeterStore(directory())).close();
    });
    it("is given back where the store does not open", async () => {
        writeFileSync(join(directory(), METER_FILE), "a diary");
        const refused = { code: "MS_STORE_FORMAT" };
        await expect(openMeterStore(directory())).rejects.toMatchObject(refused);
        lockMeter(directory()).release();
    });
});
