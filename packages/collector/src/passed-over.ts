import { type Clock, type Log, toHex } from "@meterseal/core";
import { compareRecords, type LedgerState, type RecordOutcome } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { type Admission, holdsRecord } from "./admission.ts";
import type { Pause } from "./early-records.ts";
import { earliestMs } from "./record-time.ts";
import type { VertexBuilder } from "./vertex-builder.ts";

/** A record that the ledger passed over with an entry, and may take with a later one. */
type PassedOver = {
    readonly record: MeterRecord;
    /** How far its date was ahead of the entry's time, milliseconds; null where an earlier one was missing. */
    readonly aheadMs: number | null;
};

/** Least and greatest time after which a record goes again; each time costs a copy in the log. */
const PAUSE_LEAST_MS = 30_000;
const PAUSE_MOST_MS = 3_600_000;

/** What a {@link CarryAgain} works with. */
export type CarryAgainOptions = {
    readonly admission: Pick<Admission, "holds">;
    /** Real time. */
    readonly steadyClock: Clock;
    readonly log: Log;
    /** Resolves with those that wait for a vertex now and did not before, once all are on disk. */
    readonly commit: (records: readonly MeterRecord[]) => Promise<ReadonlySet<MeterRecord>>;
    readonly inBackground: (work: Promise<void>) => void;
};

/**
 * Carries own records again that the ledger passed over: who was told `stored` sends them no more. They
 * wait for another vertex on disk at once, so that a stop in between loses none.
 */
export class CarryAgain {
    readonly #options: CarryAgainOptions;
    /** What was passed over in the log before {@link start}, by hash: a record may have gone several times. */
    readonly #noted = new Map<string, PassedOver>();
    #builder: Pick<VertexBuilder, "addLater"> | null = null;

    constructor(options: CarryAgainOptions) {
        this.#options = options;
    }

    /** Takes out what was noted so far and the ledger does not hold now, in the order of its chains. */
    notHeldBy(ledger: Pick<LedgerState, "chains">): MeterRecord[] {
        const records = [...this.#noted.values()].map(({ record }) => record);
        this.#noted.clear();
        return records.filter((record) => !holdsRecord(ledger, record)).sort(compareRecords);
    }

    /** Begins to carry, with what was noted since {@link notHeldBy}. */
    start(builder: Pick<VertexBuilder, "addLater">): void {
        this.#builder = builder;
        this.#carry([...this.#noted.values()], builder);
        this.#noted.clear();
    }

    /** Notes what became of the records of an own vertex; see {@link passedOver}. */
    note(
        records: readonly MeterRecord[],
        outcomes: readonly RecordOutcome[],
        timeMs: number,
    ): void {
        const passed = passedOver(records, outcomes, timeMs);
        if (this.#builder !== null) this.#carry(passed, this.#builder);
        else for (const each of passed) this.#noted.set(toHex(each.record.message.hash), each);
    }

    #carry(passed: readonly PassedOver[], builder: Pick<VertexBuilder, "addLater">): void {
        const { admission, inBackground, log } = this.#options;
        // Evidence that misses an earlier record may miss it for good.
        const again = passed.filter(
            ({ aheadMs, record }) => aheadMs !== null || admission.holds(record),
        );
        if (again.length === 0) return;
        log.warn("the ledger's time is behind stored records: they go again later", {
            records: again.length,
        });
        inBackground(this.#store(again, builder));
    }

    async #store(
        passed: readonly PassedOver[],
        builder: Pick<VertexBuilder, "addLater">,
    ): Promise<void> {
        const added = await this.#options.commit(passed.map(({ record }) => record));
        const steadyMs = this.#options.steadyClock.nowMs();
        for (const each of passed) {
            if (added.has(each.record)) builder.addLater(each.record, pauseOf(each, steadyMs));
        }
    }
}

/**
 * Records of an own vertex that the ledger passed over: their date was too far ahead of its time, for the
 * clock here was ahead as well when they were taken; or so many of their chain waited for such a one
 * there that it had no room.
 * @param timeMs - of the entry.
 */
function passedOver(
    records: readonly MeterRecord[],
    outcomes: readonly RecordOutcome[],
    timeMs: number,
): PassedOver[] {
    const passed: PassedOver[] = [];
    for (const [i, outcome] of outcomes.entries()) {
        const record = records[i];
        if (record === undefined || outcome.kind !== "refused") continue;
        const { code } = outcome.error;
        if (code === "MS_CLOCK") passed.push({ record, aheadMs: earliestMs(record) - timeMs });
        if (code === "MS_GAP") passed.push({ record, aheadMs: null });
    }
    return passed;
}

/** When a record goes again that was passed over now. */
function pauseOf({ aheadMs }: PassedOver, steadyMs: number): Pause {
    const mostMs = Math.min(Math.max(aheadMs ?? PAUSE_MOST_MS, PAUSE_LEAST_MS), PAUSE_MOST_MS);
    return { leastMs: steadyMs + PAUSE_LEAST_MS, mostMs: steadyMs + mostMs };
}
