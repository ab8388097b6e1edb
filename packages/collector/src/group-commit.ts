import { LIMITS, type Timers } from "@meterseal/core";
import type { RecordStore } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";

type Waiting = {
    readonly records: readonly MeterRecord[];
    done(added: readonly MeterRecord[]): void;
    failed(cause: unknown): void;
};

/**
 * Collects records for one durable transaction: at most {@link LIMITS.commitRecords} of them, none
 * waiting longer than {@link LIMITS.commitDelayMs}. One transaction is under way at a time. After a
 * failed one nothing is written any more: what follows must not be on disk without it.
 */
export class GroupCommit {
    readonly #store: RecordStore;
    readonly #timers: Timers;
    #waiting: Waiting[] = [];
    #count = 0;
    #cancelTimer: (() => void) | null = null;
    #running: Promise<void> = Promise.resolve();
    #failure: { readonly cause: unknown } | null = null;

    constructor(store: RecordStore, timers: Timers) {
        this.#store = store;
        this.#timers = timers;
    }

    /**
     * Resolves when the records, and all that were given before, are on disk, with those that now wait
     * for a vertex and did not before.
     */
    commit(records: readonly MeterRecord[]): Promise<readonly MeterRecord[]> {
        return new Promise((resolve, reject) => {
            this.#waiting.push({ records, done: resolve, failed: reject });
            this.#count += records.length;
            if (this.#count >= LIMITS.commitRecords) this.#flush();
            else
                this.#cancelTimer ??= this.#timers.after(LIMITS.commitDelayMs, () => this.#flush());
        });
    }

    #flush(): void {
        this.#cancelTimer?.();
        this.#cancelTimer = null;
        const batch = this.#waiting;
        this.#waiting = [];
        this.#count = 0;
        this.#running = this.#running.then(() => this.#write(batch));
    }

    async #write(batch: readonly Waiting[]): Promise<void> {
        try {
            if (this.#failure !== null) throw this.#failure.cause;
            const records = batch.flatMap((waiting) => waiting.records);
            const added = new Set(
                records.length > 0 ? await this.#store.insertRecords(records) : [],
            );
            for (const { done, records: own } of batch) done(own.filter((each) => added.has(each)));
        } catch (cause) {
            this.#failure ??= { cause };
            for (const waiting of batch) waiting.failed(cause);
        }
    }
}
