import { unwrap } from "@meterseal/core";
import type { BoundaryAddress, FlagRun } from "@meterseal/record";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
    compactAddresses,
    encodeFlags,
    expandAddresses,
    expandFlags,
    type Flag,
} from "../src/index.ts";
import { addressesOf, codeOf } from "./fixtures.ts";

describe("flags", () => {
    const anyFlag = fc.constantFrom<Flag>(0, 0, 0, 1, 2, 3, 4, 5);

    test("runs expand to the flags they were made of", () => {
        fc.assert(
            fc.property(fc.array(anyFlag, { maxLength: 384 }), (flags) => {
                const runs = encodeFlags(flags);
                expect(unwrap(expandFlags(runs, flags.length))).toEqual(flags);
                expect(encodeFlags(unwrap(expandFlags(runs, flags.length)))).toEqual(runs);
            }),
        );
    });

    test("a run holds neighbours of one flag, nothing holds the rest", () => {
        expect(encodeFlags([0, 1, 1, 2, 0, 0, 5])).toEqual([
            { offset: 1, length: 2, flag: 1 },
            { offset: 3, length: 1, flag: 2 },
            { offset: 6, length: 1, flag: 5 },
        ]);
        expect(encodeFlags([0, 0])).toEqual([]);
    });

    test("refuses runs that encodeFlags does not make", () => {
        const run = (offset: number, length: number, flag: number): FlagRun => ({
            offset,
            length,
            flag,
        });
        for (const runs of [
            [run(0, 0, 1)],
            [run(0, 11, 1)],
            [run(10, 1, 1)],
            [run(-1, 2, 1)],
            [run(0, 1, 0)],
            [run(0, 1, 6)],
            [run(0, 1.5, 1)],
            [run(0, 1, 1.5)],
            [run(4, 1, 1), run(2, 1, 1)],
            [run(2, 3, 1), run(4, 1, 2)],
            [run(2, 3, 1), run(5, 1, 1)],
        ]) {
            expect(codeOf(expandFlags(runs, 10))).toBe("MS_MALFORMED");
        }
        expect(codeOf(expandFlags([run(2, 3, 1), run(5, 1, 2)], 10))).toBe("ok");
    });
});

describe("addresses in a record", () => {
    test("only boundaries above slot are named, and all come back", () => {
        fc.assert(
            fc.property(fc.nat(3_000_000), fc.integer({ min: 1, max: 384 }), (from, count) => {
                const addresses = addressesOf("Europe/Berlin", from, count);
                const coarse = unwrap(compactAddresses(from, addresses));
                expect(coarse.every(({ level }) => level > 0)).toBe(true);
                expect(unwrap(expandAddresses(from, count, coarse))).toEqual(addresses);
            }),
        );
    });

    test("refuses addresses that a record cannot name", () => {
        expect(codeOf(compactAddresses(5, [{ level: 0, index: 6 }]))).toBe("MS_BOUNDARY_ADDRESS");
        expect(codeOf(compactAddresses(5, [{ level: 4, index: 5 }]))).toBe("MS_BOUNDARY_ADDRESS");
        const at = (offset: number, level: number, index: number): BoundaryAddress => ({
            offset,
            level,
            index,
        });
        for (const coarse of [
            [at(4, 1, 7)],
            [at(-1, 1, 7)],
            [at(0.5, 1, 7)],
            [at(0, 0, 7)],
            [at(0, 4, 7)],
            [at(0, 1, -1)],
            [at(0, 1, 2 ** 24)],
            [at(0, 2, 2 ** 18)],
            [at(0, 3, 0.5)],
            [at(1, 1, 7), at(1, 2, 7)],
            [at(2, 1, 7), at(1, 1, 8)],
        ]) {
            expect(codeOf(expandAddresses(0, 4, coarse))).toBe("MS_BOUNDARY_ADDRESS");
        }
    });
});
