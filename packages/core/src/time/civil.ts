import { assert, error } from "../errors.ts";
import { fail, ok, type Result } from "../result.ts";
import { monthOfDay } from "./month.ts";
import { isSlotSeconds, slotOfUnix, unixOfSlot } from "./slot.ts";
import {
    CIVIL_END_UNIX,
    CIVIL_START_UNIX,
    readZoneOffsets,
    type ZoneOffsets,
} from "./zone-offsets.ts";

export { formatInstant, parseInstant } from "./iso.ts";

/** Levels of the ladder: 0 slot, 1 hour, 2 civil day, 3 civil month (formats 3). */
export type Level = 0 | 1 | 2 | 3;

/** Where a boundary stands: its level and the index there. */
export type BoundaryAddress = { readonly level: Level; readonly index: number };

/**
 * Civil meaning of the slots of one stream (formats 3): which slot boundary starts an hour, a day
 * or a month in the stream's zone. Covers the years 2000 … 2099; a slot outside stops the program.
 */
export type Ladder = {
    /** The zone's name as the time zone database spells it. */
    readonly zone: string;
    readonly slotSeconds: number;
    /** First slot after the covered years. */
    readonly endSlot: number;
    /** Coarsest level for which a slot is a boundary, and its index there. */
    addressOf(slot: number): BoundaryAddress;
    /**
     * Index of a slot boundary in the tree of a level: the slot itself, hours since
     * 1970-01-01T00:00Z, civil days since 2000-01-01, or 12 · (year − 2000) + month − 1.
     */
    indexAt(slot: number, level: Level): number;
    /** What clocks of the zone show at a slot boundary: seconds since the civil 1970-01-01T00:00. */
    civilAt(slot: number): number;
    /** First boundary of a level or a coarser one after a slot; {@link endSlot} where there is none. */
    nextOf(slot: number, level: Level): number;
    /** Last boundary of a level or a coarser one at or before a slot; −1 where there is none. */
    lastOf(slot: number, level: Level): number;
};

const DAY_SECONDS = 86_400;
/** Civil seconds from one boundary of a level to the next; months go by days. */
const STEP_SECONDS = [1, 3600, DAY_SECONDS, DAY_SECONDS] as const;
/** Days from 1970-01-01 to 2000-01-01. */
const ORIGIN_DAYS = 10_957;

/**
 * Makes the ladder of a zone and a slot length. The zone's transitions are read once; every
 * address after that is arithmetic.
 *
 * A boundary that would be an hour only, within the hour that follows an offset change by a
 * fraction of an hour, counts as slot: two civil hours may begin in one hour of UTC there.
 * @returns MS_ZONE where the zone is unknown or has an offset (2000 … 2099) that is no multiple of
 * the slot; MS_STREAM_RULE where the slot length does not divide the hour.
 * @example unwrap(createLadder("Europe/Berlin", 900)).addressOf(920_440); // { level: 2, index: 9588 }
 */
export function createLadder(zone: string, slotSeconds: number): Result<Ladder> {
    if (!isSlotSeconds(slotSeconds)) {
        const expected = "a slot length that divides 3600 seconds";
        return fail(error("MS_STREAM_RULE", { expected, got: `${slotSeconds} s` }));
    }
    const read = readZoneOffsets(zone);
    if (!read.ok) return read;
    const misfit = read.value.offsetsSeconds.find((offset) => offset % slotSeconds !== 0);
    if (misfit !== undefined) {
        const expected = `offsets that are multiples of ${slotSeconds} s`;
        return fail(error("MS_ZONE", { expected, got: `${misfit} s in ${zone}` }));
    }
    return ok(new ZoneLadder(read.value, slotSeconds));
}

class ZoneLadder implements Ladder {
    readonly zone: string;
    readonly slotSeconds: number;
    readonly endSlot: number;
    readonly #offsets: ZoneOffsets;
    /** Piece of {@link ZoneOffsets} that the last look-up fell into, and its bounds. */
    #piece = 0;
    #pieceStartUnix = Number.POSITIVE_INFINITY;
    #pieceEndUnix = Number.NEGATIVE_INFINITY;

    constructor(offsets: ZoneOffsets, slotSeconds: number) {
        this.zone = offsets.zone;
        this.slotSeconds = slotSeconds;
        this.endSlot = slotOfUnix(CIVIL_END_UNIX, slotSeconds);
        this.#offsets = offsets;
    }

    addressOf(slot: number): BoundaryAddress {
        const unix = this.#enter(slot);
        const offset = this.#offsets.offsetsSeconds[this.#piece] as number;
        const civil = unix + offset;
        const atTransition = unix === this.#pieceStartUnix;
        if (atTransition || civil % DAY_SECONDS === 0) {
            const shown = this.#offsets.shownCivil[this.#piece] as number;
            const day = Math.floor(civil / DAY_SECONDS);
            if (shown <= day * DAY_SECONDS) {
                const before = atTransition ? Math.floor((shown - 1) / DAY_SECONDS) : day - 1;
                const month = monthOfDay(day - ORIGIN_DAYS);
                if (month !== monthOfDay(before - ORIGIN_DAYS)) return { level: 3, index: month };
                return { level: 2, index: day - ORIGIN_DAYS };
            }
        }
        if (civil % 3600 === 0 && !this.#isShaken(unix, offset)) {
            return { level: 1, index: Math.floor(unix / 3600) };
        }
        return { level: 0, index: slot };
    }

    indexAt(slot: number, level: Level): number {
        const unix = this.#enter(slot);
        if (level === 0) return slot;
        if (level === 1) return Math.floor(unix / 3600);
        const civil = unix + (this.#offsets.offsetsSeconds[this.#piece] as number);
        const day = Math.floor(civil / DAY_SECONDS) - ORIGIN_DAYS;
        return level === 2 ? day : monthOfDay(day);
    }

    civilAt(slot: number): number {
        const unix = this.#enter(slot);
        return unix + (this.#offsets.offsetsSeconds[this.#piece] as number);
    }

    nextOf(slot: number, level: Level): number {
        let at = slot;
        while (at + 1 < this.endSlot) {
            at = level === 0 ? at + 1 : this.#stepForward(at, STEP_SECONDS[level]);
            if (at < this.endSlot && this.addressOf(at).level >= level) return at;
        }
        return this.endSlot;
    }

    lastOf(slot: number, level: Level): number {
        let at = slot;
        while (at >= 0 && this.addressOf(at).level < level) {
            at = this.#stepBack(at, STEP_SECONDS[level]);
        }
        return Math.max(at, -1);
    }

    /** Next slot that may be a boundary: the next civil step, or the start of the next offset. */
    #stepForward(slot: number, stepSeconds: number): number {
        const civil = this.civilAt(slot);
        const step = slot + (stepSeconds - (civil % stepSeconds)) / this.slotSeconds;
        const change = Math.ceil((this.#pieceEndUnix - CIVIL_START_UNIX) / this.slotSeconds);
        return Math.min(step, Math.max(change, slot + 1));
    }

    /** Last earlier slot that may be a boundary. */
    #stepBack(slot: number, stepSeconds: number): number {
        const past = this.civilAt(slot) % stepSeconds || stepSeconds;
        const change = Math.ceil((this.#pieceStartUnix - CIVIL_START_UNIX) / this.slotSeconds);
        return slot <= change ? slot - 1 : Math.max(slot - past / this.slotSeconds, change);
    }

    /** True within the hour after an offset change that is not a whole number of hours. */
    #isShaken(unix: number, offset: number): boolean {
        if (unix >= this.#pieceStartUnix + 3600) return false;
        const previous = this.#offsets.offsetsSeconds[this.#piece - 1] ?? offset;
        return (offset - previous) % 3600 !== 0;
    }

    /** Finds the piece of constant offset of a slot; returns the slot's instant. */
    #enter(slot: number): number {
        const unix = unixOfSlot(slot, this.slotSeconds);
        if (unix >= this.#pieceStartUnix && unix < this.#pieceEndUnix) return unix;
        assert(unix >= CIVIL_START_UNIX && unix < CIVIL_END_UNIX, "a slot from 2000 to 2099");
        const { startsUnix } = this.#offsets;
        let low = 0;
        let high = startsUnix.length - 1;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if ((startsUnix[middle] as number) <= unix) low = middle;
            else high = middle - 1;
        }
        this.#piece = low;
        this.#pieceStartUnix = startsUnix[low] as number;
        this.#pieceEndUnix = startsUnix[low + 1] ?? CIVIL_END_UNIX;
        return unix;
    }
}
