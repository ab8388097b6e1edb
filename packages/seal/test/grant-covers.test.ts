import { slotOfUnix, toHex, unwrap } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GRANT_KIND, type KeySource, type Tree, type TreeAddress } from "../src/index.ts";
import { codeOf, ladderOf, ownerOf } from "./fixtures.ts";
import { at, bodyOf, grantBytes, sourceOf, termsOf } from "./grant-fixtures.ts";

const SLOT_LENGTHS = [1, 30, 60, 300, 900, 1800, 3600];

/** Months with an offset change, ordinary months, and zones off by half and quarter hours. */
const MONTHS: [zone: string, from: string, to: string][] = [
    ["Europe/Berlin", "2026-03-01", "2026-04-01"],
    ["Europe/Berlin", "2026-10-01", "2026-11-01"],
    ["Europe/London", "2013-03-01", "2013-04-01"],
    ["America/St_Johns", "2011-03-01", "2011-04-01"],
    ["America/St_Johns", "2011-11-01", "2011-12-01"],
    ["Asia/Kolkata", "2026-02-01", "2026-03-01"],
    ["Asia/Kathmandu", "2026-02-01", "2026-03-01"],
    ["Australia/Lord_Howe", "2026-04-01", "2026-05-01"],
    ["Australia/Lord_Howe", "2026-10-01", "2026-11-01"],
    ["Pacific/Chatham", "2026-09-01", "2026-10-01"],
    ["America/Santiago", "2026-09-01", "2026-10-01"],
    ["Africa/Cairo", "2026-04-01", "2026-05-01"],
];

function addressesIn(zone: string, slotSeconds: number, fromUnix: number, toUnix: number) {
    const ladder = ladderOf(zone, slotSeconds);
    const list: TreeAddress[] = [];
    const last = slotOfUnix(toUnix, slotSeconds);
    for (let slot = slotOfUnix(fromUnix, slotSeconds); slot <= last; slot++) {
        list.push(ladder.addressOf(slot));
    }
    return list;
}

const opens = (source: KeySource, { index, level }: TreeAddress, group = 0): string => {
    return codeOf(source.keysOf(group, level, [index]));
};

describe.each(MONTHS)("%s from %s", (zone, from, to) => {
    test.each([0, 1, 2, 3])(
        "invariants 3 and 4: level %i opens as the owner does, finer not, beside not",
        async (level) => {
            const [fromUnix, toUnix] = [at(from, zone), at(to, zone)];
            const source = await sourceOf(termsOf({ zone, fromUnix, toUnix, level }));
            const inside = addressesIn(zone, 900, fromUnix, toUnix);
            const owner = ownerOf();
            for (const tree of [0, 1, 2, 3] as const) {
                const leaves = inside.filter((address) => address.level === tree);
                const indices = leaves.map(({ index }) => index);
                if (tree >= level) {
                    const mine = unwrap(source.keysOf(0, tree, indices));
                    expect(toHex(mine)).toBe(toHex(unwrap(owner.keysOf(0, tree, indices))));
                } else {
                    for (const leaf of leaves) expect(opens(source, leaf)).toBe("MS_GRANT_LEVEL");
                }
            }
            const day = 86_400;
            const before = addressesIn(zone, 900, fromUnix - 2 * day, fromUnix - 900);
            const after = addressesIn(zone, 900, toUnix + 900, toUnix + 2 * day);
            for (const outside of [...before, ...after]) {
                const code = outside.level < level ? "MS_GRANT_LEVEL" : "MS_GRANT_RANGE";
                expect(opens(source, outside)).toBe(code);
            }
            for (const index of [0, 1, 2 ** 24 - 1]) {
                expect(opens(source, { level: 4, index })).toBe("MS_GRANT_LEVEL");
            }
            expect(opens(source, { level: 3, index: 314 }, 1)).toBe("MS_NOT_ALLOWED");
        },
    );
});

test("invariant 3 at any two boundaries: all between open, the next on both sides do not", async () => {
    const zones = ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"];
    await fc.assert(
        fc.asyncProperty(
            fc.constantFrom(...zones),
            fc.constantFrom(300, 900),
            fc.nat(40 * 24),
            fc.integer({ min: 1, max: 70 }),
            fc.constantFrom(0, 1, 2, 3),
            async (zone, slotSeconds, hours, length, level) => {
                const fromUnix = at("2026-03-15", zone) + hours * 3600;
                const toUnix = fromUnix + length * 3600;
                const inside = addressesIn(zone, slotSeconds, fromUnix, toUnix);
                if (!inside.some((address) => address.level >= level)) return;
                const source = await sourceOf(
                    termsOf({ zone, slotSeconds, fromUnix, toUnix, level }),
                );
                for (const address of inside) {
                    const code = address.level < level ? "MS_GRANT_LEVEL" : "ok";
                    expect(opens(source, address)).toBe(code);
                }
                const around = [
                    ...addressesIn(zone, slotSeconds, fromUnix - 86_400, fromUnix - slotSeconds),
                    ...addressesIn(zone, slotSeconds, toUnix + slotSeconds, toUnix + 86_400),
                ];
                for (const address of around) expect(opens(source, address)).not.toBe("ok");
            },
        ),
        { numRuns: 40 },
    );
});

test.each(SLOT_LENGTHS)("slots of %i s: every level of a day in spring", async (slotSeconds) => {
    const zone = "Europe/Berlin";
    const [fromUnix, toUnix] = [at("2026-03-29"), at("2026-03-30")];
    const owner = ownerOf({ slotSeconds });
    for (const level of [0, 1, 2]) {
        const terms = termsOf({ slotSeconds, fromUnix, toUnix, level });
        const source = await sourceOf(terms);
        const inside = addressesIn(zone, slotSeconds, fromUnix, toUnix);
        expect(inside.length).toBe((23 * 3600) / slotSeconds + 1);
        for (const tree of [0, 1, 2, 3] as const) {
            const own = inside.filter((address) => address.level === tree);
            const indices = own.map(({ index }) => index);
            const keys = source.keysOf(0, tree, indices);
            if (own.length === 0 || tree < level) continue;
            expect(toHex(unwrap(keys))).toBe(toHex(unwrap(owner.keysOf(0, tree, indices))));
        }
        const finer = inside.find((address) => address.level < level);
        if (finer !== undefined) expect(opens(source, finer)).toBe("MS_GRANT_LEVEL");
    }
});

describe("invariant 5: sizes of a body (privacy note 3.5)", () => {
    const year = { fromUnix: at("2026-01-01"), toUnix: at("2027-01-01") };
    const years = Array.from({ length: 21 }, (_, i) => 2015 + i);

    /** What trees, ranges and lists add to the seeds. */
    const HEAD_BYTES = 36;

    test.each([
        [0, 39, 671],
        [1, 24, 416],
        [2, 11, 195],
        [3, 3, 59],
    ])(
        "a year at level %i: half of all years need %i nodes and %i bytes or fewer",
        (level, nodes, bytes) => {
            const sizes = years.map((first) => {
                const range = { fromUnix: at(`${first}-01-01`), toUnix: at(`${first + 1}-01-01`) };
                return bodyOf(termsOf({ ...range, level })).length;
            });
            const median = sizes.sort((a, b) => a - b)[10] as number;
            expect(median).toBeLessThanOrEqual(Math.max(bytes, 16 * nodes + HEAD_BYTES));
            expect(Math.floor(median / 16)).toBeLessThanOrEqual(nodes + 2);
        },
    );

    test("a message around it adds what its terms and the signature need", async () => {
        const body = bodyOf(termsOf(year));
        const bytes = await grantBytes(termsOf(year));
        expect(bytes.length - body.length).toBeLessThan(520);
    });
});

test("a range without a boundary of the level is refused", () => {
    const noon = at("2026-03-10T12:00");
    const short = termsOf({ fromUnix: noon, toUnix: noon + 3600, level: 2 });
    expect(() => bodyOf(short)).toThrow("MS_STREAM_RULE");
});

test("both registers of a group of two open, and no other group", async () => {
    const terms = termsOf({ streamGroups: [0, 15], groups: [15] });
    const source = await sourceOf(terms);
    const owner = ownerOf({
        groups: [
            { group: 0, channels: 1 },
            { group: 15, channels: 2 },
        ],
    });
    const address = ladderOf("Europe/Berlin").addressOf(slotOfUnix(at("2026-03-10T12:15"), 900));
    const indices = [address.index];
    const mine = unwrap(source.keysOf(15, address.level as Tree, indices));
    expect(toHex(mine)).toBe(toHex(unwrap(owner.keysOf(15, address.level, indices))));
    expect(opens(source, address)).toBe("MS_NOT_ALLOWED");
    expect(terms.kind).toBe(GRANT_KIND.K);
});
