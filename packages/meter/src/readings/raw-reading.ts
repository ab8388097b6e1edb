import { unixOfSlot } from "@meterseal/core";
import type { Flag } from "@meterseal/seal";

/** What a device says its registers showed at one instant, as it arrives: in any order, late, twice. */
export type RawReading = {
    /** Instant of the measurement by the device's clock, seconds since 1970; decides the slot. */
    readonly measuredUnix: number;
    /** Instant of the arrival, seconds since 1970; tells late from on time and nothing else. */
    readonly arrivedUnix: number;
    /** One register a channel, in stream units. */
    readonly registers: readonly bigint[];
    /** What the source itself says of the reading; absent = measured. */
    readonly flag?: Flag;
    /** Counts the devices of the metering point: another number is another device. Absent = 0. */
    readonly device?: number;
};

/** How raw readings become slot boundaries. */
export type ReadingRules = {
    /** Length of a slot; a divisor of 3600. */
    readonly slotSeconds: number;
    /** Largest growth of each channel from one boundary to the next, stream units. */
    readonly growthCaps: readonly bigint[];
    /** A reading this near a boundary stands for it; less than half a slot. 0: exactly at it. */
    readonly alignSeconds: number;
    /** How long a boundary waits for its reading before it is sealed without. */
    readonly waitSeconds: number;
    /** A reading that arrives this long after its boundary is flagged late; at most the wait. */
    readonly lateSeconds: number;
    /** A register that falls by at most this, in stream units, is held and flagged: no reset. */
    readonly stepBackUnits: bigint;
};

/** Order of readings by measurement; what is equal in it is the same reading. */
export function compareReadings(a: RawReading, b: RawReading): number {
    return (
        deviceOf(a) - deviceOf(b) ||
        a.measuredUnix - b.measuredUnix ||
        compareRegisters(a.registers, b.registers)
    );
}

/** Number of the device of a reading. */
export function deviceOf(reading: RawReading): number {
    return reading.device ?? 0;
}

function compareRegisters(a: readonly bigint[], b: readonly bigint[]): number {
    for (const [channel, register] of a.entries()) {
        const other = b[channel] ?? 0n;
        if (register !== other) return register < other ? -1 : 1;
    }
    return a.length - b.length;
}

/** Slot boundary that a reading stands for; null where it is too far from any. */
export function slotOfReading(
    measuredUnix: number,
    { alignSeconds, slotSeconds }: ReadingRules,
): number | null {
    const slot = Math.round((measuredUnix - unixOfSlot(0, slotSeconds)) / slotSeconds);
    return Math.abs(measuredUnix - unixOfSlot(slot, slotSeconds)) <= alignSeconds ? slot : null;
}
