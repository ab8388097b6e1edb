import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileFrameCounters } from "../src/bridge/lorawan/frame-counters.ts";
import { useScratch } from "./fixture.ts";

const DEVICE = "0004a30b001c0530";
const OTHER = "0004a30b001c0531";
const scratch = useScratch();

describe("FileFrameCounters", () => {
    it("keeps four sessions of a device, those that were used last, also after a restart", () => {
        const path = join(scratch, "frame-counters");
        const counters = new FileFrameCounters(path);
        const last = (from: FileFrameCounters, ...sessions: string[]): number[] =>
            sessions.map((session) => from.last(`${DEVICE} ${session}`));
        for (const direction of ["up", "down"]) counters.keep(`${DEVICE} ${direction}`, 70);
        counters.keep(`${OTHER} 00000001`, 9);
        for (let i = 1; i <= 4; i++) counters.keep(`${DEVICE} 0000000${i}`, i);
        expect(last(counters, "00000001", "00000004")).toEqual([1, 4]);
        counters.keep(`${DEVICE} 00000001`, 11);
        counters.keep(`${DEVICE} 00000005`, 5);
        const names = ["00000001", "00000002", "00000003", "00000005", "up", "down"];
        const expected = [11, -1, 3, 5, 70, 70];
        expect(last(counters, ...names)).toEqual(expected);
        counters.close();
        const again = new FileFrameCounters(path);
        expect(last(again, ...names)).toEqual(expected);
        expect(again.last(`${OTHER} 00000001`)).toBe(9);
        expect(readFileSync(path, "utf8").trim().split("\n")).toHaveLength(7);
        again.close();
    });
});
