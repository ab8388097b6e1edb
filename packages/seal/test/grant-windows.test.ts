import { LIMITS, slotOfUnix, unwrap } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
    type BridgeEnds,
    differenceOf,
    encodeTokenBody,
    GRANT_KIND,
    type GrantKeys,
    type GrantSource,
    type GrantTerms,
    type KeySource,
    type OwnerKeys,
    openDifference,
    parseGrantBody,
    type TreeAddress,
    type Window,
} from "../src/index.ts";
import { sealBoundaries } from "../src/seal.ts";
import { codeOf, IMPORT_EXPORT, ladderOf, ownerOf } from "./fixtures.ts";
import { at, bodyOf, keysOf, sourceOf, termsOf } from "./grant-fixtures.ts";

const ladder = ladderOf("Europe/Berlin");
const addressAt = (unix: number): TreeAddress => ladder.addressOf(slotOfUnix(unix, 900));

/** Civil Mondays at midnight, from one to another. */
function mondays(first: string, count: number): number[] {
    const start = at(first);
    return Array.from({ length: count }, (_, i) => {
        const day = new Date((start + 12 * 3600 + i * 7 * 86_400) * 1000);
        return at(day.toISOString().slice(0, 10));
    });
}

function windowsBetween(edges: readonly number[]): Window[] {
    return edges.slice(1).map((toUnix, i) => ({ fromUnix: edges[i] as number, toUnix }));
}

/** A register of import and export that grows by what its instant says. */
function registersAt(unix: number, base: bigint): bigint[] {
    return [base + BigInt(unix) / 60n, base + BigInt(unix) / 900n];
}

function sealedAt(owner: OwnerKeys, address: TreeAddress, registers: bigint[]): Uint8Array {
    return unwrap(sealBoundaries(owner, { addresses: [address], registers }));
}

const tokensOf = (keys: GrantKeys) => {
    if (keys.form !== "tokens") throw new Error("a grant of tokens");
    return keys.table;
};

describe("E: keys of listed boundaries", () => {
    const edges = mondays("2026-01-05", 53);
    const terms = termsOf({
        kind: GRANT_KIND.E,
        window: "week",
        fromUnix: edges[0] as number,
        toUnix: edges.at(-1) as number,
        groups: [0, 1],
    });

    test("a year of weeks opens at its Mondays, over both changes of the clock, and at no other day", async () => {
        const source = await sourceOf(terms, bodyOf(terms, windowsBetween(edges)));
        const owner = ownerOf();
        for (const group of [0, 1]) {
            for (const unix of edges) {
                const { index, level } = addressAt(unix);
                const mine = unwrap(source.keysOf(group, level, [index])).slice(0, 8);
                expect(mine).toEqual(unwrap(owner.keysOf(group, level, [index])).slice(0, 8));
            }
        }
        const marked = new Set(edges);
        for (let unix = terms.fromUnix; unix < terms.toUnix; unix += 900) {
            if (marked.has(unix)) continue;
            const { index, level } = addressAt(unix);
            expect(codeOf(source.keysOf(0, level, [index]))).toBe("MS_GRANT_RANGE");
        }
        expect(codeOf(source.keysOf(15, 2, [9587]))).toBe("MS_NOT_ALLOWED");
        expect(codeOf(source.keysOf(0, 4, [0]))).toBe("MS_GRANT_RANGE");
    });

    test("costs 9 bytes a boundary of one register", () => {
        const body = bodyOf({ ...terms, groups: [0] }, windowsBetween(edges));
        expect(body.length).toBeLessThan(53 * 9 + 40);
    });

    test("half hours of a stream of quarter-hours: every second boundary", async () => {
        const [fromUnix, toUnix] = [at("2026-03-29"), at("2026-03-30")];
        const half = Array.from({ length: 47 }, (_, i) => fromUnix + i * 1800);
        expect(half.at(-1)).toBe(toUnix);
        const halfHours = { ...terms, window: "half-hour" as const, fromUnix, toUnix };
        const spans = [{ sealEpoch: 0, fromUnix, toUnix }];
        const own: GrantTerms = { ...halfHours, spans };
        const source = await sourceOf(own, bodyOf(own, windowsBetween(half)));
        for (let unix = fromUnix; unix <= toUnix; unix += 900) {
            const { index, level } = addressAt(unix);
            const code = (unix - fromUnix) % 1800 === 0 ? "ok" : "MS_GRANT_RANGE";
            expect(codeOf(source.keysOf(0, level, [index]))).toBe(code);
        }
    });
});

describe("D: numbers of single windows", () => {
    test("open exactly their window; any windows, registers and groups", async () => {
        const start = at("2026-03-01");
        const window = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 200 }));
        await fc.assert(
            fc.asyncProperty(fc.array(window, { minLength: 1, maxLength: 8 }), async (list) => {
                let end = start;
                const windows = list.map(([gap, length]) => {
                    const fromUnix = end + gap * 900;
                    end = fromUnix + length * 900;
                    return { fromUnix, toUnix: end };
                });
                const terms = termsOf({
                    kind: GRANT_KIND.D,
                    window: "total",
                    groups: [1, 15],
                    streamGroups: [0, 1, 15],
                });
                const table = tokensOf(await keysOf(terms, bodyOf(terms, windows)));
                expect(table.windows).toEqual(windows);
                const owner = ownerOf({ groups: [...IMPORT_EXPORT, { group: 15, channels: 2 }] });
                for (const [w, { fromUnix, toUnix }] of windows.entries()) {
                    const seal = (unix: number) => {
                        const registers = [...registersAt(unix, 10n), ...registersAt(unix, 20n)];
                        return sealedAt(owner, addressAt(unix), registers);
                    };
                    const sealed = unwrap(differenceOf(seal(fromUnix), seal(toUnix)));
                    const [first, second] = [registersAt(fromUnix, 0n), registersAt(toUnix, 0n)];
                    const grown = second.map((register, i) => register - (first[i] as bigint));
                    const [exported, plusMinus] = table.tokens as [BigUint64Array, BigUint64Array];
                    const open = (i: number, token: bigint | undefined) =>
                        BigInt.asUintN(64, (sealed[i] as bigint) + (token ?? 0n));
                    expect(open(1, exported[w])).toBe(grown[1]);
                    expect(open(2, plusMinus[2 * w])).toBe(grown[0]);
                    expect(open(3, plusMinus[2 * w + 1])).toBe(grown[1]);
                }
            }),
            { numRuns: 15 },
        );
    });

    test("windows outside of the range, overlapping or of no length are refused", async () => {
        const terms = termsOf({ kind: GRANT_KIND.D, window: "day" });
        const day = { fromUnix: at("2026-03-10"), toUnix: at("2026-03-11") };
        const early = { fromUnix: terms.fromUnix - 86_400, toUnix: terms.fromUnix };
        const body = bodyOf(terms, [day]);
        expect((await keysOf(terms, body)).form).toBe("tokens");
        const tokens = [new BigUint64Array(2)];
        for (const windows of [
            [early, day],
            [day, day],
            [day, { ...day, toUnix: day.fromUnix }],
        ]) {
            const wrong = encodeTokenBody({ windows, tokens, bridges: [] }, 900);
            await expect(keysOf(terms, wrong)).rejects.toThrow("MS_MALFORMED");
        }
    });
});

describe("limits of a body", () => {
    const [fromUnix, toUnix] = [at("2026-01-01"), at("2026-12-01")];
    const range = { fromUnix, toUnix, spans: [{ sealEpoch: 0, fromUnix, toUnix }] };
    const quarters = (count: number) => {
        return windowsBetween(Array.from({ length: count + 1 }, (_, i) => fromUnix + i * 900));
    };
    const codeOfBody = (terms: GrantTerms, windows: Window[]): string => {
        return codeOf(parseGrantBody(terms, bodyOf(terms, windows)));
    };

    test("windows", () => {
        const terms = termsOf({ ...range, kind: GRANT_KIND.D, window: "slot" });
        expect(codeOfBody(terms, quarters(LIMITS.grantWindows))).toBe("ok");
        expect(codeOfBody(terms, quarters(LIMITS.grantWindows + 1))).toBe("MS_MALFORMED");
    });

    test("listed boundaries", () => {
        const terms = termsOf({ ...range, kind: GRANT_KIND.E, window: "slot", slotSeconds: 900 });
        const odd = (count: number) => {
            const slots = Array.from({ length: count }, (_, i) => {
                return fromUnix + Math.floor(i / 3) * 3600 + ((i % 3) + 1) * 900;
            });
            return slots.map((unix) => ({ fromUnix: unix, toUnix: unix }));
        };
        expect(codeOfBody(terms, odd(LIMITS.grantBoundaries))).toBe("ok");
        expect(codeOfBody(terms, odd(LIMITS.grantBoundaries + 1))).toBe("MS_MALFORMED");
    });
});

describe("over a change of the seal epoch", () => {
    const changeUnix = at("2026-03-12T10:07");
    const before = ownerOf({ sealEpoch: 0 });
    const after = ownerOf({ sealEpoch: 1 });
    const march = termsOf();
    const spans = [
        { sealEpoch: 0, fromUnix: march.fromUnix, toUnix: changeUnix },
        { sealEpoch: 1, fromUnix: changeUnix, toUnix: march.toUnix },
    ];
    const signed: BridgeEnds = {
        close: { sealEpoch: 0, level: 4, index: 3 },
        open: { sealEpoch: 1, level: 4, index: 0 },
    };
    const stated: BridgeEnds = { ...signed, close: { sealEpoch: 1, level: 4, index: 1 } };
    /** The old device counted from 5,000, the new one begins near 7. */
    const oldAt = (unix: number) => registersAt(unix - march.fromUnix, 5_000n);
    const newAt = (unix: number) => registersAt(unix - changeUnix, 7n);
    const [from, to] = [at("2026-03-02"), at("2026-03-20")];
    const truth = [0, 1].map((i) => {
        const old = (oldAt(changeUnix)[i] as bigint) - (oldAt(from)[i] as bigint);
        return old + (newAt(to)[i] as bigint) - (newAt(changeUnix)[i] as bigint);
    });

    /** What the store computes without keys: the differences in both epochs together. */
    function storeSum(ends: BridgeEnds): bigint[] {
        const closer = ends.close.sealEpoch === 0 ? before : after;
        const opening = sealedAt(after, ends.open, newAt(changeUnix));
        const closing = sealedAt(closer, ends.close, oldAt(changeUnix));
        const old = unwrap(differenceOf(sealedAt(before, addressAt(from), oldAt(from)), closing));
        const young = unwrap(differenceOf(opening, sealedAt(after, addressAt(to), newAt(to))));
        return [0, 1].map((i) => (old[i] as bigint) + (young[i] as bigint));
    }

    const keyOf = (source: KeySource, group: number, unix: number): bigint => {
        const { index, level } = addressAt(unix);
        const block = unwrap(source.keysOf(group, level, [index]));
        return new DataView(block.buffer, block.byteOffset).getBigUint64(0);
    };

    test.each([
        ["a closing record", signed],
        ["registers that were stated", stated],
    ])("%s: a K grant sums over it, exactly", async (_, ends) => {
        const terms = termsOf({ spans, groups: [0, 1], level: 2 });
        const keys = await keysOf(terms, bodyOf(terms, [], [undefined, ends]));
        if (keys.form !== "keys") throw new Error("a grant of keys");
        const [old, young] = keys.spans as [GrantSource, GrantSource];
        expect(young.bridge).toMatchObject(ends);
        const sums = storeSum(ends);
        for (const group of [0, 1]) {
            const opened =
                (sums[group] as bigint) +
                (young.bridge?.tokens[group] as bigint) +
                keyOf(young.keys, group, to) -
                keyOf(old.keys, group, from);
            expect(BigInt.asUintN(64, opened)).toBe(truth[group]);
        }
        expect(codeOf(old.keys.keysOf(0, 4, [3]))).toBe("MS_GRANT_LEVEL");
        expect(codeOf(old.keys.keysOf(0, 2, [addressAt(to).index]))).toBe("MS_GRANT_RANGE");
        expect(codeOf(young.keys.keysOf(0, 2, [addressAt(from).index]))).toBe("MS_GRANT_RANGE");
    });

    test.each([
        ["a closing record", signed],
        ["registers that were stated", stated],
    ])(
        "%s: a bridge token opens no register at the change and no sum up to it",
        async (_, ends) => {
            const terms = termsOf({ spans, level: 2 });
            const keys = await keysOf(terms, bodyOf(terms, [], [undefined, ends]));
            if (keys.form !== "keys") throw new Error("a grant of keys");
            const token = keys.spans[1]?.bridge?.tokens[0] as bigint;
            const closer = ends.close.sealEpoch === 0 ? before : after;
            const closing = sealedAt(closer, ends.close, oldAt(changeUnix));
            const untilChange = unwrap(
                differenceOf(sealedAt(before, addressAt(from), oldAt(from)), closing),
            )[0] as bigint;
            const key = keyOf(keys.spans[0]?.keys as KeySource, 0, from);
            const guesses = [0n, token, -token].map((t) =>
                BigInt.asUintN(64, untilChange + t - key),
            );
            const isSmall = guesses.some((guess) => guess < 2n ** 40n);
            expect(isSmall).toBe(false);
        },
    );

    test("a D window over it opens with one number, E boundaries lie in their epochs", async () => {
        const windows = [{ fromUnix: from, toUnix: to }];
        const one = termsOf({ kind: GRANT_KIND.D, window: "total", spans, groups: [0, 1] });
        const table = tokensOf(await keysOf(one, bodyOf(one, windows, [undefined, signed])));
        expect(table.bridges).toEqual([signed]);
        storeSum(signed).forEach((sum, group) => {
            const opened = BigInt.asUintN(64, sum + (table.tokens[group]?.[0] as bigint));
            expect(opened).toBe(truth[group]);
        });
        const listed = termsOf({ kind: GRANT_KIND.E, window: "total", spans });
        const keys = await keysOf(listed, bodyOf(listed, windows, [undefined, stated]));
        if (keys.form !== "keys") throw new Error("a grant of keys");
        const [old, young] = keys.spans.map((span) => span.keys);
        expect(keyOf(old as KeySource, 0, from)).toBe(keyOf(before, 0, from));
        expect(keyOf(young as KeySource, 0, to)).toBe(keyOf(after, 0, to));
        expect(codeOf((young as KeySource).keysOf(0, 2, [addressAt(from).index]))).toBe(
            "MS_GRANT_RANGE",
        );
    });

    test("a K grant of months over a change in the last month has no keys of the new epoch", async () => {
        const fromUnix = at("2026-01-01");
        const toUnix = at("2026-03-15");
        const late = [
            { sealEpoch: 0, fromUnix, toUnix: changeUnix },
            { sealEpoch: 1, fromUnix: changeUnix, toUnix },
        ];
        const terms = termsOf({ fromUnix, toUnix, spans: late, level: 3 });
        const keys = await keysOf(terms, bodyOf(terms, [], [undefined, signed]));
        if (keys.form !== "keys") throw new Error("a grant of keys");
        const [old, young] = keys.spans as [GrantSource, GrantSource];
        const march1 = addressAt(at("2026-03-01"));
        expect(codeOf(old.keys.keysOf(0, march1.level, [march1.index]))).toBe("ok");
        expect(codeOf(young.keys.keysOf(0, march1.level, [march1.index]))).toBe("MS_GRANT_RANGE");
    });

    test("an E grant holds the keys of both devices where they change on a boundary", async () => {
        const middle = at("2026-03-12T10:00");
        const exact = [
            { sealEpoch: 0, fromUnix: march.fromUnix, toUnix: middle },
            { sealEpoch: 1, fromUnix: middle, toUnix: march.toUnix },
        ];
        const windows = windowsBetween([march.fromUnix, middle, march.toUnix]);
        const terms = termsOf({ kind: GRANT_KIND.E, window: "total", spans: exact });
        const keys = await keysOf(terms, bodyOf(terms, windows, [undefined, signed]));
        if (keys.form !== "keys") throw new Error("a grant of keys");
        const [old, young] = keys.spans as [GrantSource, GrantSource];
        expect(keyOf(old.keys, 0, middle)).toBe(keyOf(before, 0, middle));
        expect(keyOf(young.keys, 0, middle)).toBe(keyOf(after, 0, middle));
    });

    test("without registers at the change nothing is granted over it", () => {
        expect(() => bodyOf(termsOf({ spans }))).toThrow("MS_STREAM_RULE");
    });

    test("a bridge between other epochs is refused", async () => {
        const terms = termsOf({ spans });
        const wrong: BridgeEnds = { ...signed, open: { sealEpoch: 2, level: 4, index: 0 } };
        const body = bodyOf(terms, [], [undefined, wrong]);
        await expect(keysOf(terms, body)).rejects.toThrow("MS_MALFORMED");
    });

    test("a window of one epoch opens with openDifference as before", async () => {
        const terms = termsOf({ level: 2, groups: [0, 1] });
        const source = await sourceOf(terms);
        const [a, b] = [
            sealedAt(before, addressAt(from), oldAt(from)),
            sealedAt(before, addressAt(to), oldAt(to)),
        ];
        const difference = unwrap(differenceOf(a, b));
        const opened = unwrap(
            openDifference(source, 1, addressAt(from), addressAt(to), difference),
        );
        expect(opened[0]).toBe((oldAt(to)[1] as bigint) - (oldAt(from)[1] as bigint));
    });
});
