import { error, type MetersealError } from "@meterseal/core";
import type { MeterState } from "./state.ts";

/**
 * A number that only grows and that the meter's memory cannot take back with it: a file beside the
 * store, or the counter of a TPM or secure element. It tells a lost or restored memory from a new one.
 */
export interface MonotonicCounter {
    /** The number; null where there is no counter any more. */
    read(): Promise<number | null>;
    /** Makes the number this one, durably; never a smaller one than before. */
    raise(to: number): Promise<void>;
}

/**
 * Why a meter may not go on from what its memory says: the counter knows of later starts, so that
 * slots may have been sealed which this memory does not know of. Null where it may.
 *
 * @param state of the memory; null for an empty one.
 * @param counted of the counter; null where it is gone.
 */
export function memoryFault(
    state: MeterState | null,
    counted: number | null,
    where: string,
): MetersealError | null {
    const starts = state?.starts ?? 0;
    if (counted === null) {
        // A memory from before there were counters gets one.
        if (state !== null && starts === 0) return null;
        return fault(where, "no counter: nobody can tell whether this memory is the latest");
    }
    if (starts >= counted) return null;
    return fault(
        where,
        state === null
            ? "no memory of a meter that was in service"
            : `an older memory, of start ${starts} of ${counted}`,
    );
}

function fault(where: string, got: string): MetersealError {
    const todo =
        "It might seal a register twice, which gives registers away: it goes on under the next chain and seal epoch, by meterseal meter recover.";
    return error("MS_OUTBOX", { where, got, todo });
}
