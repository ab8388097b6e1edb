import { describe, expect, it } from "vitest";
import { assert, ERRORS, error, MetersealError } from "../src/errors.ts";
import { fail, ok, unwrap } from "../src/result.ts";

describe("an error", () => {
    it("says what, where, what was expected and got, and what to do", () => {
        const cause = new Error("why");
        const made = error("MS_MALFORMED", {
            where: "record[1]",
            expected: "1",
            got: "0",
            todo: "Look.",
            cause,
        });
        expect(made.message).toBe(
            "MS_MALFORMED: The bytes are not a canonical message of the expected shape. " +
                "At record[1]. Expected 1. Got 0. Look.",
        );
        expect(made).toBeInstanceOf(MetersealError);
        expect([made.name, made.code, made.cause]).toEqual([
            "MetersealError",
            "MS_MALFORMED",
            cause,
        ]);
        expect(error("MS_BUSY").message).toBe(`MS_BUSY: ${ERRORS.MS_BUSY.summary}`);
        expect(error("MS_BUSY").cause).toBe(undefined);
    });

    it("has the receipt code of the table, and 13 where it has none", () => {
        const codes = Object.keys(ERRORS) as (keyof typeof ERRORS)[];
        for (const code of codes) expect(error(code).receiptCode).toBe(ERRORS[code].receipt ?? 13);
        expect(error("MS_CLOCK").receiptCode).toBe(14);
        expect(error("MS_PROOF").receiptCode).toBe(13);
    });

    it("covers every receipt code from 1 to 15 (formats 5)", () => {
        const receipts = new Set(Object.values(ERRORS).map((entry) => entry.receipt));
        for (let code = 1; code <= 15; code++)
            expect(receipts.has(code), `code ${code}`).toBe(true);
    });

    it("may come again only where the table says so", () => {
        const later = Object.entries(ERRORS).filter(([, entry]) => entry.retry === "later");
        const codes = later.map(([, entry]) => entry.receipt).filter((receipt) => receipt !== null);
        expect(codes.sort((a, b) => a - b)).toEqual([6, 12, 13, 14]);
    });

    it("travels in a result", () => {
        expect(unwrap(ok(1))).toBe(1);
        expect(() => unwrap(fail(error("MS_GAP")))).toThrow("MS_GAP");
    });

    it("stops the program where our own code is wrong", () => {
        expect(() => assert(false, "water is wet")).toThrow("assertion failed: water is wet");
        expect(() => assert(true, "")).not.toThrow();
    });
});
