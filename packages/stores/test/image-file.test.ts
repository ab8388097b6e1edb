import {
    existsSync,
    mkdtempSync,
    readFileSync,
    rmSync,
    statfsSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LIMITS } from "@meterseal/core";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { ImageFile } from "../src/image-file.ts";

const scratch = mkdtempSync(join(tmpdir(), "meterseal-image-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let path: string;
let made = 0;
beforeEach(() => {
    path = join(scratch, `${made++}`);
});

const PIECES = [new Uint8Array(70_000).fill(1), new Uint8Array(), Uint8Array.of(1, 2, 3)];

describe("an image in a file", () => {
    it("comes back piece by piece; where there is no file there is none", async () => {
        const file = new ImageFile(path);
        expect(await file.read()).toBe(null);
        await file.write(PIECES);
        expect(await file.read()).toEqual(PIECES);
        await file.write([]);
        expect(await file.read()).toEqual([]);
        expect(existsSync(`${path}.new`)).toBe(false);
    });

    it("has its pieces before the call returns: they may change after it", async () => {
        const piece = Uint8Array.of(1);
        const writing = new ImageFile(path).write([piece]);
        piece[0] = 2;
        await writing;
        expect(await new ImageFile(path).read()).toEqual([Uint8Array.of(1)]);
    });

    it("is none with any byte changed, or cut anywhere", async () => {
        const file = new ImageFile(path);
        await file.write([Uint8Array.of(1, 2, 3), Uint8Array.of(4)]);
        const whole = readFileSync(path);
        for (let i = 0; i < whole.length; i++) {
            const changed = Buffer.from(whole);
            changed[i] = (changed[i] ?? 0) ^ 0x41;
            writeFileSync(path, changed);
            expect(await file.read(), `byte ${i}`).toBe(null);
            writeFileSync(path, whole.subarray(0, i));
            expect(await file.read(), `cut at ${i}`).toBe(null);
        }
    });

    it("stays the one before while the next is half written", async () => {
        const file = new ImageFile(path);
        await file.write(PIECES);
        writeFileSync(`${path}.new`, "half");
        expect(await file.read()).toEqual(PIECES);
        await file.write([Uint8Array.of(9)]);
        expect(await file.read()).toEqual([Uint8Array.of(9)]);
    });

    it("takes no room with what a process left half written that was killed", async () => {
        const file = new ImageFile(path);
        await file.write(PIECES);
        writeFileSync(`${path}.new`, "half");
        expect(await file.read()).toEqual(PIECES);
        expect(existsSync(`${path}.new`)).toBe(false);
    });

    it.runIf(existsSync("/dev/full"))("leaves nothing where the disk is full", async () => {
        const file = new ImageFile(path);
        await file.write(PIECES);
        symlinkSync("/dev/full", `${path}.new`);
        await expect(file.write([Uint8Array.of(9)])).rejects.toThrow("ENOSPC");
        expect(existsSync(`${path}.new`)).toBe(false);
        expect(await file.read()).toEqual(PIECES);
    });

    it("is not begun where the log would be left without the room that it needs", async () => {
        const { bavail, bsize } = statfsSync(scratch);
        // Of a length alone: to write it would fail at once.
        const piece = { length: bavail * bsize - LIMITS.freeDiskBytes / 2 } as Uint8Array;
        const file = new ImageFile(path);
        await expect(file.write([piece])).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
        expect([existsSync(path), existsSync(`${path}.new`)]).toEqual([false, false]);
    });

    it("says where it cannot be written", async () => {
        await expect(new ImageFile(join(path, "no", "directory")).write([])).rejects.toThrow(
            "ENOENT",
        );
    });
});
