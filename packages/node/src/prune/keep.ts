import { toHex } from "@meterseal/core";
import {
    chainKey,
    type EngineObserver,
    type Entry,
    type LedgerState,
    type RecordOutcome,
    streamKey,
} from "@meterseal/ledger";
import { type MeterRecord, usageOf } from "@meterseal/record";

/** Why a record that is old enough keeps its bytes. */
export type KeepReason = "disputed" | "head" | "last boundary";

/**
 * Knows which records keep their bytes whatever their age; fed with the whole log by the engine.
 * - *disputed*: the rules did not simply take it (it conflicts, broke a rule, or came before its turn),
 *   or its chain is frozen: it may be evidence;
 * - *head*: the last record of its chain, which a new one must follow;
 * - *last boundary*: of its stream and seal epoch: sums go on from there.
 */
export class KeptRecords implements EngineObserver {
    /** Hashes of records that were not simply taken, hexadecimal; few. */
    readonly #odd = new Set<string>();

    /** Takes in an entry of the log. */
    entryFinal(
        entry: Entry,
        _timeMs: number,
        _finality: unknown,
        outcomes: readonly RecordOutcome[],
    ): void {
        if (entry.kind !== "vertex") return;
        for (const [i, { kind }] of outcomes.entries()) {
            const record = entry.records[i];
            if (record === undefined || kind === "accepted" || kind === "duplicate") continue;
            this.#odd.add(toHex(record.message.hash));
        }
    }

    /** Why a usage record stays as it is in a state of the log; null where it may go. */
    reasonFor(record: MeterRecord, state: LedgerState): KeepReason | null {
        const chain = state.chains.get(chainKey(record.subject, record.chainEpoch));
        const isOdd = this.#odd.has(toHex(record.message.hash));
        if (isOdd || chain === undefined || chain.frozenAt !== null) return "disputed";
        if (record.seq === chain.headSeq) return "head";
        const usage = usageOf(record);
        if (!usage.ok) return "disputed";
        const { count, firstSlot, sealEpoch, stream } = usage.value;
        const progress = state.streams.progress(streamKey(stream, sealEpoch));
        return progress?.lastSlot === firstSlot + count - 1 ? "last boundary" : null;
    }
}
