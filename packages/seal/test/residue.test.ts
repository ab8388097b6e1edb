import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addProduct, inverse, negative, type Residue } from "../src/derive/residue.ts";

const PRIME = 2n ** 61n - 1n;

/** Residue of a whole number, as the engine would come to it. */
const residue = (value: bigint): Residue => addProduct(0, value, 1);
/** The least one that is not below zero, by plain arithmetic. */
const plain = (value: Residue): bigint => ((BigInt(value) % PRIME) + PRIME) % PRIME;

/** Values at the ends of what numbers hold exactly, and anything else. */
const values = fc.oneof(
    fc.integer({ min: -3, max: 3 }).map(BigInt),
    fc
        .tuple(fc.constantFrom(2n ** 26n, 2n ** 53n, PRIME / 2n), fc.integer({ min: -3, max: 3 }))
        .map(([near, by]) => near + BigInt(by)),
    fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
);

describe("a residue", () => {
    test("is exact, also where numbers are not", () => {
        fc.assert(
            fc.property(values, values, values, (sum, a, b) => {
                const got = addProduct(residue(sum), residue(a), residue(b));
                expect(plain(got)).toBe(plain(sum + a * b));
            }),
            { numRuns: 5_000 },
        );
    });

    test("has one form: what is equal is the same", () => {
        fc.assert(
            fc.property(values, values, (value, times) => {
                const other = addProduct(residue(value), residue(times), residue(PRIME));
                expect(other).toBe(residue(value));
                expect(negative(negative(other))).toBe(other);
            }),
        );
        expect([residue(PRIME), residue(PRIME + 1n), residue(PRIME - 1n)]).toEqual([0, 1, -1]);
    });

    test("times its inverse is one", () => {
        fc.assert(
            fc.property(values, (value) => {
                const own = residue(value);
                if (own !== 0) expect(addProduct(0, own, inverse(own))).toBe(1);
            }),
        );
    });
});
