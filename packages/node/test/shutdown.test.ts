import { describe, expect, it } from "vitest";
import { doneWithin } from "../src/shutdown.ts";

describe("work that others have to do", () => {
    it("is waited for, at most so long", async () => {
        expect(await doneWithin(Promise.resolve(), 60_000)).toBe(true);
        expect(await doneWithin(new Promise(() => undefined), 5)).toBe(false);
    });
    it("says why it failed", async () => {
        await expect(doneWithin(Promise.reject(new Error("disk")), 60_000)).rejects.toThrow("disk");
    });
});
