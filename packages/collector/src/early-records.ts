import { LIMITS, toHex } from "@meterseal/core";
import { chainKey, compareRecords, type LedgerState } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { earliestMs } from "./record-time.ts";

/** When a record goes again that the ledger passed over, milliseconds of the steady clock. */
export type Pause = {
    /** Not before this time … */
    readonly leastMs: number;
    /** … and then as soon as the ledger shows that it can take it, at the latest at this one. */
    readonly mostMs: number;
};

/** What the time is. */
export type Times = {
    /** By which the ledger dates entries, as far as known here; milliseconds since 1970. */
    readonly nowMs: number;
    readonly steadyMs: number;
    readonly ledger: Pick<LedgerState, "chains" | "lastTimeMs">;
};

type Waiting = { readonly record: MeterRecord; readonly pause: Pause | null };

/**
 * Records on disk that may not go to the ledger yet, because of their date or because it passed over
 * them, and the later ones by the same key, which would only wait there. All others go on. At most
 * {@link LIMITS.earlyRecords}: beyond it the collector takes no more of these meters.
 */
export class EarlyRecords {
    /** By key id (hexadecimal), in the order of its chains. */
    readonly #queues = new Map<string, Waiting[]>();
    #size = 0;

    get size(): number {
        return this.#size;
    }

    /** True where no more of a meter (hexadecimal) may be taken. */
    isFullFor(subjectHex: string): boolean {
        if (this.#size < LIMITS.earlyRecords) return false;
        const firsts = [...this.#queues.values()].flatMap((queue) => queue.slice(0, 1));
        return firsts.some(({ record }) => toHex(record.subject) === subjectHex);
    }

    /** True for a record that has to wait behind an earlier one by its key. */
    isBehind(record: MeterRecord): boolean {
        const first = this.#size === 0 ? undefined : this.#queues.get(keyOf(record))?.[0];
        return first !== undefined && compareRecords(first.record, record) < 0;
    }

    add(record: MeterRecord, pause: Pause | null = null): void {
        const key = keyOf(record);
        const queue = this.#queues.get(key) ?? [];
        this.#queues.set(key, queue);
        const place = queue.findLastIndex((each) => compareRecords(each.record, record) <= 0);
        queue.splice(place + 1, 0, { record, pause });
        this.#size++;
    }

    /** Takes out the records whose time has come, none before an earlier one by its key. */
    take(times: Times): MeterRecord[] {
        const taken: MeterRecord[] = [];
        for (const [key, queue] of this.#queues) {
            const found = queue.findIndex((each) => !isReady(each, times));
            const ready = queue.splice(0, found < 0 ? queue.length : found);
            for (const { record } of ready) taken.push(record);
            if (queue.length === 0) this.#queues.delete(key);
        }
        this.#size -= taken.length;
        return taken;
    }
}

function keyOf({ message }: MeterRecord): string {
    return toHex(message.kid);
}

function isReady({ pause, record }: Waiting, { ledger, nowMs, steadyMs }: Times): boolean {
    const dueMs = earliestMs(record);
    if (dueMs > nowMs) return false;
    if (pause === null || steadyMs >= pause.mostMs) return true;
    if (steadyMs < pause.leastMs || ledger.lastTimeMs < dueMs) return false;
    // Beyond what may wait in the ledger, it would be passed over again.
    const chain = ledger.chains.get(chainKey(record.subject, record.chainEpoch));
    return record.seq <= (chain?.headSeq ?? 0) + LIMITS.pendingRecords;
}
