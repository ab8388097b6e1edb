import { describe, expect, it } from "vitest";
import { energyMoney, exactMoney, roundedMoney, totalMoney } from "../src/index.ts";

describe("money", () => {
    it("of a bill is exact for every scale of the registers", () => {
        const charges = [{ name: "standing charge", count: 2, amountMicro: 500_001n }];
        for (const [scale, energy, exact] of [
            [0, 1_234_567_891n, "1.734568891"],
            [-6, 1_234_567_891n, "0.500002234567891"],
            [3, 1_234_567n, "1.734568"],
            [6, 12n, "0.512001"],
            [6, -12n, "0.488001"],
        ] as const) {
            const bill = { energy, scale, charges };
            expect(exactMoney(totalMoney({ ...bill, charges: [] }), 0)).toBe(
                exactMoney(energyMoney(bill), 0),
            );
            expect(exactMoney(totalMoney(bill), 2)).toBe(exact);
        }
    });

    it("is rounded to the currency's digits, halves away from zero", () => {
        for (const [value, digits, decimals, text] of [
            [12_345n, 3, 2, "12.35"],
            [12_344n, 3, 2, "12.34"],
            [-12_345n, 3, 2, "-12.35"],
            [-4n, 3, 2, "0.00"],
            [5n, 1, 0, "1"],
            [999_999n, 4, 2, "100.00"],
            [7n, 0, 2, "7.00"],
            [0n, 9, 2, "0.00"],
        ] as const) {
            expect(roundedMoney({ value, digits }, decimals)).toBe(text);
        }
    });
});
