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
    const mismatch =
        slotMismatch(state.descriptor, usage) ??
        bodyMismatch(state.descriptor, usage) ??
        commitmentMismatch(state.descriptor, usage) ??
        closedMismatch(state);
    if (mismatch !== null) return fail(error("MS_STREAM_RULE", { where: "usage", ...mismatch }));
    if (unixOfSlot(usage.firstSlot, usage.slotSeconds) < state.openedUnix) {
        const expected = "a first boundary after the opening of the seal epoch";
        return fail(error("MS_STREAM_RULE", { where: "usage", expected }));
    }
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
    const registers = applyRegisters(state.registers, usage.values, usage.groups);
    if (!registers.ok) return registers;
    return ok({
        ...state,
        lastSlot: usage.firstSlot + usage.count - 1,
        lastIndex: lastIndex.value,
        registers: registers.value,
    });
}

/** What a body and its stream disagree about. */
export type Mismatch = { readonly expected: string; readonly got: string };

function slotMismatch(stream: StreamDescriptor, usage: UsageBody): Mismatch | null {
    if (stream.slotSeconds === usage.slotSeconds) return null;
    return { expected: `slot seconds ${stream.slotSeconds}`, got: `${usage.slotSeconds}` };
}

/** Groups, mode and scale of a usage body or a register event against its stream; null = all fit. */
export function bodyMismatch(
    stream: StreamDescriptor,
    body: Pick<UsageBody, "groups" | "values" | "scale">,
): Mismatch | null {
    const pairs: [string, unknown, unknown][] = [
        ["groups", stream.groups.join(), body.groups.join()],
        ["mode", stream.mode === STREAM_MODE.open ? "open" : "sealed", body.values.mode],
        ["scale", stream.scale, body.scale ?? 0],
    ];
    for (const [name, expected, got] of pairs) {
        if (expected !== got) return { expected: `${name} ${expected}`, got: `${got}` };
    }
    return null;
}

/**
 * Commitments are counted, not decoded: that costs a hundred times a signature, and what is no group
 * element harms the bill of its own meter alone, under that meter's signature.
 */
export function commitmentMismatch(
    stream: StreamDescriptor,
    body: Pick<UsageBody, "commitments">,
): Mismatch | null {
    const expected = stream.committed ?? 0;
    const got = body.commitments?.length ?? 0;
    return expected === got
        ? null
        : { expected: `commitments of ${expected} groups`, got: `${got}` };
}

/** A seal epoch that was closed takes nothing more. */
export function closedMismatch({ closed }: StreamState): Mismatch | null {
    return closed ? { expected: "a seal epoch that is open", got: "one that was closed" } : null;
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

/**
 * P0's rule for open streams: no register of any channel ever runs backwards.
 *
 * @param values one or several boundaries, boundary-major.
 * @returns the last registers; those before for a sealed stream, of which validators see none.
 */
export function applyRegisters(
    before: readonly bigint[],
    values: UsageBody["values"],
    groups: readonly number[],
): Result<readonly bigint[]> {
    if (values.mode === "sealed") return ok(before);
    const channels = channelCount(groups);
    let last = before;
    for (let offset = 0; offset * channels < values.registers.length; offset++) {
        const now = values.registers.slice(offset * channels, (offset + 1) * channels);
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
