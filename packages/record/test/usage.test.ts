import { unwrap } from "@meterseal/core";
import { testBytes } from "@meterseal/testkit/keys";
import { usageBody } from "@meterseal/testkit/records";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCbor, encodeCbor } from "../src/cbor.ts";
import {
    channelCount,
    channelsOfGroup,
    decodeUsage,
    encodeUsage,
    type UsageBody,
} from "../src/usage.ts";
import { codeOf, whereOf } from "./raw.ts";

const ALL_GROUPS = Array.from({ length: 16 }, (_, group) => group);

/** Body with fields of its map set anew; undefined leaves a field out. */
function bodyWith(changes: readonly [number, unknown][], base: Partial<UsageBody> = {}): unknown {
    const map = encodeUsage(usageBody(base));
    for (const [key, value] of changes) {
        if (value === undefined) map.delete(key);
        else map.set(key, value);
    }
    return map;
}

function through(usage: UsageBody): UsageBody {
    return unwrap(decodeUsage(decodeCbor(encodeCbor(encodeUsage(usage)))));
}

describe("a usage body", () => {
    it("comes back as it was made, with everything in it", () => {
        const usage = usageBody({
            sealEpoch: 3,
            slotSeconds: 1800,
            count: 5,
            groups: [0, 1, 2, 15],
            hourPhaseSeconds: 1800,
            exceptions: [
                { offset: 1, level: 1 },
                { offset: 2, level: 0 },
                { offset: 3, level: 2, index: 4749 },
                { offset: 4, level: 3, index: 156 },
            ],
            flags: [
                { offset: 0, length: 2, flag: 1 },
                { offset: 2, length: 1, flag: 5 },
                { offset: 4, length: 1, flag: 2 },
            ],
            commitments: [new Uint8Array(5 * 32).fill(1), new Uint8Array(5 * 32).fill(2)],
            scale: -3,
            medium: 2,
        });
        expect(through(usage)).toEqual(usage);
    });

    it("comes back as it was made when it is open", () => {
        const registers = [0n, 1n, 1n << 53n, (1n << 63n) - 1n];
        const usage = usageBody({ values: { mode: "open", registers } });
        expect(through(usage)).toEqual(usage);
    });

    it("counts two channels for adjustments and one for every other group", () => {
        expect(ALL_GROUPS.map(channelsOfGroup)).toEqual([...Array(15).fill(1), 2]);
        expect(channelCount(ALL_GROUPS)).toBe(17);
        expect(through(usageBody({ groups: ALL_GROUPS })).values).toMatchObject({
            bytes: { length: 4 * 17 * 8 },
        });
    });

    it("takes the bounds themselves", () => {
        for (const usage of [
            usageBody({ count: 384 }),
            usageBody({ count: 1 }),
            usageBody({ sealEpoch: 0xffff_ffff }),
            usageBody({ slotSeconds: 1 }),
            usageBody({ slotSeconds: 3600 }),
            usageBody({ firstSlot: 0 }),
            usageBody({ firstSlot: 0xffff_ffff - 384 }),
            usageBody({ scale: -6 }),
            usageBody({ scale: 6 }),
            usageBody({ medium: 1 }),
            usageBody({ medium: 3 }),
            usageBody({ exceptions: [{ offset: 3, level: 3, index: 0xffff_ffff }] }),
            usageBody({ exceptions: [{ offset: 3, level: 0 }] }),
            usageBody({ hourPhaseSeconds: 900 }),
            usageBody({ flags: [{ offset: 0, length: 4, flag: 3 }] }),
        ]) {
            expect(through(usage)).toEqual(usage);
        }
    });

    it.each<[string, [number, unknown][], string, Partial<UsageBody>?]>([
        ["a short stream", [[0, new Uint8Array(15)]], "usage[0]"],
        ["a long stream", [[0, new Uint8Array(17)]], "usage[0]"],
        ["a negative seal epoch", [[1, -1]], "usage[1]"],
        ["a seal epoch of 2^32", [[1, 2 ** 32]], "usage[1]"],
        ["slots of 0 s", [[2, 0]], "usage[2]"],
        ["slots of 7 s", [[2, 7]], "usage[2]"],
        ["slots of 2 h", [[2, 7200]], "usage[2]"],
        ["a negative first slot", [[3, -1]], "usage[3]"],
        ["a first slot beyond the last", [[3, 0xffff_ffff - 383]], "usage[3]"],
        [
            "no boundaries",
            [
                [4, 0],
                [6, new Uint8Array(0)],
            ],
            "usage[4]",
        ],
        [
            "385 boundaries",
            [
                [4, 385],
                [6, new Uint8Array(385 * 8)],
            ],
            "usage[4]",
        ],
        ["a count as text", [[4, "4"]], "usage[4]"],
        [
            "no groups",
            [
                [5, []],
                [6, new Uint8Array(0)],
            ],
            "usage[5]",
        ],
        ["group 16", [[5, [16]]], "usage[5]"],
        ["group −1", [[5, [-1]]], "usage[5]"],
        [
            "a group twice",
            [
                [5, [0, 0]],
                [6, new Uint8Array(64)],
            ],
            "usage[5]",
        ],
        [
            "groups out of order",
            [
                [5, [1, 0]],
                [6, new Uint8Array(64)],
            ],
            "usage[5]",
        ],
        ["17 groups", [[5, [...ALL_GROUPS, 16]]], "usage[5]"],
        ["groups as a number", [[5, 0]], "usage[5]"],
        ["one byte too few", [[6, new Uint8Array(31)]], "usage[6]"],
        ["one byte too many", [[6, new Uint8Array(33)]], "usage[6]"],
        ["one channel of two for adjustments", [[5, [15]]], "usage[6]"],
        ["no values", [[6, undefined]], "usage[12]"],
        ["sealed and open values", [[12, [1, 2, 3, 4]]], "usage"],
        [
            "one register too few",
            [
                [6, undefined],
                [12, [1, 2, 3]],
            ],
            "usage[12]",
        ],
        [
            "one register too many",
            [
                [6, undefined],
                [12, [1, 2, 3, 4, 5]],
            ],
            "usage[12]",
        ],
        [
            "a negative register",
            [
                [6, undefined],
                [12, [1, 2, 3, -1]],
            ],
            "usage[12]",
        ],
        [
            "a register of 2^63",
            [
                [6, undefined],
                [12, [1, 2, 3, 1n << 63n]],
            ],
            "usage[12]",
        ],
        [
            "a register as text",
            [
                [6, undefined],
                [12, [1, 2, 3, "4"]],
            ],
            "usage[12]",
        ],
        ["exceptions that are empty", [[7, []]], "usage[7]"],
        [
            "more exceptions than boundaries",
            [[7, Array.from({ length: 5 }, (_, i) => [i, 1, i])]],
            "usage[7]",
        ],
        ["a slot that is one by default", [[7, [[0, 0]]]], "usage[7] level"],
        ["an hour that is one by default", [[7, [[3, 1]]]], "usage[7] level"],
        ["a slot with an index", [[7, [[3, 0, 455_908]]]], "usage[7]"],
        ["an hour with an index", [[7, [[0, 1, 376_944]]]], "usage[7]"],
        ["an address of level −1", [[7, [[0, -1, 5]]]], "usage[7] level"],
        ["an address of level 4", [[7, [[0, 4, 5]]]], "usage[7] level"],
        ["an address after the last boundary", [[7, [[4, 2, 5]]]], "usage[7] offset"],
        ["a negative address", [[7, [[-1, 2, 5]]]], "usage[7] offset"],
        [
            "two addresses of one boundary",
            [
                [
                    7,
                    [
                        [1, 3, 5],
                        [1, 2, 6],
                    ],
                ],
            ],
            "usage[7] offset",
        ],
        [
            "exceptions out of order",
            [
                [
                    7,
                    [
                        [2, 3, 6],
                        [1, 2, 5],
                    ],
                ],
            ],
            "usage[7] offset",
        ],
        ["a negative index", [[7, [[0, 2, -1]]]], "usage[7] index"],
        ["an index of 2^32", [[7, [[0, 2, 2 ** 32]]]], "usage[7] index"],
        ["a day without an index", [[7, [[0, 2]]]], "usage[7] index"],
        ["an address of four numbers", [[7, [[0, 2, 2, 3]]]], "usage[7]"],
        ["an address of one number", [[7, [[0]]]], "usage[7] level"],
        ["an address that is no array", [[7, [1]]], "usage[7]"],
        ["the default hour phase", [[13, 0]], "usage[13]"],
        ["an hour phase of an hour", [[13, 3600]], "usage[13]"],
        ["an hour phase of half a slot", [[13, 450]], "usage[13]"],
        [
            "an hour phase that is not that of its first hour",
            [
                [7, [[0, 1]]],
                [13, 1800],
            ],
            "usage[13]",
        ],
        ["no hour phase, although its first hour has one", [[7, [[0, 1]]]], "usage[13]"],
        [
            "an hour phase without an hour",
            [
                [7, [[1, 0]]],
                [13, 1800],
            ],
            "usage[13]",
        ],
        ["flags that are empty", [[8, []]], "usage[8]"],
        ["flag 0", [[8, [[0, 1, 0]]]], "usage[8] flag"],
        ["flag 6", [[8, [[0, 1, 6]]]], "usage[8] flag"],
        ["a flag run of length 0", [[8, [[0, 0, 1]]]], "usage[8] length"],
        ["a flag run beyond the end", [[8, [[1, 4, 1]]]], "usage[8] length"],
        ["a flag run after the end", [[8, [[4, 1, 1]]]], "usage[8] offset"],
        [
            "flag runs that overlap",
            [
                [
                    8,
                    [
                        [0, 2, 1],
                        [1, 1, 2],
                    ],
                ],
            ],
            "usage[8] offset",
        ],
        [
            "flag runs out of order",
            [
                [
                    8,
                    [
                        [2, 1, 1],
                        [0, 1, 1],
                    ],
                ],
            ],
            "usage[8] offset",
        ],
        [
            "more flag runs than boundaries",
            [[8, Array.from({ length: 5 }, () => [0, 1, 1])]],
            "usage[8]",
        ],
        ["a flag run of two numbers", [[8, [[0, 1]]]], "usage[8]"],
        ["commitments that are empty", [[9, []]], "usage[9]"],
        [
            "more commitments than groups",
            [[9, [new Uint8Array(128), new Uint8Array(128)]]],
            "usage[9]",
        ],
        ["a short commitment", [[9, [new Uint8Array(127)]]], "usage[9]"],
        ["a long commitment", [[9, [new Uint8Array(129)]]], "usage[9]"],
        ["commitments as bytes", [[9, new Uint8Array(128)]], "usage[9]"],
        ["a scale of −7", [[10, -7]], "usage[10]"],
        ["a scale of 7", [[10, 7]], "usage[10]"],
        ["medium 0, which is the default", [[11, 0]], "usage[11]"],
        ["medium 4", [[11, 4]], "usage[11]"],
        ["an unknown field", [[14, 0]], "usage"],
        ["an unknown text field", [["6" as unknown as number, 0]], "usage"],
        ...[0, 1, 2, 3, 4, 5].map((key): [string, [number, unknown][], string] => [
            `no field ${key}`,
            [[key, undefined]],
            `usage[${key}]`,
        ]),
    ])("with %s is refused", (_, changes, where, base) => {
        const decoded = decodeUsage(bodyWith(changes, base));
        expect([codeOf(decoded), whereOf(decoded)]).toEqual(["MS_MALFORMED", where]);
    });

    it("says 0 for the default scale in one way only", () => {
        expect(codeOf(decodeUsage(bodyWith([[10, 0]])))).toBe("MS_MALFORMED");
    });

    it("is refused when it is no map", () => {
        for (const value of [0, null, "x", [], {}, new Uint8Array(3), undefined, 1n]) {
            expect(codeOf(decodeUsage(value))).toBe("MS_MALFORMED");
        }
    });

    it("never throws on arbitrary maps", () => {
        const leaf = fc.oneof(
            fc.integer({ min: -2, max: 400 }),
            fc.uint8Array({ maxLength: 40 }),
            fc.string({ maxLength: 3 }),
            fc.bigInt({ min: -1n, max: 1n << 64n }),
            fc.array(
                fc.oneof(
                    fc.integer({ min: -1, max: 6 }),
                    fc.array(fc.integer({ min: -1, max: 6 })),
                ),
            ),
        );
        const field = fc.tuple(fc.integer({ min: -1, max: 13 }), leaf);
        fc.assert(
            fc.property(fc.array(field, { maxLength: 6 }), (changes) => {
                const decoded = decodeUsage(bodyWith(changes));
                expect(["ok", "MS_MALFORMED"]).toContain(codeOf(decoded));
                if (decoded.ok) expect(through(decoded.value)).toEqual(decoded.value);
            }),
            { seed: 4, numRuns: 2000 },
        );
    });

    it("comes back for any valid body", () => {
        const body = fc.record({
            stream: fc.uint8Array({ minLength: 16, maxLength: 16 }),
            sealEpoch: fc.integer({ min: 0, max: 0xffff_ffff }),
            slotSeconds: fc.constantFrom(1, 60, 300, 900, 1800, 3600),
            firstSlot: fc.integer({ min: 0, max: 2 ** 31 }),
            count: fc.integer({ min: 1, max: 384 }),
            groups: fc.subarray(ALL_GROUPS, { minLength: 1 }),
        });
        fc.assert(
            fc.property(body, (fields) => {
                const usage = usageBody({ ...fields, stream: testBytes("x", 16) });
                expect(through(usage)).toEqual(usage);
            }),
            { seed: 5, numRuns: 100 },
        );
    });
});
