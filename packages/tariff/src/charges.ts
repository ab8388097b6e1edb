import { error, fail, monthOfDay, ok, type Result, unixOfSlot } from "@meterseal/core";
import { CHARGE_PER, type TariffBody } from "./body.ts";
import { civilClock, type Period } from "./prices.ts";

/** A fixed charge over a period. */
export type ChargeLine = {
    readonly name: string;
    /** Days or months that it was counted for. */
    readonly count: number;
    /** Millionths of the currency unit, of all of them. */
    readonly amountMicro: bigint;
};

/**
 * Fixed charges of a period: for each of its civil days or months.
 * @returns MS_TARIFF where charges are due and the period is not made of whole ones; MS_ZONE.
 */
export function chargesOf(tariff: TariffBody, period: Period): Result<ChargeLine[]> {
    if (tariff.charges.length === 0) return ok([]);
    const clock = civilClock(tariff.zone);
    if (!clock.ok) return clock;
    const [from, to] = [period.fromSlot, period.toSlot].map((slot) => {
        const { day, secondOfDay } = clock.value.at(unixOfSlot(slot, period.slotSeconds));
        const isMonth = secondOfDay === 0 && monthOfDay(day) !== monthOfDay(day - 1);
        return { day, month: monthOfDay(day), isDay: secondOfDay === 0, isMonth };
    }) as [End, End];
    const lines: ChargeLine[] = [];
    for (const { amountMicro, name, per } of tariff.charges) {
        const isDaily = per === CHARGE_PER.day;
        const isWhole = isDaily ? from.isDay && to.isDay : from.isMonth && to.isMonth;
        if (!isWhole) {
            const expected = `whole civil ${isDaily ? "days" : "months"} of ${tariff.zone}, for the charge ${name}`;
            return fail(error("MS_TARIFF", { where: tariff.name, expected }));
        }
        const count = isDaily ? to.day - from.day : to.month - from.month;
        lines.push({ name, count, amountMicro: BigInt(amountMicro) * BigInt(count) });
    }
    return ok(lines);
}

type End = {
    readonly day: number;
    readonly month: number;
    readonly isDay: boolean;
    readonly isMonth: boolean;
};
