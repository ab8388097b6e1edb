import { assert, error, isSlotSeconds, LIMITS, unixOfSlot } from "@meterseal/core";
import { FLAG } from "@meterseal/record";
import type { Flag } from "@meterseal/seal";
import { firstSlotFrom } from "../epoch-ends.ts";
import type { Boundary } from "../sealer.ts";
import {
    compareReadings,
    deviceOf,
    type RawReading,
    type ReadingRules,
    slotOfReading,
} from "./raw-reading.ts";

/** Where a meter goes on: what it has sealed already, or what an opening record says. */
export type ReadingStart = {
    /** First slot that may still be sealed. */
    readonly nextSlot: number;
    /** Registers that the next boundary follows, one a channel. */
    readonly registers: readonly bigint[];
    readonly device?: number;
};

/**
 * A register that really fell, or another device: the seal epoch ends with `last` and the next one
 * begins with `next`. Never a negative interval, never a guess.
 */
export type ReadingBreak = { readonly last: RawReading; readonly next: RawReading };

/** What became of a reading. */
export type Taken = "kept" | "duplicate" | "stale";

/**
 * Turns raw readings in any order of arrival into consecutive slot boundaries: by the instant of the
 * measurement, each once, missing ones with the register unchanged. Pure: time is passed in. Readings
 * that arrive within the wait give the same boundaries in whatever order they come.
 */
export class ReadingConditioner {
    readonly #rules: ReadingRules;
    /** Readings behind the last boundary, by {@link compareReadings}. */
    #waiting: RawReading[] = [];
    #nextSlot: number | null;
    #registers: readonly bigint[] | null;
    #device: number | null;
    /** Last reading at or before the last boundary, of the present device. */
    #last: RawReading | null = null;
    /** True while the last boundary holds less than what was measured, because of a growth cap. */
    #isBehind = false;
    #break: ReadingBreak | null = null;

    /** @param start where the meter left off; none for a meter that has sealed nothing. */
    constructor(rules: ReadingRules, start?: ReadingStart) {
        const { alignSeconds, lateSeconds, slotSeconds, stepBackUnits, waitSeconds } = rules;
        assert(isSlotSeconds(slotSeconds), "a slot length that divides the hour");
        assert(alignSeconds >= 0 && 2 * alignSeconds < slotSeconds, "less than half a slot");
        assert(
            waitSeconds >= alignSeconds && lateSeconds <= waitSeconds,
            "a wait for late readings",
        );
        assert(stepBackUnits >= 0n, "a tolerance in stream units");
        this.#rules = rules;
        this.#nextSlot = start?.nextSlot ?? null;
        this.#registers = start?.registers ?? null;
        this.#device = start === undefined ? null : (start.device ?? 0);
    }

    /** The register break that ended the seal epoch; null while there is none. */
    get break(): ReadingBreak | null {
        return this.#break;
    }

    /** Readings that are not behind the last boundary. */
    get waiting(): number {
        return this.#waiting.length;
    }

    /**
     * Takes a reading.
     * @returns duplicate where it came before, stale where its slot is sealed: what it measured is in
     * the register, so the next boundary has it.
     * @throws MetersealError MS_BUSY beyond {@link LIMITS.readingsWaiting}, MS_STREAM_RULE for
     * another number of registers than channels or a register below 0.
     */
    take(reading: RawReading): Taken {
        const { growthCaps } = this.#rules;
        if (
            reading.registers.length !== growthCaps.length ||
            reading.registers.some((register) => register < 0n)
        ) {
            const got = `${reading.registers.length} registers`;
            throw error("MS_STREAM_RULE", { expected: `${growthCaps.length} registers`, got });
        }
        if (this.#isPast(reading)) return "stale";
        const at = this.#placeOf(reading);
        const same = this.#waiting[at];
        if (same !== undefined && compareReadings(same, reading) === 0) {
            this.#waiting[at] = merged(same, reading);
            return "duplicate";
        }
        if (this.#waiting.length >= LIMITS.readingsWaiting) {
            throw error("MS_BUSY", { expected: `at most ${LIMITS.readingsWaiting} readings` });
        }
        this.#waiting.splice(at, 0, reading);
        return "kept";
    }

    /** Boundaries whose wait is over, up to a break of the register. */
    *advance(nowUnix: number): Generator<Boundary, void, undefined> {
        const { slotSeconds, waitSeconds } = this.#rules;
        const isDue = (slot: number): boolean =>
            unixOfSlot(slot, slotSeconds) + waitSeconds <= nowUnix;
        yield* this.#steps(isDue, false);
    }

    /** Boundaries up to the last reading, without waiting for anything more. */
    *finish(): Generator<Boundary, void, undefined> {
        const end = this.#waiting.reduce(
            (slot, { measuredUnix }) =>
                Math.max(slot, slotOfReading(measuredUnix, this.#rules) ?? slot),
            -1,
        );
        yield* this.#steps((slot) => slot <= end, true);
    }

    /** Goes on behind a break, in the seal epoch that its `next` reading opened. */
    resume(): void {
        assert(this.#break !== null, "a break to go on behind");
        const { next } = this.#break;
        this.#waiting = this.#waiting.filter((reading) => compareReadings(reading, next) >= 0);
        this.#device = deviceOf(next);
        this.#registers = next.registers;
        this.#nextSlot = firstSlotFrom(next.measuredUnix, this.#rules.slotSeconds);
        this.#last = next;
        this.#isBehind = false;
        this.#break = null;
    }

    #isPast(reading: RawReading): boolean {
        if (this.#nextSlot === null || this.#device === null) return false;
        if (deviceOf(reading) !== this.#device) return deviceOf(reading) < this.#device;
        const { alignSeconds, slotSeconds } = this.#rules;
        return reading.measuredUnix <= unixOfSlot(this.#nextSlot - 1, slotSeconds) + alignSeconds;
    }

    /** Position of the first waiting reading that is not before this one. */
    #placeOf(reading: RawReading): number {
        let low = 0;
        let high = this.#waiting.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            const before = compareReadings(this.#waiting[middle] as RawReading, reading) < 0;
            if (before) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    *#steps(
        isDue: (slot: number) => boolean,
        isLast: boolean,
    ): Generator<Boundary, void, undefined> {
        for (;;) {
            const boundary = this.#step(isDue, isLast);
            if (boundary === null) return;
            yield boundary;
        }
    }

    #step(isDue: (slot: number) => boolean, isLast: boolean): Boundary | null {
        if (this.#break !== null) return null;
        const slot = this.#nextSlot ?? this.#firstSlot();
        if (slot === null || !isDue(slot)) return null;
        this.#device ??= this.#waiting[0] === undefined ? null : deviceOf(this.#waiting[0]);
        const chosen = this.#chosenAt(slot);
        if (chosen === null && this.#isOtherDevice(slot)) return this.#endEpoch(slot);
        const fall = chosen === null ? 0n : this.#fallOf(chosen.reading);
        if (chosen !== null && fall > this.#rules.stepBackUnits) {
            const confirmed = this.#isConfirmed(slot, isDue, isLast);
            if (confirmed === null) return null;
            if (confirmed) return this.#endEpoch(slot);
        }
        const boundary = chosen === null ? this.#missing(slot) : this.#measured(slot, chosen);
        this.#forget(slot);
        this.#nextSlot = slot + 1;
        this.#registers = boundary.registers;
        return boundary;
    }

    #firstSlot(): number | null {
        for (const { measuredUnix } of this.#waiting) {
            const slot = slotOfReading(measuredUnix, this.#rules);
            if (slot !== null) return slot;
        }
        return null;
    }

    /** The reading for a boundary: the nearest one, of two as near the earlier, then the smaller. */
    #chosenAt(slot: number): { reading: RawReading; isContested: boolean } | null {
        const unix = unixOfSlot(slot, this.#rules.slotSeconds);
        let chosen: RawReading | null = null;
        let isContested = false;
        for (const reading of this.#waiting) {
            if (reading.measuredUnix - unix > this.#rules.alignSeconds) break;
            if (deviceOf(reading) !== this.#device) break;
            if (slotOfReading(reading.measuredUnix, this.#rules) !== slot) continue;
            if (chosen?.measuredUnix === reading.measuredUnix) isContested = true;
            const distance = Math.abs(reading.measuredUnix - unix);
            if (chosen !== null && distance >= Math.abs(chosen.measuredUnix - unix)) continue;
            chosen = reading;
            isContested = false;
        }
        return chosen === null ? null : { reading: chosen, isContested };
    }

    /** True where another device has taken over by a boundary. */
    #isOtherDevice(slot: number): boolean {
        const other = this.#waiting.find((reading) => deviceOf(reading) !== this.#device);
        const { alignSeconds, slotSeconds } = this.#rules;
        return (
            other !== undefined &&
            other.measuredUnix <= unixOfSlot(slot, slotSeconds) + alignSeconds
        );
    }

    /** Largest fall of a register below the last boundary; 0 where none fell. */
    #fallOf(reading: RawReading): bigint {
        let largest = 0n;
        for (const [channel, register] of reading.registers.entries()) {
            const fall = (this.#registers?.[channel] ?? register) - register;
            if (fall > largest) largest = fall;
        }
        return largest;
    }

    /**
     * Whether the next reading says the same as one that fell: a single low reading is a slip of
     * transmission. Null while the next one may still come.
     */
    #isConfirmed(slot: number, isDue: (slot: number) => boolean, isLast: boolean): boolean | null {
        for (const reading of this.#waiting) {
            if (deviceOf(reading) !== this.#device) return false;
            const next = slotOfReading(reading.measuredUnix, this.#rules);
            if (next === null || next <= slot) continue;
            if (!isDue(next)) return null;
            const chosen = this.#chosenAt(next)?.reading ?? reading;
            return this.#fallOf(chosen) > this.#rules.stepBackUnits;
        }
        return isLast ? false : null;
    }

    /** Ends the epoch with the last reading that holds, before the first of what follows. */
    #endEpoch(slot: number): null {
        const fallen = this.#chosenAt(slot)?.reading;
        let last = this.#last;
        let next: RawReading | null = null;
        for (const reading of this.#waiting) {
            const isOther = deviceOf(reading) !== this.#device;
            if (!isOther && this.#fallOf(reading) <= this.#rules.stepBackUnits) {
                last = reading;
                next = null;
            } else next ??= reading;
            if (isOther || reading === fallen) {
                const begin = isOther ? reading : (next ?? reading);
                this.#break = { last: last ?? begin, next: begin };
                return null;
            }
        }
        return null;
    }

    #missing(slot: number): Boundary {
        const next = this.#waiting.find(
            ({ measuredUnix }) => (slotOfReading(measuredUnix, this.#rules) ?? -1) > slot,
        );
        const flag = next?.flag === FLAG.powerOff ? FLAG.powerOff : FLAG.missing;
        return { slot, registers: this.#registers ?? [], flag };
    }

    #measured(
        slot: number,
        { reading, isContested }: { reading: RawReading; isContested: boolean },
    ): Boundary {
        const { growthCaps, lateSeconds, slotSeconds } = this.#rules;
        const held = this.#fallOf(reading) > 0n;
        let isCapped = false;
        const registers = reading.registers.map((register, channel) => {
            const before = this.#registers?.[channel];
            if (before === undefined) return register;
            if (register < before) return before;
            const most = before + (growthCaps[channel] as bigint);
            if (register <= most) return register;
            isCapped = true;
            return most;
        });
        const isLate = reading.arrivedUnix > unixOfSlot(slot, slotSeconds) + lateSeconds;
        let flag: Flag = isLate ? FLAG.late : 0;
        if (reading.flag !== undefined && reading.flag !== 0) flag = reading.flag;
        if (isContested) flag = FLAG.clockAdjusted;
        if (held || isCapped || this.#isBehind) flag = FLAG.estimated;
        this.#isBehind = isCapped;
        return { slot, registers, flag };
    }

    /** Drops what a sealed boundary has passed; the last reading stays for a break. */
    #forget(slot: number): void {
        const end = unixOfSlot(slot, this.#rules.slotSeconds) + this.#rules.alignSeconds;
        const isPassed = (reading: RawReading | undefined): reading is RawReading =>
            reading !== undefined &&
            deviceOf(reading) === this.#device &&
            reading.measuredUnix <= end;
        let count = 0;
        for (;;) {
            const reading = this.#waiting[count];
            if (!isPassed(reading)) break;
            if (this.#fallOf(reading) === 0n) this.#last = reading;
            count++;
        }
        this.#waiting.splice(0, count);
    }
}

/** Of a reading that came twice: the earlier arrival, and the flag that says least. */
function merged(a: RawReading, b: RawReading): RawReading {
    const arrivedUnix = Math.min(a.arrivedUnix, b.arrivedUnix);
    const flag = Math.min(a.flag ?? 0, b.flag ?? 0) as Flag;
    return { ...a, arrivedUnix, flag };
}
