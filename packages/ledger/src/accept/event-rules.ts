import { error, fail, ok, type Result, unixOfSlot } from "@meterseal/core";
import { EVENT_KIND, type RegisterEvent } from "@meterseal/record";
import type { StreamState } from "./state.ts";
import {
    applyRegisters,
    bodyMismatch,
    closedMismatch,
    commitmentMismatch,
    type Mismatch,
} from "./usage-rules.ts";

/**
 * Stream state after a register event, or why the event breaks a rule (formats 3, 8). An opening
 * comes before everything else of its seal epoch, a closing after; neither looks at another epoch,
 * whose records may come later: a reader holds both ends together.
 */
export function applyEvent(state: StreamState, event: RegisterEvent): Result<StreamState> {
    const mismatch =
        bodyMismatch(state.descriptor, event) ??
        commitmentMismatch(state.descriptor, event) ??
        closedMismatch(state) ??
        placeMismatch(state, event);
    if (mismatch !== null) return fail(error("MS_STREAM_RULE", { where: "event", ...mismatch }));
    if (event.index <= state.lastEvent) {
        const expected = `an index after ${state.lastEvent}`;
        return fail(
            error("MS_BOUNDARY_ADDRESS", { where: "event", expected, got: String(event.index) }),
        );
    }
    const registers = applyRegisters(state.registers, event.values, event.groups);
    if (!registers.ok) return registers;
    const isOpening = event.kind === EVENT_KIND.opening;
    return ok({
        ...state,
        registers: registers.value,
        lastEvent: event.index + (event.before?.stated === undefined ? 0 : 1),
        openedUnix: isOpening ? event.atUnix : state.openedUnix,
        closed: !isOpening,
    });
}

function placeMismatch(state: StreamState, event: RegisterEvent): Mismatch | null {
    if (event.kind === EVENT_KIND.opening) {
        if (state.lastSlot < 0 && state.lastEvent < 0) return null;
        return {
            expected: "an opening before all else",
            got: "one in a seal epoch that has begun",
        };
    }
    const { slotSeconds } = state.descriptor;
    const lastUnix = state.lastSlot < 0 ? 0 : unixOfSlot(state.lastSlot, slotSeconds);
    if (event.atUnix >= Math.max(lastUnix, state.openedUnix)) return null;
    return { expected: "a closing after the last boundary", got: "one before it" };
}
