import { assert, SLOT_ORIGIN_UNIX } from "@meterseal/core";
import { type MapReader, malformed, toArray, toInteger } from "./parse.ts";

/** Levels of a boundary address and tree labels (formats 3): coarser is larger; event stands apart. */
export const LEVEL = { slot: 0, hour: 1, day: 2, month: 3, event: 4 } as const;

/** Address of a boundary above slot level: offset into the record, tree level and index in that tree. */
export type BoundaryAddress = {
    readonly offset: number;
    readonly level: number;
    readonly index: number;
};

/**
 * A boundary whose address is not the default one. Slot and hour have no index: a slot's is its own
 * number, an hour's floor(unix / 3600).
 */
export type AddressException =
    | { readonly offset: number; readonly level: 0 | 1 }
    | { readonly offset: number; readonly level: 2 | 3; readonly index: number };

/** What of a usage body says where its boundaries stand (keys 2, 3, 4, 7 and 13 of formats 4). */
export type AddressedBoundaries = {
    readonly slotSeconds: number;
    readonly firstSlot: number;
    readonly count: number;
    /**
     * Instant modulo 3600 of the boundaries that are hours by default: 0, or in a zone whose offset
     * is no whole number of hours what makes the civil :00.
     */
    readonly hourPhaseSeconds: number;
    /** Ascending by offset. */
    readonly exceptions: readonly AddressException[];
};

/** Instant of a boundary, seconds since 1970; plain arithmetic, for slots that are known to be whole. */
function unixAt(of: AddressedBoundaries, offset: number): number {
    return SLOT_ORIGIN_UNIX + (of.firstSlot + offset) * of.slotSeconds;
}

/** Offset of the first boundary that is an hour by default; it may lie beyond the last boundary. */
function firstDefaultHour(of: AddressedBoundaries): number {
    const behind = (unixAt(of, 0) - of.hourPhaseSeconds) % 3600;
    return ((3600 - behind) % 3600) / of.slotSeconds;
}

/**
 * All boundaries above slot level with level and index, ascending by offset: the default hours, and
 * the exceptions. Asks no time zone: the record is authoritative.
 */
export function coarseAddresses(of: AddressedBoundaries): BoundaryAddress[] {
    const coarse: BoundaryAddress[] = [];
    const step = 3600 / of.slotSeconds;
    let hour = firstDefaultHour(of);
    const pushHour = (offset: number): void => {
        const index = Math.floor(unixAt(of, offset) / 3600);
        coarse.push({ offset, level: LEVEL.hour, index });
    };
    for (const exception of of.exceptions) {
        for (; hour < exception.offset; hour += step) pushHour(hour);
        if (hour === exception.offset) hour += step;
        if ("index" in exception) coarse.push(exception);
        else if (exception.level === LEVEL.hour) pushHour(exception.offset);
    }
    for (; hour < of.count; hour += step) pushHour(hour);
    return coarse;
}

/** Hour phase and exceptions of boundaries that are all named; inverse of {@link coarseAddresses}. */
export function exceptionsOf(
    boundaries: Omit<AddressedBoundaries, "hourPhaseSeconds" | "exceptions">,
    coarse: readonly BoundaryAddress[],
): Pick<AddressedBoundaries, "hourPhaseSeconds" | "exceptions"> {
    const plain = { ...boundaries, hourPhaseSeconds: 0, exceptions: [] };
    const firstHour = coarse.find(({ level }) => level === LEVEL.hour);
    const hourPhaseSeconds = firstHour === undefined ? 0 : unixAt(plain, firstHour.offset) % 3600;
    const exceptions: AddressException[] = [];
    const step = 3600 / boundaries.slotSeconds;
    let hour = firstDefaultHour({ ...plain, hourPhaseSeconds });
    for (const { offset, level, index } of coarse) {
        for (; hour < offset; hour += step) exceptions.push({ offset: hour, level: LEVEL.slot });
        const isDefault = level === LEVEL.hour && hour === offset;
        if (hour === offset) hour += step;
        if (level === LEVEL.day || level === LEVEL.month) exceptions.push({ offset, level, index });
        else if (!isDefault) exceptions.push({ offset, level: LEVEL.hour });
    }
    for (; hour < boundaries.count; hour += step) {
        exceptions.push({ offset: hour, level: LEVEL.slot });
    }
    return { hourPhaseSeconds, exceptions };
}

/** Keys 7 and 13 of a usage body; what is empty or 0 is left out. */
export function encodeAddresses(of: AddressedBoundaries, map: Map<number, unknown>): void {
    if (of.exceptions.length > 0) {
        map.set(
            7,
            of.exceptions.map((exception) =>
                "index" in exception
                    ? [exception.offset, exception.level, exception.index]
                    : [exception.offset, exception.level],
            ),
        );
    }
    if (of.hourPhaseSeconds !== 0) map.set(13, of.hourPhaseSeconds);
}

/**
 * Reads keys 7 and 13 of a usage body strictly. The phase must be that of the first boundary that is
 * an hour, or left out, and no exception may say the default: one meaning has one encoding.
 * @throws MetersealError MS_MALFORMED.
 */
export function parseAddresses(
    map: MapReader,
    slots: { readonly slotSeconds: number; readonly firstSlot: number; readonly count: number },
): Pick<AddressedBoundaries, "hourPhaseSeconds" | "exceptions"> {
    const hourPhaseSeconds = map.has(13) ? map.integer(13, 1, 3599) : 0;
    if (hourPhaseSeconds % slots.slotSeconds !== 0) malformed(map.at(13), "whole slots");
    const exceptions = map.has(7) ? parseExceptions(map.array(7, slots.count), slots.count) : [];
    const of = { ...slots, hourPhaseSeconds, exceptions };
    for (const { offset, level } of exceptions) {
        const isDefaultHour = (unixAt(of, offset) - hourPhaseSeconds) % 3600 === 0;
        if (level === (isDefaultHour ? LEVEL.hour : LEVEL.slot)) {
            malformed("usage[7] level", "another address than the default");
        }
    }
    if (firstHourPhase(of) !== hourPhaseSeconds) {
        malformed(map.at(13), "the phase of the first hour");
    }
    return { hourPhaseSeconds, exceptions };
}

/** Instant modulo 3600 of the first boundary at hour level; 0 where there is none. */
function firstHourPhase(of: AddressedBoundaries): number {
    const step = 3600 / of.slotSeconds;
    let hour = firstDefaultHour(of);
    for (const { offset, level } of of.exceptions) {
        if (hour < offset) break;
        if (level === LEVEL.hour) return unixAt(of, offset) % 3600;
        if (hour === offset) hour += step;
    }
    return hour < of.count ? of.hourPhaseSeconds : 0;
}

function parseExceptions(values: readonly unknown[], count: number): AddressException[] {
    let next = 0;
    if (values.length === 0) malformed("usage[7]", "at least one exception");
    return values.map((value) => {
        const parts = toArray(value, "usage[7]", 3);
        const offset = toInteger(parts[0], "usage[7] offset", next, count - 1);
        const level = toInteger(parts[1], "usage[7] level", LEVEL.slot, LEVEL.month);
        next = offset + 1;
        if (level === LEVEL.slot || level === LEVEL.hour) {
            if (parts.length !== 2) malformed("usage[7]", "no index of a slot or an hour");
            return { offset, level };
        }
        assert(level === LEVEL.day || level === LEVEL.month, "a level of the ladder");
        return { offset, level, index: toInteger(parts[2], "usage[7] index", 0, 0xffff_ffff) };
    });
}
