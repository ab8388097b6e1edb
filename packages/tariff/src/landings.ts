import type { Stretch } from "@meterseal/seal";
import { isMeasured } from "./coverage.ts";
import type { Period } from "./prices.ts";
import { beginSlot, endSlot, type RecordedEpoch } from "./recorded.ts";

/**
 * For each price the stretches of time whose energy it is multiplied with, ascending: what somebody knows
 * who undoes a weighted sum. Where readings are missing a register stands still, for all to see, and what
 * flowed meanwhile lands in the next measured interval, at that one's price: a price of two hours of
 * which one slot was measured is the price of that slot alone. Of an interval that ends or begins within
 * a slot, where a device follows another one, the slot counts to the later device.
 * @param pricesMicro - of each slot of the period.
 * @see weigh, which multiplies in this way.
 */
export function pricedStretches(
    epochs: readonly RecordedEpoch[],
    period: Period,
    pricesMicro: readonly number[],
): Stretch[][] {
    const rows = new Map<number, Stretch[]>();
    const { slotSeconds } = period;
    for (const { boundaries } of epochs) {
        let fromSlot: number | null = null;
        for (const { atUnix, flag } of boundaries) {
            if (fromSlot !== null && !isMeasured(flag)) continue;
            const toSlot = beginSlot(atUnix, slotSeconds);
            const price = pricesMicro[endSlot(atUnix, slotSeconds) - period.fromSlot];
            if (fromSlot !== null && fromSlot < toSlot && price !== undefined) {
                append(rows, price, { fromSlot, toSlot });
            }
            fromSlot = toSlot;
        }
    }
    return [...rows.values()];
}

function append(rows: Map<number, Stretch[]>, price: number, stretch: Stretch): void {
    const row = rows.get(price);
    const last = row?.at(-1);
    if (row === undefined) rows.set(price, [stretch]);
    else if (last?.toSlot === stretch.fromSlot) {
        row[row.length - 1] = { fromSlot: last.fromSlot, toSlot: stretch.toSlot };
    } else row.push(stretch);
}
