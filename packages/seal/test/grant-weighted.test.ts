import { slotOfUnix, unwrap } from "@meterseal/core";
import { testBytes } from "@meterseal/testkit/keys";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
    GRANT_KIND,
    type GroupWeights,
    openWeighted,
    type TreeAddress,
    weighSealed,
    weightedBody,
} from "../src/index.ts";
import { sealBoundaries } from "../src/seal.ts";
import { codeOf, ladderOf } from "./fixtures.ts";
import { at, epochsOf, keysOf, termsOf } from "./grant-fixtures.ts";

const tariffHash = testBytes("tariff", 32);
const change = at("2026-03-10T08:00");
const march = termsOf();
const spans = [
    { sealEpoch: 0, fromUnix: march.fromUnix, toUnix: change },
    { sealEpoch: 1, fromUnix: change, toUnix: march.toUnix },
];
const terms = termsOf({ kind: GRANT_KIND.W, tariffHash, groups: [0, 1], spans });
const epochs = epochsOf(terms);
const ladder = ladderOf("Europe/Berlin");

/** Eight slots of each epoch, and their prices; weights cancel within an epoch. */
const prices = fc.array(fc.integer({ min: -1000, max: 100_000 }), { minLength: 16, maxLength: 16 });
const growth = fc.array(fc.nat(50_000), { minLength: 16, maxLength: 16 });

function addressesOf(place: number): TreeAddress[] {
    const first = slotOfUnix(spans[place]?.fromUnix ?? 0, 900) + 4;
    return Array.from({ length: 9 }, (_, i) => ladder.addressOf(first + i));
}

test("invariant 12: token and store's sum are the price of the energy, over a change of the epoch", async () => {
    await fc.assert(
        fc.asyncProperty(prices, growth, async (priceList, growthList) => {
            const weights = (place: number) => {
                const own = priceList.slice(8 * place, 8 * place + 8);
                return Array.from({ length: 9 }, (_, i) =>
                    BigInt((own[i - 1] ?? 0) - (own[i] ?? 0)),
                );
            };
            const byGroup = [0, 1].map(
                (group): GroupWeights => ({
                    group,
                    isCommitted: false,
                    epochs: [0, 1].map((place) => ({
                        sealEpoch: place,
                        terms: addressesOf(place).map((address, i) => ({
                            address,
                            weight: weights(place)[i] as bigint,
                        })),
                    })),
                }),
            );
            const body = unwrap(weightedBody(terms, epochs, byGroup));
            const keys = await keysOf(terms, body);
            if (keys.form !== "tokens") throw new Error("tokens");
            expect(keys.table.bridges).toEqual([]);

            let stored = 0n;
            let price = 0n;
            for (const place of [0, 1]) {
                let register = 7_000n * BigInt(place);
                const registers = [register, 0n];
                for (const [i, grown] of growthList.slice(8 * place, 8 * place + 8).entries()) {
                    register += BigInt(grown);
                    registers.push(register, 0n);
                    price += BigInt(grown) * BigInt(priceList[8 * place + i] ?? 0);
                }
                const addresses = addressesOf(place);
                const owner = epochs[place]?.owner as NonNullable<(typeof epochs)[0]>["owner"];
                const sealed = unwrap(sealBoundaries(owner, { addresses, registers }));
                const rows = addresses.map((_, i) => ({
                    sealed: sealed.slice(16 * i, 16 * i + 16),
                    weight: weights(place)[i] as bigint,
                }));
                stored += unwrap(weighSealed(rows))[0] as bigint;
            }
            expect(openWeighted(stored, keys.table.tokens[0]?.[0] ?? 0n)).toBe(price);
        }),
        { numRuns: 25 },
    );
});

test("weights that do not cancel, of another epoch, or of no group are refused", () => {
    const [address] = addressesOf(0) as [TreeAddress];
    const one = (group: number, sealEpoch: number): GroupWeights[] => [
        { group, isCommitted: false, epochs: [{ sealEpoch, terms: [{ address, weight: 1n }] }] },
        { group: 1, isCommitted: false, epochs: [] },
    ];
    expect(codeOf(weightedBody(terms, epochs, one(0, 0)))).toBe("MS_STREAM_RULE");
    expect(codeOf(weightedBody(terms, epochs, one(0, 7)))).toBe("MS_STREAM_RULE");
    expect(codeOf(weightedBody(terms, epochs, one(1, 0)))).toBe("MS_STREAM_RULE");
});
