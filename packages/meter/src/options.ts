import type { Clock, Log, MeterLink, Signer, Timers } from "@meterseal/core";
import type { MeterStore } from "@meterseal/record";
import type { ClockWatcher } from "./clock-ahead.ts";
import type { MonotonicCounter } from "./counter.ts";
import type { MeterProfile } from "./profile.ts";

/** What a meter agent works with. */
export type MeterAgentOptions = {
    readonly profile: MeterProfile;
    readonly signer: Signer;
    /** Master secret of the stream, 32 bytes; null for an open stream. */
    readonly master: Uint8Array | null;
    readonly store: MeterStore;
    /** Tells whether the store is the latest; without one a lost or restored store goes unnoticed. */
    readonly counter?: MonotonicCounter;
    readonly link: MeterLink;
    readonly clock: Clock;
    readonly timers: Timers;
    readonly log: Log;
    /** Boundaries in one record, 1 … 384; fewer where many commitments would not fit it. */
    readonly recordBoundaries?: number;
    /** Takes the place of the log lines about {@link MeterAgent.clockAhead}. */
    readonly onClockAhead?: ClockWatcher;
    readonly memory?: MeterMemory;
    /**
     * What the boundaries come from: readings of a register (unless given), which hold what a gap
     * before them hid; or the energy of intervals, of which a missing one is lost.
     */
    readonly source?: "registers" | "intervals" | undefined;
};

/** How much a meter keeps where it cannot send. */
export type MeterMemory = {
    /** Records until they are final, 1 … {@link LIMITS.outboxRecords}. */
    readonly records: number;
    /** Boundaries that are in no record yet, 4 … {@link LIMITS.waitingBoundaries}. */
    readonly boundaries: number;
};
