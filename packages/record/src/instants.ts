import { unixOfSlot } from "@meterseal/core";
import { eventOf } from "./event.ts";
import { type MeterRecord, RECORD_CLASS, usageOf } from "./record.ts";

/** Instant of the last registers in a record, seconds since 1970; 0 where it carries none. */
export function lastRegistersUnix(record: MeterRecord): number {
    if (record.recordClass === RECORD_CLASS.usage) {
        const usage = usageOf(record);
        if (!usage.ok) return 0;
        const { count, firstSlot, slotSeconds } = usage.value;
        return unixOfSlot(firstSlot + count - 1, slotSeconds);
    }
    if (record.recordClass !== RECORD_CLASS.billing) return 0;
    const event = eventOf(record);
    return event.ok ? event.value.atUnix : 0;
}
