import { assert } from "@meterseal/core";
import type { CheckedBill } from "./check.ts";

/** A whole number of 10^−digits of a currency unit. */
export type Money = { readonly value: bigint; readonly digits: number };

/** Price of the energy of a bill. */
export function energyMoney({ energy, scale }: Pick<CheckedBill, "energy" | "scale">): Money {
    const digits = 9 - scale;
    return { value: energy, digits };
}

/** All of a bill: energy and fixed charges, exact. */
export function totalMoney(bill: Pick<CheckedBill, "charges" | "energy" | "scale">): Money {
    const charges = bill.charges.map(({ amountMicro }) => ({ value: amountMicro, digits: 6 }));
    return [energyMoney(bill), ...charges].reduce(addMoney);
}

function addMoney(a: Money, b: Money): Money {
    const digits = Math.max(a.digits, b.digits);
    const scaled = ({ digits: own, value }: Money): bigint => value * 10n ** BigInt(digits - own);
    return { value: scaled(a) + scaled(b), digits };
}

/** Exact decimal text, without zeros at its end beyond so many digits. */
export function exactMoney({ digits, value }: Money, leastDigits: number): string {
    const size = value < 0n ? -value : value;
    const text = String(size).padStart(digits + 1, "0");
    const whole = text.slice(0, text.length - digits);
    const fraction = text
        .slice(text.length - digits)
        .replace(/0+$/, "")
        .padEnd(leastDigits, "0");
    return `${value < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/**
 * Decimal text rounded to so many digits, halves away from zero: what is paid.
 * @param decimals - 0 … 6.
 */
export function roundedMoney({ digits, value }: Money, decimals: number): string {
    assert(decimals <= digits || digits >= 0, "digits of a currency");
    if (digits <= decimals) return exactMoney({ value, digits }, decimals);
    const unit = 10n ** BigInt(digits - decimals);
    const size = value < 0n ? -value : value;
    const rounded = (size + unit / 2n) / unit;
    return exactMoney({ value: value < 0n ? -rounded : rounded, digits: decimals }, decimals);
}
