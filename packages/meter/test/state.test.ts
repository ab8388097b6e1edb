import { unwrap } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "@meterseal/record";
import { describe, expect, it } from "vitest";
import { decodeMeterState, encodeMeterState, type MeterState } from "../src/state.ts";

const STATE: MeterState = {
    chainEpoch: 3,
    nextSeq: 17,
    headHash: new Uint8Array(32).fill(7),
    seal: { sealEpoch: 2, nextSlot: 455_904, nextIndex: [455_904, 379_000, 4_750, 157, 2] },
    ended: false,
    lossNoted: false,
    starts: 0,
    registers: [2n ** 61n - 1n, 0n],
    adjustments: [],
    corrections: [],
};

describe("meter state", () => {
    it("comes back as it was", () => {
        expect(unwrap(decodeMeterState(encodeMeterState(STATE)))).toEqual(STATE);
    });

    it("comes back ended", () => {
        const ended = { ...STATE, ended: true };
        expect(unwrap(decodeMeterState(encodeMeterState(ended)))).toEqual(ended);
    });

    it("comes back with its note of what is lost", () => {
        const noted = { ...STATE, lossNoted: true };
        expect(unwrap(decodeMeterState(encodeMeterState(noted)))).toEqual(noted);
    });

    it("comes back with the starts that were counted", () => {
        const started = { ...STATE, starts: 7 };
        expect(unwrap(decodeMeterState(encodeMeterState(started)))).toEqual(started);
    });

    it("comes back with its adjustments", () => {
        const corrected = { ...STATE, adjustments: [40n, 2n ** 60n] };
        expect(unwrap(decodeMeterState(encodeMeterState(corrected)))).toEqual(corrected);
    });

    it("comes back with the corrections that were entered", () => {
        const [first, second] = [7, 8].map((fill) => new Uint8Array(32).fill(fill));
        const corrections = [
            { seq: 4, hash: first as Uint8Array },
            { seq: 9, hash: second as Uint8Array },
        ];
        const corrected = { ...STATE, corrections };
        expect(unwrap(decodeMeterState(encodeMeterState(corrected)))).toEqual(corrected);
    });

    it("is read as it was written before corrections were remembered", () => {
        const fields = decodeCbor(encodeMeterState(STATE)) as Map<number, unknown>;
        expect([...fields.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    });

    const changes: [string, number, unknown][] = [
        ["an index too few: its tree would begin anew", 5, [1, 2, 3, 4]],
        ["an index too many", 5, [1, 2, 3, 4, 5, 6]],
        ["a negative index", 5, [1, 2, 3, 4, -1]],
        ["no sequence number", 1, 0],
        ["a short hash", 2, new Uint8Array(31)],
        ["a negative register", 6, [-1]],
        ["a slot that is no number", 4, "x"],
        ["an end that is none", 7, 0],
        ["a note that is none", 8, 2],
        ["a count that is none", 9, 0],
        ["adjustments that are none", 10, 1],
        ["corrections without a number", 11, [[new Uint8Array(32)]]],
        ["a short hash of a correction", 11, [[1, new Uint8Array(31)]]],
        ["more corrections than are remembered", 11, Array(257).fill([1, new Uint8Array(32)])],
        ["a field more", 12, 1],
    ];
    it.each(changes)("is refused with %s", (_name, key, value) => {
        const map = decodeCbor(encodeMeterState(STATE)) as Map<number, unknown>;
        map.set(key, value);
        expect(decodeMeterState(encodeCbor(map))).toMatchObject({
            ok: false,
            error: { code: "MS_MALFORMED" },
        });
    });

    it("is refused when any byte is cut", () => {
        const bytes = encodeMeterState(STATE);
        for (let end = 0; end < bytes.length; end++) {
            expect(decodeMeterState(bytes.subarray(0, end)).ok).toBe(false);
        }
    });
});
