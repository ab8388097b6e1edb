import { error, toHex } from "@meterseal/core";
import {
    chainKey,
    type EngineObserver,
    type Entry,
    type Finality,
    type LedgerState,
    type RecordOutcome,
} from "@meterseal/ledger";
import {
    EVENT_KIND,
    eventOf,
    type MeterRecord,
    RECORD_CLASS,
    type StreamDescriptor,
    usageOf,
} from "@meterseal/record";
import { BoundaryLine, type EpochLine, type PlacedEvent, StreamLine } from "@meterseal/seal";
import type { StoreReader } from "@meterseal/stores/sqlite";

/** Slots of one chain epoch in a line: from the first one on, up to its last record. */
type ChainSpan = { readonly chainEpoch: number; readonly firstSlot: number; lastSeq: number };

type EpochEntry = {
    readonly descriptor: StreamDescriptor;
    readonly line: BoundaryLine;
    readonly chains: ChainSpan[];
    opening: PlacedEvent | null;
    closing: PlacedEvent | null;
};

/** A stream as the index knows it. */
export type IndexedStream = {
    readonly stream: Uint8Array;
    readonly subject: Uint8Array;
    /** Of the latest seal epoch. */
    readonly descriptor: StreamDescriptor;
    /** Seal epochs by number. */
    readonly epochs: ReadonlyMap<number, EpochEntry>;
};

/**
 * Where the boundaries of every stream are and how they are flagged, kept while the log grows and
 * fed with the whole log at start. Holds no register: a well-behaved meter takes some hundred bytes,
 * whatever its age.
 */
export class StreamIndex implements EngineObserver {
    readonly #streams = new Map<string, IndexedStream & { epochs: Map<number, EpochEntry> }>();

    /** Takes in an entry of the log: new streams, and the records that were accepted. */
    entryFinal(
        entry: Entry,
        _timeMs: number,
        _finality: Finality,
        outcomes: readonly RecordOutcome[],
    ): void {
        if (entry.kind === "enrolment") {
            const { id, streams } = entry.enrolment;
            for (const descriptor of streams) this.#open(id, descriptor);
        }
        if (entry.kind !== "vertex") return;
        for (const [i, record] of entry.records.entries()) {
            const outcome = outcomes[i];
            if (outcome?.kind !== "accepted") continue;
            for (const each of [record, ...outcome.released]) this.#add(each);
        }
    }

    /** A stream by its id; null where there is none. */
    find(stream: Uint8Array): IndexedStream | null {
        return this.#streams.get(toHex(stream)) ?? null;
    }

    /**
     * A stream by its id.
     * @throws MetersealError MS_NOT_FOUND.
     */
    get(stream: Uint8Array): IndexedStream {
        const found = this.find(stream);
        if (found === null) throw error("MS_NOT_FOUND", { where: `stream ${toHex(stream)}` });
        return found;
    }

    #open(subject: Uint8Array, descriptor: StreamDescriptor): void {
        const { stream } = descriptor;
        const epochs = this.#streams.get(toHex(stream))?.epochs ?? new Map<number, EpochEntry>();
        this.#streams.set(toHex(stream), { stream, subject, descriptor, epochs });
        epochs.set(descriptor.sealEpoch, {
            descriptor,
            line: new BoundaryLine(),
            chains: [],
            opening: null,
            closing: null,
        });
    }

    #add(record: MeterRecord): void {
        const { chainEpoch, recordClass, seq } = record;
        if (recordClass === RECORD_CLASS.usage) {
            const usage = usageOf(record);
            if (!usage.ok) return;
            const { count, firstSlot, flags, sealEpoch, stream } = usage.value;
            const epoch = this.#streams.get(toHex(stream))?.epochs.get(sealEpoch);
            if (epoch === undefined) return;
            epoch.line.append(firstSlot, count, flags);
            const chain = epoch.chains.at(-1);
            if (chain?.chainEpoch === chainEpoch) chain.lastSeq = seq;
            else epoch.chains.push({ chainEpoch, firstSlot, lastSeq: seq });
        } else if (recordClass === RECORD_CLASS.billing) {
            const event = eventOf(record);
            if (!event.ok) return;
            const { kind, sealEpoch, stream } = event.value;
            const epoch = this.#streams.get(toHex(stream))?.epochs.get(sealEpoch);
            if (epoch === undefined) return;
            const end = kind === EVENT_KIND.opening ? "opening" : "closing";
            epoch[end] = { event: event.value, place: { chainEpoch, seq } };
        }
    }
}

/**
 * The boundaries of a stream that count now: records of a chain that was frozen since count up to the
 * place in dispute.
 * @throws MetersealError MS_RESEALED where seal epochs overlap.
 */
export async function lineOf(
    { epochs, subject }: IndexedStream,
    state: LedgerState,
    reader: StoreReader,
): Promise<StreamLine> {
    const headSeq = (chainEpoch: number): number =>
        state.chains.get(chainKey(subject, chainEpoch))?.headSeq ?? 0;
    const counts = (placed: PlacedEvent | null): PlacedEvent | null =>
        placed !== null && placed.place.seq <= headSeq(placed.place.chainEpoch) ? placed : null;
    const lines: EpochLine[] = [];
    for (const [sealEpoch, { chains, closing, line, opening }] of epochs) {
        let endSlot = line.last ?? 0;
        for (const { chainEpoch, firstSlot, lastSeq } of chains) {
            const head = headSeq(chainEpoch);
            if (lastSeq <= head) continue;
            const last = await reader.lastUsage(subject, chainEpoch, head);
            endSlot = Math.min(endSlot, last?.lastSlot ?? firstSlot - 1);
        }
        const ends = { opening: counts(opening), closing: counts(closing) };
        lines.push({ sealEpoch, line, endSlot, ...ends });
    }
    const joined = StreamLine.of(lines);
    if (!joined.ok) throw joined.error;
    return joined.value;
}
