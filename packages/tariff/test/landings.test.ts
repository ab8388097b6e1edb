import { slotOfUnix, unixOfSlot, unwrap } from "@meterseal/core";
import { FLAG } from "@meterseal/record";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pricedStretches, weigh } from "../src/index.ts";
import type { RecordedEpoch } from "../src/recorded.ts";

type Mark = { readonly slot: number; readonly flag?: number; readonly afterSeconds?: number };

/** Epochs with boundaries at these slots, or so many seconds behind. */
function epochsOf(...epochs: readonly (readonly Mark[])[]): RecordedEpoch[] {
    return epochs.map((marks, sealEpoch) => ({
        sealEpoch,
        boundaries: marks.map(({ afterSeconds = 0, flag = 0, slot }) => ({
            address: { level: 0, index: 0 },
            flag,
            sealed: new Uint8Array(8),
            commitments: [],
            record: { chainEpoch: 0, seq: 1, hash: new Uint8Array(32) },
            atUnix: unixOfSlot(slot, 900) + afterSeconds,
        })),
    }));
}

const flags = fc.constantFrom(0, FLAG.missing, FLAG.powerOff, FLAG.late, FLAG.estimated);
const marks = fc
    .uniqueArray(fc.record({ slot: fc.integer({ min: 0, max: 40 }), flag: flags }), {
        selector: ({ slot }) => slot,
        minLength: 1,
        maxLength: 30,
    })
    .map((list) => list.sort((a, b) => a.slot - b.slot));
const prices = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 30 });

test("the sums of all prices' stretches, at their prices, are the weighted sum", () => {
    fc.assert(
        fc.property(marks, fc.integer({ min: 0, max: 30 }), prices, (list, fromSlot, ofSlots) => {
            // A register that grows with each measured interval, and else stands still.
            let at = 0n;
            const registers = new Map<number, bigint>();
            for (const [i, { flag, slot }] of list.entries()) {
                if (i > 0 && flag !== FLAG.missing && flag !== FLAG.powerOff) {
                    at += BigInt(2 ** i);
                }
                registers.set(slot, at);
            }
            const register = (slot: number): bigint => registers.get(slot) as bigint;
            const period = { slotSeconds: 900, fromSlot, toSlot: fromSlot + ofSlots.length };
            const epochs = epochsOf(list);
            let weighted = 0n;
            for (const { boundary, weight } of unwrap(weigh(epochs, period, ofSlots))[0]?.terms ??
                []) {
                weighted += weight * register(slotOfUnix(boundary.atUnix, 900));
            }
            let sum = 0n;
            for (const row of pricedStretches(epochs, period, ofSlots)) {
                // A row's price is that of the slot in which its last stretch ends.
                const price = BigInt(ofSlots[(row.at(-1)?.toSlot ?? 0) - 1 - fromSlot] ?? 0);
                for (const { fromSlot: from, toSlot } of row) {
                    sum += price * (register(toSlot) - register(from));
                }
            }
            expect(sum).toBe(weighted);
        }),
    );
});

test("a price of eight slots of which one was measured is the price of that one", () => {
    const day = Array.from({ length: 97 }, (_, slot) => ({
        slot,
        flag: slot > 73 && slot <= 80 ? FLAG.missing : 0,
    }));
    const period = { slotSeconds: 900, fromSlot: 0, toSlot: 96 };
    const evening = Array.from({ length: 96 }, (_, slot) => (slot >= 72 && slot < 80 ? 2 : 1));
    expect(pricedStretches(epochsOf(day), period, evening)).toEqual([
        [
            { fromSlot: 0, toSlot: 72 },
            { fromSlot: 73, toSlot: 96 },
        ],
        [{ fromSlot: 72, toSlot: 73 }],
    ]);
});

test("what was not recorded begins before the period where it landed in it", () => {
    const period = { slotSeconds: 900, fromSlot: 10, toSlot: 14 };
    const gap = epochsOf([{ slot: 4 }, { slot: 12 }, { slot: 20 }]);
    expect(pricedStretches(gap, period, [1, 1, 1, 1])).toEqual([[{ fromSlot: 4, toSlot: 12 }]]);
});

test("the slot in which a device follows another one is counted once, and not across a gap", () => {
    const period = { slotSeconds: 900, fromSlot: 0, toSlot: 8 };
    const flat = new Array<number>(8).fill(1);
    const exchange = { slot: 3, afterSeconds: 400 };
    const follows = epochsOf(
        [{ slot: 0 }, { slot: 3 }, exchange],
        [exchange, { slot: 4 }, { slot: 8 }],
    );
    expect(pricedStretches(follows, period, flat)).toEqual([[{ fromSlot: 0, toSlot: 8 }]]);
    const later = epochsOf([{ slot: 0 }, { slot: 3 }], [{ slot: 5 }, { slot: 8 }]);
    expect(pricedStretches(later, period, flat)).toEqual([
        [
            { fromSlot: 0, toSlot: 3 },
            { fromSlot: 5, toSlot: 8 },
        ],
    ]);
});
