import fs, { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BoundaryJournal } from "../src/bridge/boundary-journal.ts";
import { FileFrameCounters } from "../src/bridge/lorawan/frame-counters.ts";
import { DurableLines, wholeLinesOf } from "../src/durable-lines.ts";
import { HouseholdJournal } from "../src/household/journal-file.ts";
import { useScratch } from "./fixture.ts";

/** A disk with so many bytes left, of which one call takes so many at most. */
const disk = { leftBytes: 0, callBytes: 0 };
const { writeSync } = fs;

function writeToDisk(
    file: number,
    bytes: Uint8Array,
    from: number,
    length: number,
    at: number,
): number {
    const room = Math.min(length, disk.leftBytes, disk.callBytes);
    if (room === 0) throw new Error("ENOSPC: no space left on device, write");
    const done = writeSync(file, bytes, from, room, at);
    disk.leftBytes -= done;
    return done;
}

const scratch = useScratch();
let path: string;
let count = 0;
beforeEach(() => {
    path = join(scratch, `lines ${count++}`);
    Object.assign(disk, { leftBytes: 1_000, callBytes: 1_000 });
    vi.spyOn(fs, "writeSync").mockImplementation(writeToDisk as typeof writeSync);
    syncBuiltinESMExports();
});
afterEach(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
});

describe("lines of a file", () => {
    it("are whole where the system takes a part of each at a time", () => {
        disk.callBytes = 3;
        const lines = new DurableLines(path, ["the first", "another"]);
        lines.add("this as well");
        lines.replace(["in the place", "of all"]);
        lines.add("und Wörter mit Umlauten");
        lines.close();
        const expected = ["in the place", "of all", "und Wörter mit Umlauten"];
        expect(wholeLinesOf(path)).toEqual(expected);
        expect(statSync(path).mode & 0o777).toBe(0o600);
    });

    it("leave nothing of one that a full disk cut, and go on behind the one before", () => {
        const lines = new DurableLines(path, ["one"]);
        disk.leftBytes = 4;
        expect(() => lines.add("another")).toThrow("MS_STORE_UNWRITABLE");
        expect(readFileSync(path, "utf8")).toBe("one\n");
        expect(() => lines.add("another")).toThrow("ENOSPC");
        disk.leftBytes = 1_000;
        lines.add("later");
        lines.close();
        expect(readFileSync(path, "utf8")).toBe("one\nlater\n");
    });

    it("stay, and go on, where others cannot take their place", () => {
        const lines = new DurableLines(path, ["one"]);
        disk.leftBytes = 4;
        expect(() => lines.replace(["another"])).toThrow("MS_STORE_UNWRITABLE");
        expect(existsSync(`${path}.next`)).toBe(false);
        disk.leftBytes = 1_000;
        lines.add("two");
        mkdirSync(`${path}.next`);
        expect(() => lines.replace(["another"])).toThrow("MS_STORE_UNWRITABLE");
        lines.add("three");
        expect(wholeLinesOf(path)).toEqual(["one", "two", "three"]);
        rmdirSync(`${path}.next`);
        lines.replace(["another"]);
        lines.close();
        expect(wholeLinesOf(path)).toEqual(["another"]);
    });
});

describe("on a disk that was full", () => {
    it("frame counters are those on disk, and open again", () => {
        const device = "70b3d57ed0001234 up";
        const counters = new FileFrameCounters(path);
        counters.keep(device, 1);
        disk.leftBytes = 10;
        expect(() => counters.keep(device, 2)).toThrow("MS_STORE_UNWRITABLE");
        expect(counters.last(device)).toBe(1);
        disk.leftBytes = 1_000;
        counters.keep(device, 3);
        counters.close();
        expect(new FileFrameCounters(path).last(device)).toBe(3);
    });

    it("boundaries of a line open again", () => {
        mkdirSync(path);
        const journal = new BoundaryJournal(path);
        const keep = (slot: number): void =>
            journal.keep([{ slot, registers: [5n], flag: 0 }], { value: 0 });
        keep(1);
        disk.leftBytes = 10;
        expect(() => keep(2)).toThrow("MS_STORE_UNWRITABLE");
        disk.leftBytes = 1_000;
        keep(2);
        journal.close();
        expect(new BoundaryJournal(path).from(0).map(({ slot }) => slot)).toEqual([1, 2]);
    });

    it("a household's journal has nothing of the grant that found no room", () => {
        mkdirSync(path);
        disk.leftBytes = 10;
        const journal = new HouseholdJournal(path);
        expect(() => journal.appendPosted("1".repeat(64))).toThrow("MS_STORE_UNWRITABLE");
        expect(statSync(join(path, "issued.jsonl")).size).toBe(0);
        expect(journal.read().bytes).toBe(0);
    });
});
