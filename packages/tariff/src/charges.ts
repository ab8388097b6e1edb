import {
    createLadder,
    error,
    fail,
    type Ladder,
    type Level,
    ok,
    type Result,
} from "@meterseal/core";
import { CHARGE_PER, type TariffBody } from "./body.ts";
import type { Period } from "./prices.ts";

/** A fixed charge over a period. */
export type ChargeLine = {
    readonly name: string;
    /** Days or months that it was counted for. */
    readonly count: number;
    /** Millionths of the currency unit, of all of them. */
    readonly amountMicro: bigint;
};

/**
 * Fixed charges of a period: for each of its civil days or months, which begin with their first instant
 * (formats 3), also where clocks skip midnight or show it twice.
 * @returns MS_TARIFF where charges are due and the period is not made of whole ones; MS_ZONE.
 */
export function chargesOf(tariff: TariffBody, period: Period): Result<ChargeLine[]> {
    if (tariff.charges.length === 0) return ok([]);
    // In seconds: in some other year the zone may have an offset that does not fit the period's slots.
    const ladder = createLadder(tariff.zone, 1);
    if (!ladder.ok) return ladder;
    const lines: ChargeLine[] = [];
    for (const { amountMicro, name, per } of tariff.charges) {
        const isDaily = per === CHARGE_PER.day;
        const count = countOf(ladder.value, isDaily ? 2 : 3, period);
        if (count === null) {
            const expected = `whole civil ${isDaily ? "days" : "months"} of ${tariff.zone}, for the charge ${name}`;
            return fail(error("MS_TARIFF", { where: tariff.name, expected }));
        }
        lines.push({ name, count, amountMicro: BigInt(amountMicro) * BigInt(count) });
    }
    return ok(lines);
}

/** Days or months of a period; null where it is not made of whole ones of the years that the ladder has. */
function countOf(ladder: Ladder, level: Level, { fromSlot, slotSeconds, toSlot }: Period) {
    const [from, to] = [fromSlot * slotSeconds, toSlot * slotSeconds];
    if (from < 0 || to >= ladder.endSlot) return null;
    if (ladder.addressOf(from).level < level || ladder.addressOf(to).level < level) return null;
    let count = 0;
    for (let at = from; at < to; at = ladder.nextOf(at, level)) count++;
    return count;
}
