import {
    error,
    fail,
    LIMITS,
    type MetersealError,
    monthOfDay,
    ok,
    type Result,
    SLOT_ORIGIN_UNIX,
    unixOfSlot,
} from "@meterseal/core";
import {
    type BoundaryAddress,
    channelCount,
    coarseAddresses,
    LEVEL,
    STREAM_MODE,
    type StreamDescriptor,
    type UsageBody,
} from "@meterseal/record";
import type { StreamState } from "./state.ts";

const DAY_SECONDS = 86_400;

/** Stream state after a usage body, or why the body breaks a rule (formats 3, 4, 8). */
export function applyUsage(state: StreamState, usage: UsageBody): Result<StreamState> {
    const mismatch = describeMismatch(state.descriptor, usage);
    if (mismatch !== null) return fail(error("MS_STREAM_RULE", { where: "usage", ...mismatch }));
    if (usage.firstSlot <= state.lastSlot) {
        return fail(
            error("MS_RESEALED", {
                expected: `a first slot after ${state.lastSlot}`,
                got: String(usage.firstSlot),
            }),
        );
    }
    const lastIndex = applyAddresses(state.lastIndex, usage);
    if (!lastIndex.ok) return lastIndex;
    const registers = applyRegisters(state.registers, usage);
    if (!registers.ok) return registers;
    return ok({
        ...state,
        lastSlot: usage.firstSlot + usage.count - 1,
        lastIndex: lastIndex.value,
        registers: registers.value,
    });
}

/** Instant of the last boundary of a usage body, seconds since 1970. */
export function lastBoundaryUnix(usage: UsageBody): number {
    return unixOfSlot(usage.firstSlot + usage.count - 1, usage.slotSeconds);
}

function describeMismatch(
    stream: StreamDescriptor,
    usage: UsageBody,
): { expected: string; got: string } | null {
    const pairs: [string, unknown, unknown][] = [
        ["slot seconds", stream.slotSeconds, usage.slotSeconds],
        ["groups", stream.groups.join(), usage.groups.join()],
        ["mode", stream.mode === STREAM_MODE.open ? "open" : "sealed", usage.values.mode],
        ["scale", stream.scale, usage.scale ?? 0],
    ];
    for (const [name, expected, got] of pairs) {
        if (expected !== got) return { expected: `${name} ${expected}`, got: `${got}` };
    }
    return null;
}

function applyAddresses(
    before: StreamState["lastIndex"],
    usage: UsageBody,
): Result<StreamState["lastIndex"]> {
    const last: [number, number, number, number] = [...before];
    for (const address of coarseAddresses(usage)) {
        const fault = addressFault(address, usage, last[address.level] ?? -1);
        if (fault !== null) return fail(fault);
        last[address.level] = address.index;
    }
    return ok(last);
}

function addressFault(
    address: BoundaryAddress,
    usage: UsageBody,
    lastIndex: number,
): MetersealError | null {
    const unix = unixOfSlot(usage.firstSlot + address.offset, usage.slotSeconds);
    const where = `boundary ${address.offset}, level ${address.level}`;
    if (address.index <= lastIndex) {
        const expected = `an index after ${lastIndex}`;
        return error("MS_BOUNDARY_ADDRESS", { where, expected, got: String(address.index) });
    }
    if (!indexFits(address, unix)) {
        const expected = "an index near the slot's time";
        return error("MS_BOUNDARY_ADDRESS", { where, expected, got: String(address.index) });
    }
    return null;
}

/** Arithmetic only: no time zone data may decide what a ledger accepts (formats 8). */
function indexFits(address: BoundaryAddress, unix: number): boolean {
    switch (address.level) {
        case LEVEL.hour:
            return true; // the format knows one index only
        case LEVEL.day: {
            const midnight = SLOT_ORIGIN_UNIX + address.index * DAY_SECONDS;
            return Math.abs(midnight - unix) <= LIMITS.civilSkewSeconds;
        }
        default:
            return Math.abs(address.index - utcMonthIndex(unix)) <= 1;
    }
}

/** Months since 2000-01 of an instant in UTC, by the proleptic Gregorian calendar. */
export function utcMonthIndex(unix: number): number {
    return monthOfDay(Math.floor((unix - SLOT_ORIGIN_UNIX) / DAY_SECONDS));
}

/** P0's rule for open streams: no register of any channel ever runs backwards. */
function applyRegisters(before: readonly bigint[], usage: UsageBody): Result<readonly bigint[]> {
    if (usage.values.mode === "sealed") return ok(before);
    const channels = channelCount(usage.groups);
    let last = before;
    for (let offset = 0; offset < usage.count; offset++) {
        const now = usage.values.registers.slice(offset * channels, (offset + 1) * channels);
        for (let channel = 0; channel < channels; channel++) {
            const previous = last[channel];
            const value = now[channel] as bigint;
            if (previous !== undefined && value < previous) {
                const where = `boundary ${offset}, channel ${channel}`;
                return fail(
                    error("MS_REGISTER_DECREASED", {
                        where,
                        expected: `at least ${previous}`,
                        got: String(value),
                    }),
                );
            }
        }
        last = now;
    }
    return ok(last);
}
