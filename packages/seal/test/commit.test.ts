import { bytesEqual, unwrap } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blindOf, committedValue } from "../src/commit/commit.ts";
import {
    decodeElement,
    type ElementTerm,
    ORDER,
    pedersen,
    sumOfMultiples,
} from "../src/commit/group.ts";
import {
    commitBoundaries,
    falseCommitments,
    opensTo,
    openWeighted,
    sealBoundaries,
    weighBlinds,
    weighKeys,
    weighSealed,
} from "../src/index.ts";
import { addressesOf, MIXED, ownerOf, registersOf } from "./fixtures.ts";

const COUNT = 9;
const addresses = addressesOf("Europe/Berlin", 920_340, COUNT);
const owner = ownerOf({ groups: MIXED });
/** Import, export, plus and minus of the adjustments. */
const registers = registersOf(
    [5_000n, 70n, 8n, 3n],
    Array.from({ length: COUNT - 1 }, (_, i) => [BigInt(i * i), 2n, i === 3 ? 4n : 0n, 1n]),
);
const commitments = unwrap(commitBoundaries(owner, 3, { addresses, registers }));
const sealed = unwrap(sealBoundaries(owner, { addresses, registers }));
const weights = [-3n, 0n, 2n, 5n, -7n, 0n, 0n, 4n, -1n];
const terms = weights.map((weight, i) => ({
    weight,
    address: addresses[i] as (typeof addresses)[0],
}));
/** Σ v · R of a channel. */
const sumOf = (channel: number): bigint =>
    weights.reduce((sum, weight, i) => sum + weight * (registers[i * 4 + channel] as bigint), 0n);
const committedTerms = (group: number) =>
    weights.map((weight, i) => ({
        weight,
        commitment: (commitments[group] as Uint8Array).subarray(i * 32, i * 32 + 32),
    }));

describe("commitments", () => {
    it("open, boundary by boundary, to the shifted register and the blind of its leaf", () => {
        for (const [place, group] of owner.stream.groups.entries()) {
            for (const [i, address] of addresses.entries()) {
                const at = i * 4 + place;
                const pair = [registers[at] as bigint, registers[at + 1] ?? 0n] as const;
                const value = committedValue(owner, group, pair);
                const blind = unwrap(blindOf(owner, group, address));
                const expected = pedersen(value, blind).toBytes();
                const list = commitments[place] as Uint8Array;
                expect(bytesEqual(list.subarray(i * 32, i * 32 + 32), expected)).toBe(true);
            }
        }
    });

    it("that hide something else than what was sealed are found, boundary by boundary", () => {
        const find = (lists: readonly Uint8Array[]) =>
            unwrap(falseCommitments(owner, { addresses, sealed }, lists));
        expect(find(commitments)).toEqual([]);
        expect(find(commitments.slice(0, 1))).toEqual([]);
        const wrong = commitments.map((list) => list.slice());
        for (const [group, place] of [
            [2, 8],
            [0, 3],
            [1, 3],
        ] as const) {
            const bytes = wrong[group]?.subarray(place * 32, place * 32 + 32) as Uint8Array;
            bytes.set((commitments[group] as Uint8Array).subarray(0, 32));
        }
        expect(find(wrong)).toEqual([3, 8]);
        const short = falseCommitments(owner, { addresses, sealed }, [new Uint8Array(32)]);
        expect(short).toMatchObject({ error: { code: "MS_STREAM_RULE" } });
    });

    it("are refused for more groups than there are, or with a register missing", () => {
        for (const [committed, some] of [
            [4, registers],
            [1, registers.slice(1)],
        ] as const) {
            expect(
                commitBoundaries(owner, committed, { addresses, registers: some }),
            ).toMatchObject({ error: { code: "MS_STREAM_RULE" } });
        }
    });
});

describe("a weighted sum", () => {
    it("opens with its token and the store's sum, in every channel, and with nothing else", () => {
        const rows = weights.map((weight, i) => ({
            weight,
            sealed: sealed.subarray(i * 32, i * 32 + 32),
        }));
        const store = unwrap(weighSealed(rows));
        const channels = [0, 1, 15].flatMap((group) => [...unwrap(weighKeys(owner, group, terms))]);
        for (const [channel, keys] of channels.entries()) {
            expect(openWeighted(store[channel] as bigint, keys)).toBe(sumOf(channel));
            expect(openWeighted(store[channel] as bigint, keys + 1n)).not.toBe(sumOf(channel));
        }
    });

    it("is proven by amount and blind against the commitments, also for two channels", () => {
        const amounts = [sumOf(0), sumOf(1), sumOf(2) - sumOf(3)];
        for (const [place, { group }] of owner.stream.groups.entries()) {
            const blind = unwrap(weighBlinds(owner, group, terms));
            const amount = amounts[place] as bigint;
            const check = (a: bigint, z: bigint) => opensTo(committedTerms(place), a, z);
            expect(check(amount, blind)).toEqual({ ok: true, value: true });
            expect(check(amount + 1n, blind)).toEqual({ ok: true, value: false });
            expect(check(amount, (blind + 1n) % ORDER)).toEqual({ ok: true, value: false });
            expect(check(amount, ORDER)).toMatchObject({ error: { code: "MS_COMMITMENT" } });
        }
    });

    it("fails with a commitment swapped, omitted, of another group or no element at all", () => {
        const blind = unwrap(weighBlinds(owner, 0, terms));
        const right = committedTerms(0);
        const put = (i: number, commitment: Uint8Array) =>
            right.map((term, at) => (at === i ? { ...term, commitment } : term));
        const at = (i: number): Uint8Array => right[i]?.commitment as Uint8Array;
        for (const wrong of [
            put(2, at(3)),
            put(3, at(1)),
            right.toSpliced(4, 1),
            put(7, committedTerms(1)[7]?.commitment as Uint8Array),
        ]) {
            expect(opensTo(wrong, sumOf(0), blind)).toEqual({ ok: true, value: false });
        }
        expect(opensTo(put(2, new Uint8Array(32).fill(1)), sumOf(0), blind)).toMatchObject({
            error: { code: "MS_COMMITMENT", details: { where: "commitment 2" } },
        });
    });

    it("is refused with weights that do not cancel: it would open a shifted register", () => {
        const open = terms.toSpliced(0, 1);
        const expected = { error: { code: "MS_STREAM_RULE" } };
        expect(weighKeys(owner, 0, open)).toMatchObject(expected);
        expect(weighBlinds(owner, 0, open)).toMatchObject(expected);
        expect(weighKeys(owner, 7, terms)).toMatchObject(expected);
        expect(weighBlinds(owner, 7, terms)).toMatchObject(expected);
    });

    it("of rows of unequal length is refused", () => {
        const rows = [8, 16].map((length) => ({ weight: 1n, sealed: new Uint8Array(length) }));
        expect(weighSealed(rows)).toMatchObject({ error: { code: "MS_STREAM_RULE" } });
    });
});

describe("a sum of multiples", () => {
    it("is the sum of single multiplications, for weights of any sign and size", () => {
        const weight = fc.oneof(
            fc.constantFrom(0n, 1n, -1n, 2n ** 20n, -(2n ** 41n)),
            fc.bigInt(-(2n ** 41n), 2n ** 41n),
        );
        fc.assert(
            fc.property(fc.array(weight, { maxLength: 40 }), (list) => {
                const elements: ElementTerm[] = list.map((value, i) => ({
                    weight: value,
                    element: unwrap(decodeElement(pedersen(BigInt(i + 2), 9n).toBytes(), "")),
                }));
                const factor = list.reduce((sum, value, i) => sum + value * BigInt(i + 2), 0n);
                const blind = 9n * list.reduce((sum, value) => sum + value, 0n);
                expect(sumOfMultiples(elements).equals(pedersen(factor, blind))).toBe(true);
            }),
            { numRuns: 30 },
        );
    });
});
