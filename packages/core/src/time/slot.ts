import { assert } from "../errors.ts";

/** Slot 0 of every stream: 2000-01-01T00:00Z in seconds since 1970 (formats 3). */
export const SLOT_ORIGIN_UNIX = 946_684_800;

/** True for a slot length that a stream may have: 1 … 3600 seconds, a divisor of 3600 (formats 3). */
export function isSlotSeconds(slotSeconds: number): boolean {
    return slotSeconds >= 1 && slotSeconds <= 3600 && 3600 % slotSeconds === 0;
}

/**
 * Slot that holds an instant: the last slot boundary at or before it; negative before the origin.
 *
 * @param unixSeconds - whole seconds since 1970-01-01T00:00Z.
 * @param slotSeconds - a length that {@link isSlotSeconds} accepts; anything else stops the program.
 */
export function slotOfUnix(unixSeconds: number, slotSeconds: number): number {
    assert(Number.isSafeInteger(unixSeconds), "an instant in whole seconds");
    assert(isSlotSeconds(slotSeconds), "a slot length that divides the hour");
    return Math.floor((unixSeconds - SLOT_ORIGIN_UNIX) / slotSeconds);
}

/**
 * Instant of a slot boundary in seconds since 1970-01-01T00:00Z; inverse of {@link slotOfUnix}.
 *
 * @param slotSeconds - a length that {@link isSlotSeconds} accepts; anything else stops the program.
 */
export function unixOfSlot(slot: number, slotSeconds: number): number {
    assert(Number.isSafeInteger(slot), "a whole slot number");
    assert(isSlotSeconds(slotSeconds), "a slot length that divides the hour");
    return SLOT_ORIGIN_UNIX + slot * slotSeconds;
}
