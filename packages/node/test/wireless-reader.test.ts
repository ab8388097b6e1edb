import { describe, expect, it } from "vitest";
import { BoundaryJournal } from "../src/bridge/boundary-journal.ts";
import { type FrameCounter, wirelessReader } from "../src/bridge/telegrams.ts";
import { useScratch } from "./fixture.ts";

/** Example of the OMS specification, volume 2 annex N: 28504.27 m³ in mode 7, message 0x0ab3. */
const MODE_7 =
    "434493157856341233038c2075900f002c25b30a000021924d4f2fb66e017a75002007109058475f4bc91df878b80a1b0f98b629024aac727942bfc549233c0140829b93";
const KEY = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
/** 99,999.999 m³ under the same number, in the open. */
const FORGED = "144493157856341233037a010000000c1399999999";
const scratch = useScratch();

function heard(counter: FrameCounter, ...frames: readonly string[]): string[] {
    const reader = wirelessReader("12345678", KEY, counter);
    return reader
        .push(Buffer.from(frames.map((frame) => `${frame}\n`).join("")))
        .map((result) => (result.ok ? "taken" : result.fault.code));
}

describe("wirelessReader", () => {
    it("takes neither what is in the open nor a frame again, with a key", () => {
        const counter = { value: -1 };
        expect(heard(counter, FORGED, MODE_7, MODE_7, FORGED)).toEqual([
            ...["unprotected", "taken", "replay", "unprotected"],
        ]);
        expect(counter.value).toBe(0x0ab3);
    });

    it("refuses old frames after a restart, by the counter of the journal", () => {
        const counter = { value: -1 };
        heard(counter, MODE_7);
        const journal = new BoundaryJournal(scratch);
        journal.keep([{ slot: 7, registers: [28_504_270n], flag: 0 }], counter);
        journal.close();
        const again = new BoundaryJournal(scratch);
        expect(heard({ value: again.counter }, MODE_7)).toEqual(["replay"]);
        again.close();
    });
});
