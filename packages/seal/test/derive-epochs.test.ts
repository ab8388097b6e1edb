import { unixOfSlot } from "@meterseal/core";
import { expect, test } from "vitest";
import { knownWithin } from "../src/derive/epochs.ts";
import type { Known } from "../src/derive/known.ts";

const SLOT_SECONDS = 900;
const CHANGE_SLOT = 450_000;
const change = unixOfSlot(CHANGE_SLOT, SLOT_SECONDS);
const span = (sealEpoch: number, fromSlot: number, toSlot: number) => ({
    ...{ sealEpoch, fromSlot, toSlot },
});

function within(known: Known, fromUnix: number, madeUnix = 0): Known {
    const begins = [
        { sealEpoch: 0, fromUnix: Number.NEGATIVE_INFINITY },
        { sealEpoch: 1, fromUnix },
        { sealEpoch: 2, fromUnix: fromUnix + 86_400 },
    ];
    return knownWithin(known, begins, SLOT_SECONDS, madeUnix);
}

test("keys end before the next seal epoch of which any record speaks", () => {
    const keys = (...spans: ReturnType<typeof span>[]): Known => ({
        kind: "keys",
        level: 0,
        spans,
    });
    const year = keys(span(0, CHANGE_SLOT - 90, CHANGE_SLOT + 9_000));
    expect(within(year, change)).toEqual(keys(span(0, CHANGE_SLOT - 90, CHANGE_SLOT - 1)));
    expect(within(year, change + 1)).toEqual(keys(span(0, CHANGE_SLOT - 90, CHANGE_SLOT)));
    const next = keys(
        span(0, CHANGE_SLOT, CHANGE_SLOT + 10),
        span(1, CHANGE_SLOT, CHANGE_SLOT + 10),
    );
    expect(within(next, change)).toEqual(keys(span(1, CHANGE_SLOT, CHANGE_SLOT + 10)));
    const last = keys(span(2, CHANGE_SLOT + 96, CHANGE_SLOT + 9_000));
    expect(within(last, change)).toEqual(last);
});

test("listed keys of the boundaries behind are none", () => {
    const listed = (...slots: number[]): Known => ({
        kind: "boundaries",
        epochs: [{ sealEpoch: 0, slots }],
    });
    const [before, at] = [CHANGE_SLOT - 1, CHANGE_SLOT];
    expect(within(listed(before, at, at + 1), change)).toEqual(listed(before));
    expect(within(listed(before, at, at + 1), change + 1)).toEqual(listed(before, at));
});

test("single windows end with the seal epoch in which they were granted; weighted sums are over records", () => {
    const windows = (...toSlots: number[]): Known => ({
        kind: "differences",
        windows: toSlots.map((toSlot) => ({ fromSlot: CHANGE_SLOT - 9, toSlot })),
    });
    const known = windows(CHANGE_SLOT - 1, CHANGE_SLOT, CHANGE_SLOT + 1);
    expect(within(known, change, change - 1)).toEqual(windows(CHANGE_SLOT - 1));
    expect(within(known, change, change)).toEqual(known);
    const sums: Known = { kind: "sums", rows: [[{ fromSlot: 1, toSlot: CHANGE_SLOT + 9 }]] };
    expect(within(sums, change)).toEqual(sums);
});
