import { toHex, unixOfSlot } from "@meterseal/core";
import {
    chainKey,
    type EngineObserver,
    type Entry,
    type LedgerState,
    type RecordOutcome,
    streamKey,
} from "@meterseal/ledger";
import { lastRegistersUnix, type MeterRecord, RECORD_CLASS, usageOf } from "@meterseal/record";

/** Why a record that is old enough keeps its bytes. */
export type KeepReason = "disputed" | "head" | "last boundary" | "several streams";

/**
 * Knows which records keep their bytes whatever their age; fed with the whole log by the engine.
 * - *disputed*: the rules did not simply take it (it conflicts, broke a rule, or came before its turn),
 *   or its chain is frozen: it may be evidence;
 * - *head*: the last record of its chain, which a new one must follow;
 * - *last boundary*: of its stream and seal epoch, or before a gap that reaches over the instant: sums go
 *   on from there, and a reader of evidence sees that what lacks is older than the instant;
 * - *several streams*: of a key that has more than one. They need not stand in one order of time in the
 *   chain, and no reader of evidence could see that what lacks of each is older than the instant.
 */
export class KeptRecords implements EngineObserver {
    /** Hashes of records that were not simply taken, hexadecimal; few. */
    readonly #odd = new Set<string>();
    /** Last usage record of each meter so far, by subject. */
    readonly #last = new Map<string, MeterRecord>();
    /** Up to when no boundary was recorded behind a record, seconds since 1970, by its hash; few. */
    readonly #gaps = new Map<string, number>();

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
            if (record === undefined) continue;
            this.#noteGap(record);
            if (kind === "accepted" || kind === "duplicate") continue;
            this.#odd.add(toHex(record.message.hash));
        }
    }

    #noteGap(record: MeterRecord): void {
        const usage = record.recordClass === RECORD_CLASS.usage ? usageOf(record) : null;
        if (usage === null || !usage.ok) return;
        const { firstSlot, slotSeconds } = usage.value;
        const subject = toHex(record.subject);
        const before = this.#last.get(subject);
        this.#last.set(subject, record);
        const untilUnix = unixOfSlot(firstSlot, slotSeconds) - slotSeconds;
        if (before === undefined || untilUnix <= lastRegistersUnix(before)) return;
        this.#gaps.set(toHex(before.message.hash), untilUnix);
    }

    /** Why a usage record older than an instant stays as it is in a state of the log; null where it may go. */
    reasonFor(record: MeterRecord, state: LedgerState, beforeUnix: number): KeepReason | null {
        const chain = state.chains.get(chainKey(record.subject, record.chainEpoch));
        const name = toHex(record.message.hash);
        const isOdd = this.#odd.has(name);
        if (isOdd || chain === undefined || chain.frozenAt !== null) return "disputed";
        const signer = state.keys.get(toHex(record.message.kid));
        if (signer?.streams.length !== 1) return "several streams";
        if (record.seq === chain.headSeq) return "head";
        if ((this.#gaps.get(name) ?? 0) >= beforeUnix) return "last boundary";
        const usage = usageOf(record);
        if (!usage.ok) return "disputed";
        const { count, firstSlot, sealEpoch, stream } = usage.value;
        const progress = state.streams.progress(streamKey(stream, sealEpoch));
        return progress?.lastSlot === firstSlot + count - 1 ? "last boundary" : null;
    }
}
