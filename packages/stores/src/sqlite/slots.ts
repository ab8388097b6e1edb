import { type MeterRecord, RECORD_CLASS, usageOf } from "@meterseal/record";

/** First and last slot of a usage record, as the columns hold them; null for any other record. */
export type SlotColumns = { readonly firstSlot: number | null; readonly lastSlot: number | null };

const NONE: SlotColumns = { firstSlot: null, lastSlot: null };

/**
 * Slot columns of a record; `verify` compares them with what is stored. A usage record whose body
 * does not parse has none: judging it is not the store's office.
 */
export function slotsOf(record: MeterRecord): SlotColumns {
    if (record.recordClass !== RECORD_CLASS.usage) return NONE;
    const usage = usageOf(record);
    if (!usage.ok) return NONE;
    const { firstSlot, count } = usage.value;
    return { firstSlot, lastSlot: firstSlot + count - 1 };
}
