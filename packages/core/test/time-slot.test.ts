import { describe, expect, test } from "vitest";
import { isSlotSeconds, SLOT_ORIGIN_UNIX, slotOfUnix, unixOfSlot } from "../src/time/slot.ts";

describe("slots", () => {
    test("slot 0 begins with the year 2000 in UTC", () => {
        expect(SLOT_ORIGIN_UNIX * 1000).toBe(Date.UTC(2000, 0, 1));
        expect(slotOfUnix(SLOT_ORIGIN_UNIX, 900)).toBe(0);
        expect(slotOfUnix(SLOT_ORIGIN_UNIX - 1, 900)).toBe(-1);
        expect(slotOfUnix(SLOT_ORIGIN_UNIX + 899, 900)).toBe(0);
        expect(slotOfUnix(SLOT_ORIGIN_UNIX + 900, 900)).toBe(1);
    });

    test("a slot length divides the hour", () => {
        for (const good of [1, 7.5 * 8, 900, 1800, 3600]) expect(isSlotSeconds(good)).toBe(true);
        for (const bad of [0, -900, 0.5, 7, 1000, 7200, Number.NaN]) {
            expect(isSlotSeconds(bad)).toBe(false);
            expect(() => slotOfUnix(SLOT_ORIGIN_UNIX, bad)).toThrow("assertion failed");
            expect(() => unixOfSlot(0, bad)).toThrow("assertion failed");
        }
    });

    test("broken numbers stop the program instead of making a slot", () => {
        expect(() => slotOfUnix(SLOT_ORIGIN_UNIX + 0.5, 900)).toThrow("assertion failed");
        expect(() => unixOfSlot(0.5, 900)).toThrow("assertion failed");
    });
});
