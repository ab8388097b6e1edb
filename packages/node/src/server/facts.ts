import { toHex, unixOfSlot } from "@meterseal/core";
import {
    type EngineObserver,
    type Entry,
    type Finality,
    messageOf,
    type RecordOutcome,
} from "@meterseal/ledger";
import {
    decodeCbor,
    encodeCbor,
    FLAG,
    type MeterRecord,
    type Pruning,
    RECORD_CLASS,
    toArray,
    toInteger,
    usageOf,
} from "@meterseal/record";

import type { ImagedView } from "./imaged-view.ts";
import { LeafTable, MeterTable } from "./meter-table.ts";

/** What anybody can see of one meter in its final records. */
export type MeterFacts = {
    records: number;
    /** Register boundaries. */
    readings: number;
    /** Intervals that the meter itself calls missing or without power. */
    missingIntervals: number;
    /** Stretches of slots that no record covers. */
    holes: number;
    lastRecordUnix: number;
    lastSlot: number;
    lastSlotUnix: number;
    chainEpoch: number;
    lastSeq: number;
};

/** Totals over a ledger. */
export type LedgerFacts = { vertices: number; records: number; readings: number };

/** Keeps count while the log grows; fed with all of it that its image does not cover. */
export class Facts implements EngineObserver, ImagedView {
    readonly meters: MeterTable = new MeterTable();
    readonly totals: LedgerFacts = { vertices: 0, records: 0, readings: 0 };

    /** Log index of each entry but vertices by the hash of its message (hexadecimal). */
    readonly leaves: LeafTable = new LeafTable();

    /** Log index of the entry by which the youngest records were pruned; null before the first. */
    pruning: { readonly leafIndex: number; readonly beforeUnix: number } | null = null;

    /** Takes in an entry of the log. */
    entryFinal(
        entry: Entry,
        _timeMs: number,
        { leafIndex }: Finality,
        outcomes: readonly RecordOutcome[],
    ): void {
        if (entry.kind !== "vertex") {
            this.leaves.set(messageOf(entry).hash, leafIndex);
            if (entry.kind === "pruning") this.#addPruning(entry.pruning, leafIndex);
            return;
        }
        this.totals.vertices++;
        for (const [i, record] of entry.records.entries()) {
            // Another collector has brought it already: its meter went from one to the other.
            if (outcomes[i]?.kind !== "duplicate") this.#add(record);
        }
    }

    #addPruning({ beforeUnix }: Pruning, leafIndex: number): void {
        if (beforeUnix > (this.pruning?.beforeUnix ?? -1)) this.pruning = { leafIndex, beforeUnix };
    }

    #add(record: MeterRecord): void {
        const subject = toHex(record.subject);
        const facts = this.meters.get(subject) ?? newFacts();
        this.#count(facts, record);
        this.meters.set(subject, facts);
    }

    #count(facts: MeterFacts, record: MeterRecord): void {
        facts.records++;
        facts.lastRecordUnix = Math.max(facts.lastRecordUnix, record.timeUnix);
        facts.chainEpoch = record.chainEpoch;
        facts.lastSeq = record.seq;
        this.totals.records++;
        const usage = record.recordClass === RECORD_CLASS.usage ? usageOf(record) : null;
        if (!usage?.ok) return;
        const { count, firstSlot, flags, slotSeconds } = usage.value;
        facts.readings += count;
        this.totals.readings += count;
        for (const { flag, length } of flags) {
            if (flag === FLAG.missing || flag === FLAG.powerOff) facts.missingIntervals += length;
        }
        if (facts.lastSlot > 0 && firstSlot > facts.lastSlot + 1) facts.holes++;
        facts.lastSlot = firstSlot + count - 1;
        facts.lastSlotUnix = unixOfSlot(facts.lastSlot, slotSeconds);
    }

    /** Pages of all of it, for an image (ImagedView). */
    save(): Uint8Array[][] {
        const { readings, records, vertices } = this.totals;
        const { beforeUnix, leafIndex } = this.pruning ?? { beforeUnix: 0, leafIndex: -1 };
        const head = encodeCbor([vertices, records, readings, leafIndex, beforeUnix]);
        return [[head], ...this.meters.save(), ...this.leaves.save()];
    }

    /** Takes over pages of {@link save} (ImagedView). @throws MetersealError MS_MALFORMED */
    load([head = [], ...pages]: readonly (readonly Uint8Array[])[]): void {
        const fields = toArray(decodeCbor(head[0] ?? new Uint8Array()), "facts", 5);
        const number = (i: number, least = 0): number =>
            toInteger(fields[i], "facts", least, Number.MAX_SAFE_INTEGER);
        const totals = { vertices: number(0), records: number(1), readings: number(2) };
        const leafIndex = number(3, -1);
        this.pruning = leafIndex < 0 ? null : { leafIndex, beforeUnix: number(4) };
        Object.assign(this.totals, totals);
        this.meters.load(pages.slice(0, 2));
        this.leaves.load(pages.slice(2));
    }
}

/**
 * Age in seconds of the newest reading of all, and of the newest reading of the meter that has been
 * silent longest; NaN while there is no reading.
 */
export function readingAge(
    facts: Pick<Facts, "meters">,
    nowMs: number,
): { newest: number; oldest: number } {
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const lastSlotUnix of facts.meters.lastSlots()) {
        if (lastSlotUnix === 0) continue; // records without a reading
        first = Math.min(first, lastSlotUnix);
        last = Math.max(last, lastSlotUnix);
    }
    const age = (unix: number): number =>
        Number.isFinite(unix) ? nowMs / 1000 - unix : Number.NaN;
    return { newest: age(last), oldest: age(first) };
}

function newFacts(): MeterFacts {
    return {
        records: 0,
        readings: 0,
        missingIntervals: 0,
        holes: 0,
        lastRecordUnix: 0,
        lastSlot: 0,
        lastSlotUnix: 0,
        chainEpoch: 0,
        lastSeq: 0,
    };
}
