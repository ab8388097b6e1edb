import { slotOfUnix, unixOfSlot, unwrap } from "@meterseal/core";
import { openWeighted, ownerKeys, weighKeys, weighSealed } from "@meterseal/seal";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tokenWeights, weigh } from "../src/index.ts";
import { groupPrices } from "../src/lines.ts";
import type { RecordedEpoch } from "../src/recorded.ts";
import { DAY_NIGHT, FLAT, Home, published } from "./home.ts";

const BOUNDARY = {
    address: { level: 0, index: 0 },
    flag: 0,
    sealed: new Uint8Array(8),
    commitments: [],
    record: { chainEpoch: 0, seq: 1, hash: new Uint8Array(32) },
} as const;

const slotOf = ({ atUnix }: { readonly atUnix: number }): number => slotOfUnix(atUnix, 900);

/** Epochs with boundaries at these slots. */
function epochsOf(...slots: readonly (readonly number[])[]): RecordedEpoch[] {
    return slots.map((list, sealEpoch) => ({
        sealEpoch,
        boundaries: list.map((slot) => ({ ...BOUNDARY, atUnix: unixOfSlot(slot, 900) })),
    }));
}

describe("weights", () => {
    const price = fc.integer({ min: -1000, max: 1000 });

    it("cancel in every seal epoch, and price what flowed, for any boundaries and prices", () => {
        fc.assert(
            fc.property(
                fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 30 }),
                fc.integer({ min: 0, max: 40 }),
                fc.integer({ min: 0, max: 30 }),
                fc.array(price, { minLength: 1, maxLength: 20 }),
                (slots, split, fromSlot, prices) => {
                    const sorted = slots.sort((a, b) => a - b);
                    const epochs = epochsOf(
                        sorted.filter((slot) => slot <= split),
                        sorted.filter((slot) => slot > split),
                    );
                    const toSlot = fromSlot + prices.length;
                    const period = { slotSeconds: 900, fromSlot, toSlot };
                    const register = (slot: number): bigint => BigInt(slot * slot);
                    let expected = 0n;
                    for (const { boundaries } of epochs) {
                        for (const [i, boundary] of boundaries.entries()) {
                            const before = boundaries[i - 1];
                            const slot = slotOf(boundary);
                            if (before === undefined || slot <= fromSlot || slot > toSlot) continue;
                            const weight = BigInt(prices[slot - 1 - fromSlot] ?? 0);
                            expected += weight * (register(slot) - register(slotOf(before)));
                        }
                    }
                    let sum = 0n;
                    for (const { terms } of unwrap(weigh(epochs, period, prices))) {
                        expect(terms.reduce((total, { weight }) => total + weight, 0n)).toBe(0n);
                        expect(terms.every(({ weight }) => weight !== 0n)).toBe(true);
                        for (const { boundary, weight } of terms) {
                            sum += weight * register(slotOf(boundary));
                        }
                    }
                    expect(sum).toBe(expected);
                },
            ),
        );
    });

    it("of a token that is made before the data are those of records without a gap", () => {
        const tariff = published({ ...DAY_NIGHT, export: { price: "0.08" } });
        const period = { slotSeconds: 900, fromSlot: 920_340, toSlot: 920_340 + 192 };
        const made = unwrap(tokenWeights({ tariff, period }, [0, 1, 2, 15], false));
        expect(made.map(({ group }) => group)).toEqual([0, 1, 15]);
        const slots = Array.from({ length: 193 }, (_, i) => period.fromSlot + i);
        for (const { group, weights } of made) {
            const prices = unwrap(groupPrices(tariff, [group], period))[0]?.pricesMicro ?? [];
            const [epoch] = unwrap(weigh(epochsOf(slots), period, prices));
            const recorded = slots.map(
                (slot) =>
                    epoch?.terms.find(({ boundary }) => slotOf(boundary) === slot)?.weight ?? 0n,
            );
            expect(weights).toEqual(recorded);
            expect(weights.reduce((sum, weight) => sum + weight, 0n)).toBe(0n);
        }
        expect(made[0]?.weights).toEqual(made[2]?.weights);
        expect(made[1]?.weights[0]).toBe(80_000n);
    });

    it("of a token follow the same rules as a bill", () => {
        const period = { slotSeconds: 900, fromSlot: 920_340, toSlot: 920_340 + 95 };
        const short = { ...period, toSlot: period.fromSlot + 8 };
        const tariff = published(FLAT);
        expect(tokenWeights({ tariff, period }, [0], false).ok).toBe(true);
        expect(tokenWeights({ tariff, period: short }, [0], false)).toMatchObject({
            error: { code: "MS_TARIFF" },
        });
    });

    it("of a market are exempt by direction: what is not its series keeps the rules", () => {
        const period = { slotSeconds: 900, fromSlot: 920_340, toSlot: 920_340 + 96 };
        const prices = Array.from({ length: 48 }, (_, i) => `${i / 100}`);
        const start = new Date(unixOfSlot(period.fromSlot, 900) * 1000).toISOString().slice(0, 16);
        const series = published({ import: { start: `${start}Z`, minutes: "60", prices } });
        const index = { index: Buffer.from(series.hash).toString("hex") };
        const times = [{ band: "b", from: "05:00", to: "05:15" }];
        const odd = { bands: { a: "0.08", b: "0.09" }, times };
        for (const [imports, exports, isAllowed] of [
            [index, index, true],
            [index, { price: "0.08" }, true],
            [index, odd, false],
            [odd, index, false],
        ] as const) {
            const tariff = published({ import: imports, export: exports, name: "of" }, series);
            expect(tokenWeights({ tariff, period }, [0, 1], true).ok).toBe(isAllowed);
            expect(tokenWeights({ tariff, period }, [0, 1], false).ok).toBe(false);
        }
    });
});

describe("the token of a tariff-weighted sum (invariant 12)", () => {
    it("and the store's sum over sealed registers open the bill, over any tariff", async () => {
        const home = await Home.open({ groups: [0, 1], committed: 0 });
        const from = home.slot("2026-03-28T00:00:00+01:00");
        const to = home.slot("2026-03-30T00:00:00+02:00");
        const flow = (slot: number): bigint => BigInt((slot * 31) % 97);
        let register = 10n;
        const registers = new Map<number, bigint>();
        for (let slot = from; slot <= to; slot++) {
            registers.set(slot, register);
            register += flow(slot);
        }
        await home.seal(from, to, (slot) => [registers.get(slot) as bigint, 0n]);
        const period = { slotSeconds: 900, fromSlot: from, toSlot: to };
        const { epochs } = home.basis(published({ import: { price: "1" } }), period).recorded;
        const keys = unwrap(ownerKeys(home.master, home.stream()));
        fc.assert(
            fc.property(
                fc.array(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), {
                    minLength: to - from,
                    maxLength: to - from,
                }),
                (prices) => {
                    const terms = unwrap(weigh(epochs, period, prices))[0]?.terms ?? [];
                    const rows = terms.map(({ boundary, weight }) => ({
                        sealed: boundary.sealed,
                        weight,
                    }));
                    const addressed = terms.map(({ boundary, weight }) => ({
                        address: boundary.address,
                        weight,
                    }));
                    const [store = 0n] = unwrap(weighSealed(rows));
                    const [token = 0n] = unwrap(weighKeys(keys, 0, addressed));
                    const bill = prices.reduce(
                        (sum, price, i) => sum + BigInt(price) * flow(from + i),
                        0n,
                    );
                    expect(openWeighted(store, token)).toBe(bill);
                },
            ),
            { numRuns: 20 },
        );
    });
});
